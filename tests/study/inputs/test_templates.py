"""Studies in other layouts than BIDS, and those that an `OAKConfig` describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import boldstream as bs
from boldstream.study.inputs import find_inputs, settings_of
from boldstream.study.settings import StudySettings
from tests.io.bids.trees import write, write_study

DECODED = {
    "targets": {"choice": {"column": "trial_type"}},
    "confounds": {"columns": ["trans_x"]},
    "analyses": [{"kind": "searchlight", "name": "s", "target": "choice"}],
}
TEMPLATES: dict[str, Any] = {
    "image_template": "b/{subject}_run{run}.nii.gz",
    "events_template": "e/{subject}_run{run}_events.tsv",
    "confounds_template": "c/{subject}-{run}.tsv",
}


def settings(data: dict[str, Any]) -> StudySettings:
    return StudySettings.model_validate({"data": data, **DECODED})


@pytest.fixture
def study(tmp_path: Path) -> Path:
    for subject in ("A1", "A2"):
        for run in (9, 10):
            write(tmp_path, f"b/{subject}_run{run}.nii.gz", f"e/{subject}_run{run:03d}_events.tsv")
            write(tmp_path, f"c/{subject}-{run}.tsv")
    return tmp_path


def test_runs_and_their_tables(study: Path) -> None:
    inputs = find_inputs(settings(TEMPLATES), study)
    assert inputs.problems == ()
    assert inputs.usable == ("A1", "A2")
    runs = inputs.subjects["A1"].runs
    assert [run.label for run in runs] == ["run-9", "run-10"]
    assert [run.image.name for run in runs] == ["A1_run9.nii.gz", "A1_run10.nii.gz"]
    events = [run.events.name for run in runs if run.events]
    assert events == ["A1_run009_events.tsv", "A1_run010_events.tsv"]
    (run,) = find_inputs(settings({**TEMPLATES, "runs": ["10"]}), study).subjects["A2"].runs
    assert run.events == study / "e/A2_run010_events.tsv"
    assert run.confounds == study / "c/A2-10.tsv"


def test_what_is_missing(study: Path) -> None:
    (study / "e/A1_run009_events.tsv").unlink()
    inputs = find_inputs(settings({**TEMPLATES, "subjects": ["A1", "A3"]}), study)
    assert [(one.subject, Path(one.path).name, one.what) for one in inputs.problems] == [
        ("A1", "A1_run9.nii.gz", "no table of events for it"),
        ("A3", "A3_run{run}.nii.gz", "no file matches"),
    ]


def test_runs_without_a_name_are_counted(study: Path) -> None:
    templates = {key: text.replace("{run}", "*") for key, text in TEMPLATES.items()}
    runs = find_inputs(settings(templates), study).subjects["A1"].runs
    assert [run.label for run in runs] == ["run-1", "run-2"]
    assert [run.events.name for run in runs if run.events] == [
        "A1_run009_events.tsv",
        "A1_run010_events.tsv",
    ]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("data", {"image_template": "../{subject}.nii"}),
        ("data", {"events_template": "/x/{subject}.tsv"}),
        ("data", {"mask": "../{subject}.nii"}),
        ("rois", {"masks": {"a": "/x/{subject}.nii"}}),
        ("rois", {"atlas": {"image": "../{subject}.nii"}}),
    ],
)
def test_no_template_leads_out_of_its_folder(part: str, value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be a path below `root`"):
        StudySettings.model_validate({part: value})


def test_a_config_in_templates(study: Path) -> None:
    write(study, "rois/A1/V1.nii.gz", "rois/A2/V1.nii.gz")
    config = bs.OAKConfig(root=study, mask_template="rois/{subject}/{roi}.nii.gz", **TEMPLATES)
    assert_agree(config, ["A1", "A2"], ["V1"])


@pytest.mark.parametrize("rois", [(), ["v1"], {"left": "masks/v1.nii.gz"}])
def test_a_config_in_bids(tmp_path: Path, rois: Any) -> None:
    write_study(tmp_path)
    config = bs.OAKConfig(root=tmp_path, task="dd", space="T1w", rois=rois, tr=3)
    assert_agree(config, ["01", "02"], list(rois) or ["v1", "vmpfc"])


def assert_agree(config: bs.OAKConfig, subjects: list[str], rois: list[str]) -> None:
    said = settings_of(config, settings=StudySettings.model_validate(DECODED))
    inputs = find_inputs(said, config.root)
    assert inputs.problems == ()
    assert list(inputs.subjects) == subjects
    for subject, files in inputs.subjects.items():
        assert tuple(run.image for run in files.runs) == config.images(subject)
        assert tuple(run.events for run in files.runs) == config.events(subject)
        assert tuple(run.confounds for run in files.runs) == config.confounds(subject)
        assert files.rois == {name: config.mask(name, subject) for name in rois}
        assert config.tr is None or {run.t_r for run in files.runs} == {config.tr}


def test_a_config_of_some_subjects(study: Path) -> None:
    said = settings_of(bs.OAKConfig(root=study, **TEMPLATES), subjects=["A2"])
    assert find_inputs(said, study).usable == ("A2",)
