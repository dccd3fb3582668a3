from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.maskers import NiftiLabelsMasker
from sklearn.model_selection import LeaveOneGroupOut

import boldstream as bs
from boldstream.decoding import SearchLight, decode
from boldstream.study.executors.base import Job, Outcome
from boldstream.study.inputs.found import StudyInputs
from boldstream.study.planning.plan import StudyPlan, make_plan, write_plan
from boldstream.study.records.results import Results
from boldstream.study.running.worker import do_job
from boldstream.study.settings.models import StudySettings
from tests.study.made import atlas_of, make_inputs

ANALYSES: list[dict[str, Any]] = [
    {"kind": "extraction", "name": "courses"},
    {"kind": "decoding", "name": "regions", "estimator": "lda", "targets": ["choice", "value"]},
    {"kind": "searchlight", "name": "light", "target": "choice", "radius": 7.5},
    {"kind": "geometry", "name": "shape", "target": "picture"},
    {"kind": "group", "name": "group_regions", "of": "regions"},
    {"kind": "group", "name": "group_light", "of": "light", "permutations": 10},
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> StudyInputs:
    return make_inputs(tmp_path_factory.mktemp("study") / "data")


def settings_for(inputs: StudyInputs, **changes: Any) -> StudySettings:
    return StudySettings.model_validate(
        {
            "rois": {"atlas": {"image": atlas_of(inputs.root)}},
            "betas": {"method": "lsa"},
            "behaviour": {},
            "targets": {
                "choice": {"column": "choice"},
                "value": {"column": "subjective_value", "values": True},
                "picture": {"column": "picture"},
            },
            "analyses": ANALYSES,
            **changes,
        }
    )


def plan_for(
    inputs: StudyInputs, output: Path, *, above: int = 1 << 30, **changes: Any
) -> StudyPlan:
    settings = settings_for(inputs, **changes)
    return make_plan(settings, inputs, inputs.root, output, mapped_above=above)


def units_of(plan: StudyPlan, subject: str) -> tuple[str, ...]:
    return tuple(name for name, unit in plan.units.items() if unit.subject == subject)


def do_all(plan: StudyPlan) -> list[Outcome]:
    files = write_plan(plan, plan.output / ".boldstream" / "plan")
    return [
        do_job(Job(subject, str(file), units_of(plan, subject))) for subject, file in files.items()
    ]


@pytest.fixture(scope="module")
def done(inputs: StudyInputs, tmp_path_factory: pytest.TempPathFactory) -> StudyPlan:
    plan = plan_for(inputs, tmp_path_factory.mktemp("results"))
    for outcome in do_all(plan):
        assert not outcome.error, outcome.traceback
        assert outcome.done == outcome.job.units
    return plan


def table(plan: StudyPlan, unit: str, suffix: str) -> pd.DataFrame:
    (path,) = (plan.output / unit).glob(f"*_{suffix}")
    return pd.read_csv(path, sep="\t", dtype={"subject": str}, na_values=["n/a"])


def betas_of(inputs: StudyInputs, folder: Path) -> Any:
    files = inputs.subjects["01"]
    return bs.trial_betas(
        [str(run.image) for run in files.runs],
        [str(run.events) for run in files.runs],
        method="lsa",
        mask=str(files.mask),
        output=folder,
    )


def test_betas_are_those_of_the_library(
    inputs: StudyInputs, done: StudyPlan, tmp_path: Path
) -> None:
    expected = betas_of(inputs, tmp_path / "betas")
    found = bs.open_betas(done.output / "sub-01/betas/betas")
    np.testing.assert_array_equal(found.values, bs.open_betas(tmp_path / "betas").values)
    assert found.trials["onset"].tolist() == expected.trials["onset"].tolist()


def test_decoding_is_that_of_the_library(
    inputs: StudyInputs, done: StudyPlan, tmp_path: Path
) -> None:
    betas = betas_of(inputs, tmp_path / "betas")
    image: Any = nib.load(atlas_of(inputs.root))
    atlas = np.asarray(image.dataobj)
    found = table(done, "sub-01/regions", "decoding.tsv").query("target == 'choice'")
    assert found["roi"].tolist() == [f"region_{i:02d}" for i in range(1, 5)]
    values, labels = bs.open_betas(tmp_path / "betas").values, atlas[betas.mask]
    expected = decode(
        {name: values[:, labels == i] for i, name in enumerate(found["roi"], 1)},
        betas.trials["choice"],
        betas.trials["run"],
        estimator="lda",
        scale=True,
        cv="logo",
    ).table
    np.testing.assert_allclose(found["score"], expected["score"])
    assert found["n_voxels"].tolist() == expected["n_voxels"].tolist()
    usual = betas.trials["choice"].value_counts(normalize=True).max()
    np.testing.assert_allclose(found["chance"], usual)


def test_values_of_the_model_are_targets(done: StudyPlan) -> None:
    trials = pd.read_csv(done.output / "sub-01/behaviour/trials.tsv", sep="\t")
    k = table(done, "sub-01/behaviour", "discounting.tsv")["k"].item()
    value = trials["delayed_amount"] / (1 + k * trials["delay"])
    np.testing.assert_allclose(trials["subjective_value"], value)
    predictions = table(done, "sub-01/regions", "predictions.tsv").query("target == 'value'")
    one = predictions[predictions["roi"] == "region_01"].sort_values("sample")
    np.testing.assert_allclose(one["truth"].astype(float), value, rtol=1e-5)


def test_searchlight_is_that_of_the_library(
    inputs: StudyInputs, done: StudyPlan, tmp_path: Path
) -> None:
    betas = betas_of(inputs, tmp_path / "betas")
    light = SearchLight(radius=7.5, cv=LeaveOneGroupOut())
    light.fit(str(tmp_path / "betas"), betas.trials["choice"], betas.trials["run"])
    (path,) = (done.output / "sub-01/light").glob("*_scores.nii.gz")
    image: Any = nib.load(path)
    np.testing.assert_allclose(
        np.asarray(image.dataobj), light.scores_.astype(np.float32), rtol=1e-6
    )


def test_time_courses_are_those_of_nilearn(inputs: StudyInputs, done: StudyPlan) -> None:
    run = inputs.subjects["02"].runs[1]
    masker = NiftiLabelsMasker(
        atlas_of(inputs.root), detrend=True, standardize="zscore_sample", keep_masked_labels=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = masker.fit_transform(str(run.image))
    (path,) = (done.output / "sub-02/courses").glob("*run-2_timeseries.tsv")
    found = pd.read_csv(path, sep="\t")
    assert list(found) == [f"region_{i:02d}" for i in range(1, 5)]
    np.testing.assert_allclose(found.to_numpy(), expected, atol=2e-3)


def test_the_group_is_tested(done: StudyPlan) -> None:
    found = table(done, "group/group_regions", "group.tsv")
    scores = pd.concat(table(done, f"sub-{s}/regions", "decoding.tsv") for s in ("01", "02"))
    means = scores.groupby(["roi", "target"])["score"].mean()
    expected = [
        means[roi, target] for roi, target in zip(found["roi"], found["target"], strict=True)
    ]
    np.testing.assert_allclose(found["mean"], expected)
    assert (found["n_subjects"] == 2).all()
    assert (done.output / "group/group_light/t.nii.gz").exists()


def test_what_is_done_is_not_done_again(done: StudyPlan) -> None:
    notes = {name: (done.output / name / "unit.json").read_bytes() for name in done.units}
    for outcome in do_all(done):
        assert outcome.done == outcome.job.units
    assert notes == {name: (done.output / name / "unit.json").read_bytes() for name in done.units}


def test_held_and_mapped_betas_give_the_same(
    inputs: StudyInputs, done: StudyPlan, tmp_path: Path
) -> None:
    mapped = plan_for(inputs, tmp_path, above=0)
    held = plan_for(inputs, tmp_path / "held", above=-1)
    for plan in (mapped, held):
        assert [outcome.error for outcome in do_all(plan)] == ["", "", ""]
        for unit, suffix in {"sub-01/regions": "decoding.tsv", "sub-02/shape": "rdm.tsv"}.items():
            pd.testing.assert_frame_equal(table(plan, unit, suffix), table(done, unit, suffix))


def test_a_note_says_how_results_were_made(done: StudyPlan) -> None:
    note = json.loads((done.output / "sub-01/betas/unit.json").read_text())
    assert note["versions"]["boldstream"] == bs.__version__
    assert note["parameters"]["settings"]["method"] == "lsa"
    assert note["seconds"] > 0
    assert note["peak_bytes"] > 1 << 20
    assert len(note["memory_timeline"]) >= 2


def test_a_unit_that_fails_is_told_with_its_traceback(inputs: StudyInputs, tmp_path: Path) -> None:
    targets = {"choice": {"column": "chioce"}}
    analyses = [{"kind": "decoding", "name": "regions"}]
    plan = plan_for(inputs, tmp_path, targets=targets, analyses=analyses, behaviour=None)
    outcome, _ = do_all(plan)
    assert outcome.done == ("sub-01/betas",)
    assert outcome.failed == "sub-01/regions"
    assert "got 'chioce'; did you mean 'choice'" in outcome.error
    assert "Traceback" in outcome.traceback
    assert Results(tmp_path).read("sub-01/regions") is None


def test_values_of_a_subject_that_always_waits_are_missing_not_made_up(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path / "data")
    for run in inputs.subjects["02"].runs:
        assert run.events is not None
        events = pd.read_csv(run.events, sep="\t").assign(choice="delayed")
        events.to_csv(run.events, sep="\t", index=False)
    analyses = [
        {"kind": "decoding", "name": "regions", "targets": ["value", "picture"]},
        {"kind": "group", "name": "group", "of": "regions"},
    ]
    plan = plan_for(inputs, tmp_path / "out", analyses=analyses)
    for outcome in do_all(plan):
        assert not outcome.error, outcome.traceback
    found = table(plan, "sub-02/regions", "decoding.tsv")
    assert found.groupby("target")["score"].count().to_dict() == {"picture": 4, "value": 0}
    group = table(plan, "group/group", "group.tsv").set_index("target")
    assert set(group.loc["value", "n_missing"]) == {1}
    assert set(group.loc["picture", "n_missing"]) == {0}
