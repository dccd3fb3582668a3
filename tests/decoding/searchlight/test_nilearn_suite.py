"""nilearn's own tests of its searchlight, on the drop-in.

What fails must fail for nilearn's class too, or stand in `DEPARTURES`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nilearn_suite import fail_for_ours_alone, run_suite

# Fewest tests: a run that collects less has tested nothing.
LEAST = 110
# Tests of nilearn that hold the drop-in to what it is meant to do otherwise.
DEPARTURES = {
    "check_img_estimator_verbose": "wants text on standard output; a bar goes to standard error",
    "check_verbosity_embedded_masker": "wants text on standard output",
    "check_supervised_img_estimator_y_no_nan": "wants other words for labels that are missing",
    "test_error_searchlight_no_mask": "wants a TypeError, gets the library's own, a ValueError",
    "test_transform_applies_mask_correctly": "wants scores of made-up labels",
    "runs_and_warns": "wants a warning that an estimator of one's own is one's own",
    "test_searchlight_no_cv_estimator_receives_groups": "wants the same warning",
}


@pytest.mark.timeout(900)
def test_nilearn_finds_no_difference(tmp_path: Path) -> None:
    package, module = "nilearn.decoding.tests", "test_searchlight"
    plugin = "tests.decoding.searchlight.swapped"
    ours = run_suite(package, [module], tmp_path, plugin=plugin)[module]
    assert len(ours) >= LEAST
    failed = {name for name, passed in ours.items() if not passed}
    unexplained = {name for name in failed if not any(part in name for part in DEPARTURES)}
    assert not fail_for_ours_alone(package, module, unexplained, tmp_path)
    stale = [part for part in DEPARTURES if not any(part in name for name in failed)]
    assert not stale, "these are no departures any more"
