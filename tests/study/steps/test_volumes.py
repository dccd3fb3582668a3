"""Time courses of regions: what is named, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from boldstream.study.inputs.found import StudyInputs
from tests.study.made import make_inputs
from tests.study.steps.doing import do_all, plan_of, table_of

COURSES = {"kind": "extraction", "name": "courses", "standardize": False, "detrend": False}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> StudyInputs:
    found = make_inputs(tmp_path_factory.mktemp("study") / "data")
    return replace(found, subjects={"01": found.subjects["01"]})


def with_region(inputs: StudyInputs, mask: Path) -> StudyInputs:
    files = replace(inputs.subjects["01"], rois={"front": mask})
    return replace(inputs, subjects={"01": files})


def fine_mask(inputs: StudyInputs, folder: Path) -> tuple[Path, Any]:
    """A mask with voxels of half the size, and the same on the grid of the images."""
    image: Any = nib.load(inputs.subjects["01"].runs[0].image)
    coarse = np.zeros(image.shape[:3], np.uint8)
    coarse[5:8, 5:8, 5:8] = 1
    fine = np.kron(coarse, np.ones((2, 2, 2), np.uint8))
    affine = image.affine @ np.diag([0.5, 0.5, 0.5, 1.0])
    affine[:3, 3] = image.affine[:3, 3] - affine[:3, :3] @ [0.5, 0.5, 0.5]
    path = folder / "front.nii.gz"
    nib.Nifti1Image(fine, affine).to_filename(path)
    return path, coarse.astype(bool)


def test_a_region_of_the_atlas_that_there_is_not_is_an_error(
    inputs: StudyInputs, tmp_path: Path
) -> None:
    analyses = [{**COURSES, "rois": ["region_01", "regoin_02"]}]
    outcome = do_all(plan_of(inputs, tmp_path, analyses=analyses))["sub-01/courses"]
    assert "got 'regoin_02'; did you mean 'region_0" in outcome.error


def test_regions_of_the_atlas_come_as_they_are_named(inputs: StudyInputs, tmp_path: Path) -> None:
    analyses = [{**COURSES, "rois": ["region_03", "region_01"]}, {**COURSES, "name": "all"}]
    plan = plan_of(inputs, tmp_path, analyses=analyses)
    do_all(plan)
    some = table_of(plan, "sub-01/courses", "run-2_timeseries.tsv")
    assert list(some) == ["region_03", "region_01"]
    every = table_of(plan, "sub-01/all", "run-2_timeseries.tsv")
    pd.testing.assert_frame_equal(some, every[["region_03", "region_01"]])


def test_a_mask_on_another_grid_is_named(inputs: StudyInputs, tmp_path: Path) -> None:
    path, _ = fine_mask(inputs, tmp_path)
    plan = plan_of(with_region(inputs, path), tmp_path / "out", rois={}, analyses=[COURSES])
    outcome = do_all(plan)["sub-01/courses"]
    assert str(path) in outcome.error
    assert "`rois: {resample: true}`" in outcome.error


def test_a_mask_on_another_grid_is_resampled(inputs: StudyInputs, tmp_path: Path) -> None:
    path, coarse = fine_mask(inputs, tmp_path)
    some = with_region(inputs, path)
    plan = plan_of(some, tmp_path / "out", rois={"resample": True}, analyses=[COURSES])
    assert not do_all(plan)["sub-01/courses"].error
    image: Any = nib.load(inputs.subjects["01"].runs[0].image)
    expected = np.asarray(image.dataobj)[coarse].mean(0)
    found = table_of(plan, "sub-01/courses", "run-1_timeseries.tsv")
    np.testing.assert_allclose(found["front"], expected, rtol=1e-6)


def test_sessions_and_runs_are_entities_of_their_own(inputs: StudyInputs, tmp_path: Path) -> None:
    files = inputs.subjects["01"]
    run = replace(files.runs[0], label="ses-pre_run-1")
    some = replace(inputs, subjects={"01": replace(files, runs=(run,))})
    do_all(plan_of(some, tmp_path, analyses=[COURSES]))
    (path,) = (tmp_path / "sub-01/courses").glob("*.tsv")
    assert path.name == "sub-01_desc-courses_ses-pre_run-1_timeseries.tsv"
