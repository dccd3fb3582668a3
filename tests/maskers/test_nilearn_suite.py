"""nilearn's own tests of its maskers, scikit-learn's estimator checks included, on the drop-ins.

What fails must fail for nilearn's classes too, or stand in `DEPARTURES`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nilearn_suite import fail_for_ours_alone, run_suite

PACKAGE = "nilearn.maskers.tests"
# Those of one process.
TOGETHER = [
    ["test_nifti_masker", "test_multi_nifti_masker", "test_nifti_maps_masker"],
    ["test_nifti_labels_masker", "test_multi_nifti_labels_masker"],
    ["test_nifti_spheres_masker", "test_multi_nifti_maps_masker"],
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
@pytest.mark.parametrize("modules", TOGETHER, ids=" ".join)
def test_nilearn_finds_no_difference(modules: list[str], tmp_path: Path) -> None:
    ours = run_suite(PACKAGE, modules, tmp_path, plugin="tests.maskers.swapped")
    differing = {module: _unexplained(module, ours[module], tmp_path) for module in modules}
    assert differing == {module: set() for module in modules}
    stale = [
        (module, name) for module, name in DEPARTURES if module in modules and ours[module][name]
    ]
    assert not stale, "these are no departures any more"


def _unexplained(module: str, ours: dict[str, bool], folder: Path) -> set[str]:
    """What fails for ours alone, and is no departure."""
    assert len(ours) >= _LEAST, module
    failed = {name for name, passed in ours.items() if not passed}
    unexplained = {name for name in failed if (module, name) not in DEPARTURES}
    return fail_for_ours_alone(PACKAGE, module, unexplained, folder)
