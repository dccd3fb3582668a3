"""Files of a study's subjects, and what is wrong with them, before anything starts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import boldstream as bs
from boldstream.study.inputs import RunFiles, StudyInputs, find_inputs
from boldstream.study.settings import StudySettings
from tests.io.bids.trees import write, write_study

DATA = {"task": "dd", "space": "T1w"}
DECODED = {
    "targets": {"choice": {"column": "trial_type"}},
    "analyses": [{"kind": "decoding", "name": "choices"}],
    "rois": {"masks": {"v1": "masks/v1.nii.gz"}},
}
PREPROC = "derivatives/fmriprep/sub-{0}/func/sub-{0}_task-dd_run-{1}_space-T1w_desc-preproc_bold"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    write_study(tmp_path)
    return tmp_path


def found(base: Path, data: dict[str, Any] = DATA, **parts: Any) -> StudyInputs:
    return find_inputs(StudySettings.model_validate({"data": data, **DECODED, **parts}), base)


def told(inputs: StudyInputs) -> list[tuple[str, str, str]]:
    return [(one.subject, Path(one.path).name, one.what) for one in inputs.problems]


def test_all_files_of_a_subject(study: Path) -> None:
    inputs = found(study, confounds={"columns": ["trans_*"]})
    assert told(inputs) == []
    assert inputs.usable == ("01", "02")
    files = inputs.subjects["02"]
    raw = study / "sub-02/func"
    func = study / "derivatives/fmriprep/sub-02/func"
    assert files.runs == tuple(
        RunFiles(
            f"run-{run}",
            func / f"sub-02_task-dd_run-{run}_space-T1w_desc-preproc_bold.nii.gz",
            raw / f"sub-02_task-dd_run-0{run}_events.tsv",
            func / f"sub-02_task-dd_run-{run}_desc-confounds_timeseries.tsv",
            2.0,
        )
        for run in (1, 2)
    )
    assert files.mask == func / "sub-02_task-dd_run-1_space-T1w_desc-brain_mask.nii.gz"
    assert files.rois == {"v1": study / "masks/v1.nii.gz"}


def test_what_is_not_needed_is_not_asked_for(study: Path) -> None:
    for path in study.rglob("*_events.tsv"):
        path.unlink()
    courses = {"kind": "extraction", "name": "courses"}
    inputs = found(study, analyses=[courses], targets={}, quality=False)
    (run, _) = inputs.subjects["01"].runs
    assert (run.events, run.confounds, inputs.subjects["01"].mask) == (None, None, None)


def test_motion_is_looked_for_and_not_missed(study: Path) -> None:
    """What quality alone reads keeps no subject out."""
    courses = {"kind": "extraction", "name": "courses"}
    tables = sorted(study.rglob("*desc-confounds*.tsv"))
    of_first = [table for table in tables if "sub-01" in table.name]
    of_first[0].write_text("")  # empty, and so no table
    inputs = found(study, analyses=[courses], targets={})
    assert inputs.problems == ()
    runs = inputs.subjects["01"].runs
    assert [run.confounds for run in runs] == [None, *of_first[1:]]


@pytest.mark.parametrize(
    ("data", "runs"),
    [
        ({"runs": ["1"]}, ["run-1"]),
        ({"runs": ["run-002"]}, ["run-2"]),
        ({"space": "MNI152NLin2009cAsym"}, ["run-1", "run-2"]),
        ({"space": "MNI152NLin2009cAsym:res-2"}, ["run-1", "run-2"]),
        ({"derivatives": "derivatives/fmriprep"}, ["run-1", "run-2"]),
    ],
)
def test_runs_that_are_asked_for(study: Path, data: dict[str, Any], runs: list[str]) -> None:
    inputs = found(study, {**DATA, **data})
    assert told(inputs) == []
    assert [run.label for run in inputs.subjects["01"].runs] == runs
    space = data.get("space", "T1w").partition(":")[0]
    assert all(space in run.image.name for run in inputs.subjects["01"].runs)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({"task": "ddd"}, "no runs: `task` is ddd, and there is dd; did you mean 'dd'?"),
        ({"runs": ["3"]}, "no runs: `runs` is 3, and there is 1, 2"),
        ({"sessions": ["a"]}, "no runs: `sessions` is a, and there is none"),
        (
            {"space": "T2w"},
            "no runs: `space` is T2w, and there is MNI152NLin2009cAsym:res-2, T1w; "
            "did you mean 'T1w'?",
        ),
        (
            {"space": None},
            "several images of a run: `space` must be one of MNI152NLin2009cAsym:res-2, T1w",
        ),
        ({"subjects": ["3"]}, "no runs: there is no *_bold.nii.gz"),
        ({"subjects": ["001"]}, "no runs: there is no *_bold.nii.gz; did you mean '01'?"),
    ],
)
def test_what_does_not_single_out_runs_is_told(
    study: Path, data: dict[str, Any], what: str
) -> None:
    inputs = found(study, {**DATA, **data})
    assert inputs.usable == ()
    assert {one.what for one in inputs.problems} == {what}


def test_several_tasks_are_told(study: Path) -> None:
    write_name = "sub-01/func/sub-01_task-rest_run-1_space-T1w_desc-preproc_bold.nii.gz"
    write(study / "derivatives/fmriprep", write_name)
    inputs = found(study, {"space": "T1w"})
    assert told(inputs) == [("01", "sub-01", "several tasks: `task` must be one of dd, rest")]
    assert inputs.usable == ("02",)


def test_several_images_of_a_run_are_told(tmp_path: Path) -> None:
    stem = "sub-01/func/sub-01_task-dd"
    write(tmp_path, *(f"{stem}_echo-{i}_bold.nii.gz" for i in (1, 2)), f"{stem}_events.tsv")
    (problem,) = found(tmp_path, {}, rois={}).problems
    assert problem.what == (
        "several images of a run, sub-01_task-dd_echo-1_bold.nii.gz, "
        "sub-01_task-dd_echo-2_bold.nii.gz: give an `image_template`"
    )


def test_damage_of_every_kind_is_told_of_its_subject_only(study: Path) -> None:
    image = study / f"{PREPROC.format('01', 1)}.nii.gz"
    image.unlink()
    image.symlink_to("../../../.git/annex/objects/x/y.nii.gz")
    (study / f"{PREPROC.format('01', 2)}.nii.gz").write_bytes(b"")
    (study / "sub-01/func/sub-01_task-dd_run-01_events.tsv").unlink()
    (study / "sub-01/func/sub-01_task-dd_run-02_events.tsv").write_text("onset\tdurations\n1\t1\n")
    (study / f"{PREPROC.format('01', 2)}.json").write_text("{")
    inputs = found(study)
    assert inputs.usable == ("02",)
    name = "sub-01_task-dd_run-{}_space-T1w_desc-preproc_bold.nii.gz"
    sidecar = study / f"{PREPROC.format('01', 2)}.json"
    link = "is a link to ../../../.git/annex/objects/x/y.nii.gz, which does not exist; "
    expected = [
        ("01", name.format(1), f"{link}fetch it with `datalad get`"),
        ("01", name.format(2), "is empty: it holds 0 bytes"),
        ("01", name.format(1), "no table of events for it"),
        (
            "01",
            "sub-01_task-dd_run-02_events.tsv",
            "must have a column 'duration'; did you mean 'durations'?",
        ),
    ]
    assert told(inputs)[:4] == expected
    assert told(inputs)[4][2].startswith(f"{sidecar} cannot be read as JSON")
    table = inputs.table()
    assert table["included"].tolist() == [False, True]
    assert table["n_runs"].tolist() == [0, 2]
    assert table["reason"].iloc[0].count("; ") >= 4
    assert table["reason"].iloc[1] == ""


def test_columns_are_looked_for(study: Path) -> None:
    inputs = found(
        study,
        targets={"a": {"column": "trial_types"}, "b": {"column": "subjective_value"}},
        confounds={"columns": ["trans_*", "rot_*"]},
        behaviour={"choice": "trial_type", "amount": "delay", "immediate": 5},
    )
    one = [(name, what) for subject, name, what in told(inputs) if subject == "01"]
    events = [f"sub-01_task-dd_run-0{run}_events.tsv" for run in (1, 2)]
    confounds = [f"sub-01_task-dd_run-{run}_desc-confounds_timeseries.tsv" for run in (1, 2)]
    hint = "; did you mean 'trial_type'?"
    assert one == [(name, f"must have a column 'trial_types'{hint}") for name in events] + [
        (name, "must have a column 'rot_*'") for name in confounds
    ]


def test_masks_that_are_missing(study: Path) -> None:
    write(study, "rois/01/v1.nii.gz")
    masks = {"own": "rois/{subject}/v1.nii.gz", "shared": "masks/v2.nii.gz"}
    inputs = found(study, {**DATA, "mask": "brains/{subject}.nii.gz"}, rois={"masks": masks})
    assert told(inputs) == [
        ("01", "01.nii.gz", "does not exist"),
        ("01", "v2.nii.gz", "does not exist; did you mean 'v1.nii.gz'?"),
        ("02", "02.nii.gz", "does not exist"),
        ("02", "v1.nii.gz", "does not exist"),
        ("02", "v2.nii.gz", "does not exist; did you mean 'v1.nii.gz'?"),
    ]


def test_other_files_that_the_study_file_names(study: Path) -> None:
    inputs = found(
        study,
        {**DATA, "subjects": ["01"]},
        rois={"atlas": {"image": "atlas.nii.gz", "names": "atlas.tsv"}},
        analyses=[
            {"kind": "searchlight", "name": "s", "target": "choice", "process_mask": "back.nii"},
            {"kind": "geometry", "name": "g", "target": "choice", "models": {"m": "m.tsv"}},
        ],
    )
    assert [name for _, name, _ in told(inputs)] == [
        "atlas.nii.gz",
        "atlas.tsv",
        "back.nii",
        "m.tsv",
    ]


def test_links_out_of_the_data_set(study: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere, "x.nii.gz", "masks/01.nii.gz")
    image = study / f"{PREPROC.format('01', 1)}.nii.gz"
    image.unlink()
    image.symlink_to(elsewhere / "x.nii.gz")
    write(study, "rois/02.nii.gz")
    (study / "rois" / "01.nii.gz").symlink_to(elsewhere / "masks" / "01.nii.gz")
    (study / "shared.nii.gz").symlink_to(elsewhere / "x.nii.gz")
    # What the study file names by its whole name may be a link to anywhere.
    masks = {"shared": "shared.nii.gz", "own": "rois/{subject}.nii.gz"}
    inputs = found(study, rois={"masks": masks})
    assert told(inputs) == [
        ("01", image.name, f"is a link to {elsewhere / 'x.nii.gz'}, out of the data set"),
        ("01", "01.nii.gz", f"is a link to {elsewhere / 'masks/01.nii.gz'}, out of the data set"),
    ]


def test_subjects_that_are_left_out(study: Path) -> None:
    inputs = found(study, {**DATA, "exclude": ["sub-02"]})
    assert inputs.usable == ("01",)
    assert inputs.table()["reason"].tolist() == ["", "left out by the study file"]
    with pytest.raises(
        bs.ParameterError, match=r"`data.exclude` must be .* '002'; did you mean '02'"
    ):
        found(study, {**DATA, "exclude": ["002"]})


def test_folders_that_are_not_there(study: Path) -> None:
    with pytest.raises(bs.ParameterError, match=r"`data.root` must be a folder, got .*/nowhere"):
        found(study, {"root": "nowhere"})
    with pytest.raises(bs.ParameterError, match=r"`data.derivatives` must be a folder, got"):
        found(study, {"derivatives": "nowhere"})
    with pytest.raises(bs.ParameterError, match=r"`data.root` must hold subjects, got .*/masks"):
        found(study, {"root": "masks"})


def test_paths_start_at_the_study_file_and_at_the_data(study: Path) -> None:
    base = study / "code"
    write(base, "roi.nii.gz")
    data = {**DATA, "root": "..", "mask": "masks/v1.nii.gz", "subjects": ["01"]}
    inputs = found(base, data, rois={"masks": {"x": "roi.nii.gz"}})
    assert told(inputs) == []
    assert inputs.root == study
    assert inputs.subjects["01"].mask == study / "masks/v1.nii.gz"
    assert inputs.subjects["01"].rois == {"x": base / "roi.nii.gz"}


def test_repetition_times(study: Path) -> None:
    (study / f"{PREPROC.format('01', 1)}.json").unlink()
    (study / "task-dd_bold.json").write_text(json.dumps({"RepetitionTime": 1.5}))
    # Behaviour alone does not need them to be equal.
    assert [run.t_r for run in found(study, analyses=[]).subjects["01"].runs] == [1.5, 2.0]
    given = found(study, {**DATA, "t_r": 3}).subjects["01"].runs
    assert [run.t_r for run in given] == [3, 3]


def test_runs_of_different_repetition_times_are_a_problem_of_their_subject_only(
    study: Path,
) -> None:
    (study / f"{PREPROC.format('01', 1)}.json").write_text(json.dumps({"RepetitionTime": 1.5}))
    analyses = [{"kind": "extraction", "name": "courses"}]
    inputs = found(study, analyses=analyses)
    assert inputs.usable == ("02",)
    (problem,) = inputs.problems
    assert "one repetition time, got 1.5 s, 2 s; give `data.t_r`" in problem.what
    assert found(study, {**DATA, "t_r": 2}, analyses=analyses).usable == ("01", "02")


def test_sessions_are_in_labels(tmp_path: Path) -> None:
    for session in ("pre", "post"):
        stem = f"sub-01/ses-{session}/func/sub-01_ses-{session}_task-dd"
        write(tmp_path, f"{stem}_bold.nii.gz", f"{stem}_events.tsv")
    runs = found(tmp_path, {}, rois={}).subjects["01"].runs
    assert [run.label for run in runs] == ["ses-post", "ses-pre"]
    (run,) = found(tmp_path, {"sessions": ["pre"]}, rois={}).subjects["01"].runs
    assert run.events == tmp_path / "sub-01/ses-pre/func/sub-01_ses-pre_task-dd_events.tsv"


def test_a_hundred_subjects_in_a_second(tmp_path: Path) -> None:
    write_study(tmp_path, [f"{i:03d}" for i in range(100)])
    # Of the processor: others may keep the cores busy.
    started = time.process_time()
    inputs = found(tmp_path, confounds={"columns": ["trans_x"]})
    assert time.process_time() - started < 1
    assert len(inputs.usable) == 100
