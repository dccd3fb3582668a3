"""Where a study's files are found, in BIDS layout and by templates."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import boldstream as bs
from boldstream.io.study import find_study


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A BIDS study of one subject with eleven runs, and another subject."""
    for run in range(1, 12):
        stem = f"sub-001/func/sub-001_task-dd_run-{run}"
        touch(tmp_path, f"{stem}_bold.nii.gz", f"{stem}_events.tsv", f"{stem}_bold.json")
    touch(tmp_path, "sub-0010/func/sub-0010_task-dd_bold.nii", "masks/striatum.nii.gz")
    return tmp_path


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A study with fMRIPrep's derivatives: two sessions, two tasks, two spaces."""
    for session in ("pre", "post"):
        for task in ("dd", "rest"):
            stem = f"sub-02/ses-{session}/func/sub-02_ses-{session}_task-{task}"
            touch(tmp_path, f"{stem}_bold.nii.gz", f"{stem}_events.tsv")
            made = f"derivatives/fmriprep/{stem}"
            touch(tmp_path, f"{made}_desc-confounds_timeseries.tsv")
            for space in ("T1w", "MNI152NLin2009cAsym_res-2"):
                touch(tmp_path, f"{made}_space-{space}_desc-preproc_bold.nii.gz")
                touch(tmp_path, f"{made}_space-{space}_boldref.nii.gz")
    return tmp_path


def test_runs_come_in_the_order_of_their_numbers(raw: Path) -> None:
    study = bs.OAKConfig(root=raw)
    wanted = [f"sub-001_task-dd_run-{run}_bold.nii.gz" for run in range(1, 12)]
    assert names(study.images("sub-001")) == names(study.images("001")) == wanted
    assert study.images("0010") == (raw / "sub-0010/func/sub-0010_task-dd_bold.nii",)
    assert names(study.events("001")) == [
        name.replace("bold.nii.gz", "events.tsv") for name in wanted
    ]


def test_what_fmriprep_made_is_taken_and_its_confounds(prepared: Path) -> None:
    study = bs.OAKConfig(root=prepared, task="dd", space="T1w")
    assert names(study.images("02")) == [
        "sub-02_ses-post_task-dd_space-T1w_desc-preproc_bold.nii.gz",
        "sub-02_ses-pre_task-dd_space-T1w_desc-preproc_bold.nii.gz",
    ]
    assert names(study.confounds("02")) == [
        "sub-02_ses-post_task-dd_desc-confounds_timeseries.tsv",
        "sub-02_ses-pre_task-dd_desc-confounds_timeseries.tsv",
    ]
    assert names(study.events("02")) == [
        "sub-02_ses-post_task-dd_events.tsv",
        "sub-02_ses-pre_task-dd_events.tsv",
    ]


def test_what_is_ambiguous_is_asked_for(prepared: Path) -> None:
    with pytest.raises(bs.ParameterError, match="`task` must be one of dd, rest, got None"):
        bs.OAKConfig(root=prepared).images("02")
    with pytest.raises(bs.ParameterError, match="`space` or an `image_template` must single out"):
        bs.OAKConfig(root=prepared, task="dd").images("02")


def test_templates(tmp_path: Path) -> None:
    touch(tmp_path, "b/s_A1_run10.nii", "b/s_A1_run9.nii", "e/A1-1.tsv", "e/A1-2.tsv", "c/A1.tsv")
    touch(tmp_path, "rois/A1/V1.nii")
    study = bs.OAKConfig(
        root=tmp_path,
        image_template="b/s_{subject}_run{run}.nii",
        events_template="e/{subject}-*.tsv",
        confounds_template="c/{subject}.tsv",
        mask_template="rois/{subject}/{roi}.nii",
    )
    assert names(study.images("A1")) == ["s_A1_run9.nii", "s_A1_run10.nii"]
    assert names(study.events("sub-A1")) == ["A1-1.tsv", "A1-2.tsv"]
    assert study.mask("V1", "A1") == tmp_path / "rois/A1/V1.nii"
    with pytest.raises(bs.TableError, match=r"one table for each of the 2 runs .* got 1"):
        study.confounds("A1")
    with pytest.raises(bs.ParameterError, match="`subject` must be given for the masks"):
        study.mask("V1")


def test_masks_of_regions(raw: Path, tmp_path: Path) -> None:
    by_template = bs.OAKConfig(root=raw, rois=["striatum", "V1"])
    assert by_template.mask("striatum") == raw / "masks/striatum.nii.gz"
    with pytest.raises(bs.ParameterError, match=r"one of striatum, V1.*; did you mean 'striatum'"):
        by_template.mask("striatun")
    with pytest.raises(bs.ImageFileError, match=r"mask of 'V1' does not exist: .*/masks/V1.nii.gz"):
        by_template.mask("V1")
    by_name = bs.OAKConfig(root=raw, rois={"left": "masks/striatum.nii.gz"})
    assert by_name.mask("left") == raw / "masks/striatum.nii.gz"


@pytest.mark.parametrize("subject", ["../x", "sub-../x", "a/b", "", "sub-", ".", "*", "0?1", 7])
def test_a_subject_cannot_lead_elsewhere(raw: Path, subject: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`subject` must be a label"):
        bs.OAKConfig(root=raw).images(subject)


@pytest.mark.parametrize("roi", ["../striatum", "/etc/passwd", "a/../b"])
def test_a_region_cannot_lead_elsewhere(raw: Path, roi: str) -> None:
    with pytest.raises(bs.ParameterError, match="`roi` must be a label"):
        bs.OAKConfig(root=raw).mask(roi)


@pytest.mark.parametrize(
    ("name", "template", "message"),
    [
        ("image_template", "../{subject}.nii", "must be a path below `root`"),
        ("image_template", "/data/{subject}.nii", "must be a path below `root`"),
        ("events_template", "events.tsv", r"must hold \{subject\}, and may hold \{run\}"),
        ("confounds_template", "{subject}_{ses}.tsv", r"must hold \{subject\}"),
        ("mask_template", "{subject}.nii", r"must hold \{roi\}"),
        ("image_template", "{subject", "must be a template"),
    ],
)
def test_templates_that_cannot_serve(
    tmp_path: Path, name: str, template: str, message: str
) -> None:
    options: dict[str, Any] = {name: template}
    with pytest.raises(bs.ParameterError, match=f"`{name}` {message}"):
        bs.OAKConfig(root=tmp_path, **options)


def test_what_is_missing_is_named(raw: Path) -> None:
    with pytest.raises(bs.ImageFileError, match=f"subject '77': looked for .*{raw}/sub-77/func"):
        bs.OAKConfig(root=raw).images("77")
    with pytest.raises(bs.ImageFileError, match=f"looked for {raw}/x/77.nii"):
        bs.OAKConfig(root=raw, image_template="x/{subject}.nii").images("sub-77")
    with pytest.raises(bs.TableError, match=r"no table of events for sub-0010_task-dd_bold.nii"):
        bs.OAKConfig(root=raw).events("0010")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"root": "/no/such"}, "`root` must be the study's folder, got /no/such"),
        ({"tr": -2}, "`tr` must be a positive number of seconds, got -2"),
        ({"rois": "V1"}, "`rois` must be a list of names, got the text 'V1'"),
    ],
)
def test_settings_that_cannot_serve(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(bs.ParameterError, match=message):
        bs.OAKConfig(**{"root": tmp_path} | options)


def test_it_is_a_value_that_workers_can_be_sent(raw: Path) -> None:
    study = bs.OAKConfig(root=raw, rois=["striatum"], tr=2)
    assert pickle.loads(pickle.dumps(study)) == study


def test_the_study_that_is_meant(
    raw: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    with pytest.raises(bs.ParameterError, match=f"`config` must say .* {elsewhere}"):
        find_study({})
    assert find_study({"BOLDSTREAM_STUDY": str(raw)}).root == raw
    touch(elsewhere, "dataset_description.json")
    assert find_study({}).root == elsewhere


def test_tables_of_a_template_are_of_the_runs_of_the_images(tmp_path: Path) -> None:
    for name in ("b_01_run1.nii", "b_01_run2.nii", "b_01_run4.nii"):
        (tmp_path / name).touch()
    for run in ("01", "02", "03"):
        (tmp_path / f"e_01_run{run}.tsv").touch()
    config = bs.OAKConfig(
        root=tmp_path,
        image_template="b_{subject}_run{run}.nii",
        events_template="e_{subject}_run{run}.tsv",
    )
    with pytest.raises(bs.TableError, match=r"of the same runs .* e_01_run03\.tsv for b_01_run4"):
        config.events("01")
    (tmp_path / "e_01_run03.tsv").rename(tmp_path / "e_01_run04.tsv")
    assert [path.name for path in config.events("01")] == [
        f"e_01_run{run}.tsv" for run in ("01", "02", "04")
    ]


def test_files_of_a_template_are_looked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "b_01_run1.nii", "b_01_run2.nii", "e_01_run1.tsv", "e_01_run2.tsv")
    config = bs.OAKConfig(
        root=tmp_path,
        image_template="b_{subject}_run{run}.nii",
        events_template="e_{subject}_run{run}.tsv",
    )
    looked_for, glob = list[str](), Path.glob

    def told(folder: Path, pattern: str) -> Iterator[Path]:
        looked_for.append(pattern)
        return glob(folder, pattern)

    monkeypatch.setattr(Path, "glob", told)
    assert names(config.events("01")) == ["e_01_run1.tsv", "e_01_run2.tsv"]
    assert looked_for == ["b_01_run*.nii", "e_01_run*.tsv"]
