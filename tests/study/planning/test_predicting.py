"""Memory that a worker is planned to need, of what it will do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import boldstream as bs
from boldstream.study.inputs.found import StudyInputs
from boldstream.study.planning.predicting import worker_bytes
from tests.study.made import N_TRIALS, make_inputs
from tests.study.steps.doing import plan_of

LIBRARIES = 512 << 20
MAPS = {"kind": "contrasts", "name": "maps", "contrasts": {"a": "offer"}}
REGIONS = {"kind": "decoding", "name": "regions"}
TARGETS = {"picture": {"column": "picture"}}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> StudyInputs:
    return make_inputs(tmp_path_factory.mktemp("study") / "data")


def test_contrasts_need_estimates_of_all_runs_in_the_mask(
    inputs: StudyInputs, tmp_path: Path
) -> None:
    files = inputs.subjects["01"]
    image: Any = nib.load(files.mask)  # type: ignore[arg-type]
    n_inside = int(np.count_nonzero(image.dataobj))
    of_maps = worker_bytes(plan_of(inputs, tmp_path, analyses=[MAPS]))
    # 32 regressors in float64, of two runs and of the sums of one, twice.
    assert of_maps - LIBRARIES == 8 * 32 * 4 * n_inside
    n_voxels = int(np.prod(image.shape))
    one_run = {
        name: replace(one, runs=one.runs[:1], mask=None) for name, one in inputs.subjects.items()
    }
    without = plan_of(replace(inputs, subjects=one_run), tmp_path, analyses=[MAPS])
    assert worker_bytes(without) - LIBRARIES == 8 * 32 * 3 * (n_voxels // 3)


@pytest.mark.parametrize("is_masked", [True, False])
def test_betas_need_the_sums_of_their_pass(
    inputs: StudyInputs, tmp_path: Path, is_masked: bool
) -> None:
    files = inputs.subjects["01"]
    mask = files.mask if is_masked else None
    some = replace(inputs, subjects={"01": replace(files, mask=mask)})
    predicted = worker_bytes(plan_of(some, tmp_path, targets=TARGETS, analyses=[REGIONS]))
    image: Any = nib.load(files.runs[0].image)
    one, all_of_them = (
        bs.plan(image, bs.Project(np.ones((n, image.shape[3])), mask=mask)).needs[0].state
        for n in (1, 1 + N_TRIALS)
    )
    # A row for each trial, and one for the mean.
    assert predicted - LIBRARIES == (all_of_them - one) / N_TRIALS * (N_TRIALS + 1)


def test_a_worker_can_do_whatever_there_is(inputs: StudyInputs, tmp_path: Path) -> None:
    courses = [{"kind": "extraction", "name": "courses"}]
    assert worker_bytes(plan_of(inputs, tmp_path, analyses=courses)) == LIBRARIES
    needs = [
        worker_bytes(plan_of(inputs, tmp_path, targets=TARGETS, analyses=analyses))
        for analyses in ([MAPS], [REGIONS], [MAPS, REGIONS])
    ]
    image: Any = nib.load(inputs.subjects["01"].mask)  # type: ignore[arg-type]
    assert needs[1] - LIBRARIES == 8 * int(np.count_nonzero(image.dataobj)) * (N_TRIALS + 1)
    assert needs[2] == max(needs[:2])
