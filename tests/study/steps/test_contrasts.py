"""Contrasts of a study against nilearn's FirstLevelModel on the same images."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import FirstLevelModel
from numpy.typing import NDArray
from scipy import stats

from boldstream.study.inputs.found import StudyInputs, SubjectFiles
from boldstream.study.planning.plan import StudyPlan
from boldstream.study.settings.analyses import ContrastsSettings
from tests.study.made import SUBJECTS, make_inputs
from tests.study.steps.doing import do_all, plan_of

CONTRASTS = {"faces": "face - 0.5*house - 0.5*tool", "face_house": "face - house"}
MAPS = {
    "kind": "contrasts",
    "name": "maps",
    "contrasts": CONTRASTS,
    "smoothing_fwhm": 6,
    "hrf_model": "spm",
    "high_pass": 0.02,
}
GROUP = {"kind": "group", "name": "together", "of": "maps", "permutations": 4}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> StudyInputs:
    """Pictures are the conditions; a cell of the events is missing."""
    found = make_inputs(tmp_path_factory.mktemp("study") / "data")
    for path in found.root.rglob("*_events.tsv"):
        events = frame(path)
        events["trial_type"] = events["picture"].where(events.index != 5)
        events.to_csv(path, sep="\t", index=False, na_rep="n/a")
    return found


@pytest.fixture(scope="module")
def done(inputs: StudyInputs, tmp_path_factory: pytest.TempPathFactory) -> StudyPlan:
    plan = plan_of(inputs, tmp_path_factory.mktemp("out"), analyses=[MAPS, GROUP])
    outcomes = do_all(plan)
    assert list(outcomes) == ["sub-01/maps", "sub-02/maps", "group/together"]
    assert not any(one.error for one in outcomes.values())
    return plan


def frame(path: Path | None) -> pd.DataFrame:
    assert path is not None
    return pd.read_csv(path, sep="\t")


def values(path: Path) -> NDArray[np.float64]:
    image: Any = nib.load(path)
    return np.asarray(image.get_fdata())


def map_of(plan: StudyPlan, subject: str, label: str, stat: str) -> NDArray[np.float64]:
    name = f"sub-{subject}_desc-maps_contrast-{label}_stat-{stat}_statmap.nii.gz"
    return values(plan.output / f"sub-{subject}/maps" / name)


def nilearns(files: SubjectFiles) -> FirstLevelModel:
    model = FirstLevelModel(
        t_r=float(nib.load(files.runs[0].image).header.get_zooms()[3]),  # type: ignore[attr-defined]
        hrf_model="spm",
        high_pass=0.02,
        smoothing_fwhm=6,
        mask_img=str(files.mask),
    )
    events = [frame(run.events).dropna(subset="trial_type") for run in files.runs]
    events = [table[["onset", "duration", "trial_type"]] for table in events]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Generation of a mask has been requested")
        return model.fit([str(run.image) for run in files.runs], events)


def test_maps_are_nilearns(inputs: StudyInputs, done: StudyPlan) -> None:
    model = nilearns(inputs.subjects["02"])
    for name, expression in CONTRASTS.items():
        with pytest.warns(RuntimeWarning, match="The same contrast will be used"):
            expected = model.compute_contrast(expression, output_type="all")
        label = name.replace("_", "")
        for stat, kind in {"effect": "effect_size", "t": "stat", "z": "z_score"}.items():
            found, theirs = map_of(done, "02", label, stat), expected[kind].get_fdata()
            largest = np.abs(theirs).max()
            away = np.abs(found - theirs) / largest
            # A voxel at the edge of two bins of noise models may lie in the other one.
            assert (away > 1e-3).sum() <= 3
            assert away.max() < 0.02


def test_facts_say_what_was_estimated(inputs: StudyInputs, done: StudyPlan) -> None:
    facts = json.loads((done.output / "sub-01/maps/sub-01_desc-maps_contrasts.json").read_text())
    assert list(facts) == ["faces", "facehouse"]
    assert facts["faces"]["expression"] == CONTRASTS["faces"]
    model = nilearns(inputs.subjects["01"])
    degrees = sum(next(iter(run.values())).df_residuals for run in model.results_)
    assert facts["facehouse"]["degrees_of_freedom"] == degrees
    assert facts["facehouse"]["runs"] == [1, 2]


def test_effects_are_tested_over_subjects(done: StudyPlan) -> None:
    folders = sorted(path.name for path in (done.output / "group/together").iterdir())
    assert folders == ["contrast-facehouse", "contrast-faces", "unit.json"]
    for label in ("faces", "facehouse"):
        maps = np.array([map_of(done, name, label, "effect") for name in SUBJECTS])
        inside = np.logical_and.reduce(
            [
                values(next((done.output / f"sub-{x}/maps").glob("*_mask.nii.gz"))) > 0
                for x in SUBJECTS
            ]
        )
        assert 100 < inside.sum() < inside.size
        expected = stats.ttest_1samp(maps[:, inside], 0).statistic
        found = values(done.output / f"group/together/contrast-{label}/t.nii.gz")
        np.testing.assert_allclose(found[inside], expected, rtol=1e-3)


def one_subject(inputs: StudyInputs) -> StudyInputs:
    return replace(inputs, subjects={"01": inputs.subjects["01"]})


def with_events(inputs: StudyInputs, folder: Path, change: Any) -> StudyInputs:
    """The first subject with other events in its second run."""
    files = inputs.subjects["01"]
    path = folder / "events.tsv"
    change(frame(files.runs[1].events)).to_csv(path, sep="\t", index=False, na_rep="n/a")
    runs = (files.runs[0], replace(files.runs[1], events=path))
    return replace(inputs, subjects={"01": replace(files, runs=runs)})


def test_a_run_without_a_condition_takes_no_part(inputs: StudyInputs, tmp_path: Path) -> None:
    some = with_events(inputs, tmp_path, lambda table: table[table["trial_type"] != "house"])
    plan = plan_of(
        some, tmp_path / "out", analyses=[{**MAPS, "contrasts": {"a": "face - house", "b": "face"}}]
    )
    assert not do_all(plan)["sub-01/maps"].error
    facts = json.loads(next((tmp_path / "out/sub-01/maps").glob("*contrasts.json")).read_text())
    assert [facts[name]["runs"] for name in "ab"] == [[1], [1, 2]]
    assert facts["b"]["degrees_of_freedom"] > facts["a"]["degrees_of_freedom"]
    first = replace(some.subjects["01"], runs=some.subjects["01"].runs[:1])
    expected = nilearns(first).compute_contrast("face - house", output_type="z_score").get_fdata()
    np.testing.assert_allclose(map_of(plan, "01", "a", "z"), expected, rtol=2e-3, atol=2e-3)


def test_conditions_of_no_run_together_are_an_error(inputs: StudyInputs, tmp_path: Path) -> None:
    some = with_events(inputs, tmp_path, lambda table: table.assign(trial_type="chair"))
    analyses = [{**MAPS, "contrasts": {"a": "face - chair"}}]
    outcome = do_all(plan_of(some, tmp_path / "out", analyses=analyses))["sub-01/maps"]
    assert "must name conditions that one run has together, got chair, face" in outcome.error


def test_a_wrong_name_is_told_before_an_image_is_read(inputs: StudyInputs, tmp_path: Path) -> None:
    """The header says what the design needs; the volumes are cut off, and nobody sees it."""
    files = inputs.subjects["01"]
    image: Any = nib.load(files.runs[0].image)
    path = tmp_path / "cut.nii.gz"
    image.to_filename(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    some = replace(
        inputs, subjects={"01": replace(files, runs=(replace(files.runs[0], image=path),))}
    )
    analyses = [{**MAPS, "contrasts": {"a": "face - huose"}}]
    outcome = do_all(plan_of(some, tmp_path / "out", analyses=analyses))["sub-01/maps"]
    assert "got 'huose'; did you mean 'house'" in outcome.error
    assert str(files.runs[0].events) in outcome.error
    assert "face, house, tool" in outcome.error


@pytest.mark.parametrize("expression", ["face -", "face * house", "face > house", "3"])
def test_what_is_no_sum_is_told(inputs: StudyInputs, tmp_path: Path, expression: str) -> None:
    analyses = [{**MAPS, "contrasts": {"a": expression}}]
    outcome = do_all(plan_of(one_subject(inputs), tmp_path, analyses=analyses))["sub-01/maps"]
    assert "a contrast must be a sum of regressors" in outcome.error


def test_defaults_are_those_of_nilearn() -> None:
    found = ContrastsSettings.model_validate(
        {"kind": "contrasts", "name": "maps", "contrasts": {"a": "x"}}
    )
    theirs = FirstLevelModel().get_params()
    for name in ("hrf_model", "drift_model", "high_pass", "noise_model", "smoothing_fwhm"):
        assert getattr(found, name) == theirs[name]
    assert found.signal_scaling == "voxel"
    assert theirs["signal_scaling"] == 0
