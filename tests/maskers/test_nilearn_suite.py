"""nilearn's own tests of its maskers, scikit-learn's estimator checks included, on the drop-ins.

What fails must fail for nilearn's classes too, or stand in `DEPARTURES`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nilearn_suite import run_suite

MODULES = [
    "test_nifti_masker",
    "test_nifti_labels_masker",
    "test_nifti_maps_masker",
    "test_nifti_spheres_masker",
    "test_multi_nifti_masker",
    "test_multi_nifti_labels_masker",
    "test_multi_nifti_maps_masker",
]
# Tests of nilearn that hold the drop-ins to what they are meant to do otherwise.
DEPARTURES = {
    ("test_multi_nifti_labels_masker", "test_resampling_target"): (
        "with keep_masked_labels, labels that resampling loses keep their column too"
    ),
    ("test_nifti_spheres_masker", "test_sphere_extraction"): (
        "asks for bit-equal means, and seven numbers added in another order differ in the last bit"
    ),
}
# Fewest tests of a module: a run that collects less has tested nothing.
_LEAST = 60


@pytest.mark.timeout(900)
@pytest.mark.parametrize("module", MODULES)
def test_nilearn_finds_no_difference(module: str, tmp_path: Path) -> None:
    ours = run_suite(f"nilearn.maskers.tests.{module}", tmp_path, plugin="tests.maskers.swapped")
    assert len(ours) >= _LEAST
    failed = {name for name, passed in ours.items() if not passed}
    unexplained = {name for name in failed if (module, name) not in DEPARTURES}
    if unexplained:
        theirs = run_suite(f"nilearn.maskers.tests.{module}", tmp_path, only=unexplained)
        assert set(theirs) == unexplained
        unexplained = {name for name in unexplained if theirs[name]}
    assert not unexplained
    stale = {name for of, name in DEPARTURES if of == module} - failed
    assert not stale, "these are no departures any more"
