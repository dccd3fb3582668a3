"""nilearn's own tests of its first-level model and what is made of it, on the drop-in.

What fails must fail for nilearn's class too, or stand in `DEPARTURES`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nilearn_suite import run_suite

# Fewest tests of a module: a run that collects less has tested nothing.
MODULES = {
    "test_first_level": 140,
    "test_first_level_from_bids": 60,
    "test_glm_reporter": 30,
    "test_io": 20,
}
# Tests of nilearn that hold the drop-in to what it is meant to do otherwise.
DEPARTURES = {
    ("test_first_level", "check_doc_link"): (
        "wants a page of that name in nilearn's documentation; the link is that of nilearn's class"
    ),
    ("test_first_level", "check_img_estimator_pipeline_consistency"): (
        "wants the step of a pipeline to be called firstlevelmodel"
    ),
    ("test_first_level", "test_first_level_residuals"): (
        "wants means of 0 to six decimals of residuals of some thousands, which are float32 here"
    ),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("module", MODULES)
def test_nilearn_finds_no_difference(module: str, tmp_path: Path) -> None:
    ours = run_suite(
        f"nilearn.glm.tests.{module}", tmp_path, plugin="tests.glm.first_level.swapped"
    )
    assert len(ours) >= MODULES[module]
    failed = {name for name, passed in ours.items() if not passed}
    wanted = [part for of, part in DEPARTURES if of == module]
    unexplained = {name for name in failed if not any(part in name for part in wanted)}
    if unexplained:
        theirs = run_suite(f"nilearn.glm.tests.{module}", tmp_path, only=unexplained)
        assert set(theirs) == unexplained
        unexplained = {name for name in unexplained if theirs[name]}
    assert not unexplained
    stale = [part for part in wanted if not any(part in name for name in failed)]
    assert not stale, "these are no departures any more"
