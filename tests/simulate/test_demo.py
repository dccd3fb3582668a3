"""The demo finds what was planted, and only that, without being told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from nilearn.maskers import NiftiLabelsMasker
from scipy import stats

from boldstream.core.errors import ImageFileError
from boldstream.simulate.demo import run_demo
from boldstream.simulate.finding import find_responses
from boldstream.simulate.study import ATLAS, StudyDesign, make_study
from boldstream.simulate.task import expected_response, task_blocks

SMALL = StudyDesign(n_subjects=2, n_runs=2, n_volumes=80, shape=(24, 26, 24), n_regions=12)


@pytest.mark.parametrize("n_planted", [0, 1, 2, 5])
def test_what_is_planted_is_found(tmp_path: Path, n_planted: int) -> None:
    design = StudyDesign(
        n_subjects=1, shape=(24, 26, 24), n_regions=12, n_planted=n_planted, seed=n_planted
    )
    result = run_demo(tmp_path, design)
    assert len(result.planted) == n_planted
    assert result.found == result.planted
    assert result.recovered


def test_the_finder_does_not_need_the_truth(tmp_path: Path) -> None:
    truth = make_study(tmp_path, SMALL)
    (tmp_path / "truth.json").unlink()
    assert find_responses(tmp_path).responding == truth.planted


def test_a_wrong_truth_is_not_recovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make_and_mislabel(folder: Path, design: StudyDesign | None) -> None:
        make_study(folder, design)
        (folder / "truth.json").write_text(json.dumps({"planted": ["region_01"]}))

    monkeypatch.setattr("boldstream.simulate.demo.make_study", make_and_mislabel)
    result = run_demo(tmp_path, SMALL)
    assert result.found
    assert result.found != ("region_01",)
    assert not result.recovered


def test_z_is_that_of_partial_correlation(tmp_path: Path) -> None:
    make_study(tmp_path, StudyDesign(n_subjects=1, n_runs=1, shape=(24, 26, 24), n_regions=12))
    bold = tmp_path / "sub-01/func/sub-01_task-demo_run-1_bold.nii.gz"
    series = NiftiLabelsMasker(str(tmp_path / ATLAS), standardize=None).fit_transform(str(bold))
    n = len(series)
    t = np.arange(n)
    course = expected_response(task_blocks(n, 2.0), n, 2.0)
    fits = [np.polynomial.Polynomial.fit(t, y, 2)(t) for y in (course, *series.T)]
    course, *columns = np.vstack([course, series.T]) - fits
    wanted = [np.arctanh(stats.pearsonr(course, y).statistic) * np.sqrt(n - 5) for y in columns]
    got = [region.z for region in find_responses(tmp_path).regions]
    np.testing.assert_allclose(got, wanted, atol=1e-3)


def test_z_is_a_normal_deviate_where_nothing_responds(tmp_path: Path) -> None:
    design = StudyDesign(
        n_subjects=1, n_runs=2, n_volumes=60, shape=(40, 40, 40), n_regions=400, n_planted=0
    )
    make_study(tmp_path, design)
    z = [region.z for region in find_responses(tmp_path).regions]
    assert stats.kstest(z, "norm").pvalue > 0.01


def test_change_and_voxels_are_those_that_were_planted(tmp_path: Path) -> None:
    result = run_demo(tmp_path, StudyDesign(change=0.01))
    changes = {region.name: region.change_percent for region in result.findings.regions}
    for name, change in changes.items():
        wanted = 1.0 if name in result.planted else 0.0
        # In percent of the mean of the brain, from which a region's own differs by a tenth.
        assert change == pytest.approx(wanted, abs=0.12)
    share = result.findings.n_responding_voxels / result.findings.n_voxels
    assert share == pytest.approx(2 / 20, abs=0.03)


def test_the_peak_is_near_the_predicted_one(tmp_path: Path) -> None:
    result = run_demo(tmp_path)
    assert [done.n_volumes for done in result.findings.passes] == [300, 300]
    assert 0.9 <= result.predicted_peak_bytes / result.measured_peak_bytes <= 1.25


def test_a_folder_without_subjects_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(ImageFileError, match="no folders named sub-"):
        find_responses(tmp_path)
