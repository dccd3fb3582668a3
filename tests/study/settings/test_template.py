"""The study file that `boldstream init` writes: it loads, and leads to the files it was made of."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

import boldstream as bs
from boldstream.glm.first_level.contrasts import Contrast
from boldstream.study.inputs import find_inputs
from boldstream.study.settings import init_study, read_study
from tests.io.bids.trees import write, write_study


def test_what_is_found_is_in_it_and_can_be_used(tmp_path: Path) -> None:
    write_study(tmp_path)
    path = init_study(tmp_path)
    assert path == tmp_path / "study.yaml"
    found = read_study(path)
    assert found.data.task == "dd"
    assert found.data.space == "MNI152NLin2009cAsym:res-2"
    assert found.rois.masks == {"v1": "masks/v1.nii.gz", "vmpfc": "masks/vmpfc.nii.gz"}
    assert found.targets["trial_type"].column == "trial_type"
    assert [analysis.kind for analysis in found.analyses] == ["decoding", "group"]
    assert found.confounds.columns == ("trans_x", "trans_y")
    inputs = find_inputs(found, path.parent)
    assert inputs.problems == ()
    assert inputs.usable == ("01", "02")
    text = path.read_text()
    assert "there is also T1w" in text
    assert "delay: {column: delay, values: true}" in text
    assert "conditions: [face, house]" in text


def test_it_may_stand_elsewhere(tmp_path: Path) -> None:
    write_study(tmp_path / "data")
    path = init_study(tmp_path / "data", tmp_path / "plans" / "mine.yaml")
    found = read_study(path)
    assert found.data.root == Path("../data")
    assert find_inputs(found, path.parent).problems == ()


# A comment that is a key or an entry of a list; others are words.
_COMMENTED = re.compile(r"^( *)# ( *(?:- \{|[\w]+:(?: |$)).*)$")


@pytest.mark.parametrize("is_whole", [True, False])
def test_comments_are_settings_too(tmp_path: Path, is_whole: bool) -> None:
    if is_whole:
        write_study(tmp_path)
    else:
        write(tmp_path, "sub-01/func/sub-01_task-rest_bold.nii.gz")
    path = init_study(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(_COMMENTED.sub(r"\1\2", line) for line in lines))
    if is_whole:
        found = read_study(path)
        assert found.data.subjects == ("01", "02")
        assert found.betas.conditions == ("face", "house")
        assert found.quality
        (maps,) = (one for one in found.analyses if one.kind == "contrasts")
        assert maps.contrasts == {"difference": "face - house"}
        assert found.targets["delay"].values
        return
    with pytest.raises(bs.ParameterError) as caught:
        read_study(path)
    # A strategy and columns are alternatives.
    assert str(caught.value).endswith("`confounds.columns` must be left out with a `strategy`")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (("choose-now", "later"), "`choose-now` - later"),
        (("1back: {x}", "if", "z"), "`1back: {x}` - `if`"),
        (("a`b", "c"), "face - house"),
        (("a`b", "c", "d"), "c - d"),
    ],
)
def test_conditions_are_told_apart_whatever_they_are_called(
    tmp_path: Path, conditions: tuple[str, ...], expected: str
) -> None:
    write(tmp_path, "sub-01/func/sub-01_task-rest_bold.nii.gz")
    rows = [f"{i}\t1\t{name}" for i, name in enumerate(conditions)]
    events = tmp_path / "sub-01/func/sub-01_task-rest_events.tsv"
    events.write_text("\n".join(["onset\tduration\ttrial_type", *rows]) + "\n")
    path = init_study(tmp_path)
    lines = [_COMMENTED.sub(r"\1\2", line) for line in path.read_text().splitlines()]
    (text,) = (line for line in lines if "kind: contrasts" in line)
    (analysis,) = yaml.safe_load(text)
    assert analysis["contrasts"] == {"difference": expected}
    names = [*conditions, "face", "house"]
    (weights,) = Contrast("c", (expected,)).sums(names, "the events")
    assert sorted(weights)[0] == -1
    assert sorted(weights)[-1] == 1


def test_cells_without_a_value_are_neither_conditions_nor_numbers(tmp_path: Path) -> None:
    write(tmp_path, "sub-01/func/sub-01_task-x_bold.nii.gz")
    events = tmp_path / "sub-01/func/sub-01_task-x_events.tsv"
    # BIDS, a spreadsheet, pandas and R say in their own ways that there is nothing.
    rows = [("face", "0.5", "3"), ("null", "NA", "n/a"), ("n/a", "n/a", ""), ("", "1.5", "3")]
    lines = [f"{i}\t1\t" + "\t".join(row) for i, row in enumerate([*rows, ("NaN", "null", "3")])]
    columns = "onset\tduration\ttrial_type\treaction\tconstant"
    events.write_text("\n".join([columns, *lines, ""]))
    text = init_study(tmp_path).read_text()
    assert "conditions: [face, 'null']" in text or 'conditions: [face, "null"]' in text
    assert "reaction: {column: reaction, values: true}" in text
    assert "constant" not in text


def test_names_of_files_add_nothing_to_it(tmp_path: Path) -> None:
    stem = "sub-01/func/sub-01_task-x\nexecution: {n_jobs: 3}\n#_space-y: z"
    write(tmp_path, f"{stem}_bold.nii.gz", "sub-01/func/sub-01_task-no_bold.nii.gz")
    found = read_study(init_study(tmp_path))
    assert found.execution.n_jobs == -1
    assert found.data.task in ("no", "x\nexecution: {n jobs: 3}\n#", "x\nexecution: {n")


def test_behaviour_is_found(tmp_path: Path) -> None:
    write(tmp_path, "sub-01/func/sub-01_task-dd_bold.nii.gz", "masks/v1.nii.gz")
    columns = ("onset", "duration", "choice", "delayed_amount", "delay", "immediate_amount")
    events = tmp_path / "sub-01/func/sub-01_task-dd_events.tsv"
    events.write_text("\t".join(columns) + "\n" + "\t".join("123456") + "\n")
    found = read_study(init_study(tmp_path))
    assert found.behaviour is not None
    assert found.targets["subjective_value"].values
    assert find_inputs(found, tmp_path).problems == ()


def test_little_is_found(tmp_path: Path) -> None:
    write(tmp_path, "sub-01/func/sub-01_task-rest_bold.nii.gz")
    found = read_study(init_study(tmp_path))
    assert found.data.task == "rest"
    assert found.analyses == ()
    assert find_inputs(found, tmp_path).usable == ("01",)


def test_tables_that_cannot_be_used_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, *(f"sub-{i}/func/sub-{i}_task-x_acq-a_bold.nii.gz" for i in (1, 2, 3)))
    # Two that apply alike, one that is no text, and one that is good.
    write(tmp_path, "sub-1/func/sub-1_task-x_events.tsv", "sub-1/func/sub-1_acq-a_events.tsv")
    write(tmp_path, *(f"sub-{i}/func/sub-{i}_task-x_acq-a_events.tsv" for i in (2, 3)))
    (tmp_path / "sub-1/func/sub-1_task-x_events.tsv").write_text("trial_type\nwrong\n")
    (tmp_path / "sub-2/func/sub-2_task-x_acq-a_events.tsv").write_bytes(b"\xff\xfe")
    found = read_study(init_study(tmp_path))
    assert "trial_type" in found.targets
    assert [one.subject for one in find_inputs(found, tmp_path).problems] == ["1", "2", "2"]


def test_a_file_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    write_study(tmp_path)
    (tmp_path / "study.yaml").write_text("mine")
    with pytest.raises(bs.OutputExistsError):
        init_study(tmp_path)
    assert (tmp_path / "study.yaml").read_text() == "mine"
    init_study(tmp_path, overwrite=True)
    assert read_study(tmp_path / "study.yaml").data.task == "dd"


def test_a_folder_without_subjects(tmp_path: Path) -> None:
    with pytest.raises(bs.ParameterError, match="`folder` must be a BIDS data set, with folders"):
        init_study(tmp_path)
    with pytest.raises(bs.ParameterError, match="a data set must be a folder"):
        init_study(tmp_path / "missing")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    write_study(tmp_path)
    tmp_path.chmod(0o500)
    with pytest.raises(bs.ParameterError, match="the output folder must be one that"):
        init_study(tmp_path)
