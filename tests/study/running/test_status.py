"""What results say of the data that they are of."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from boldstream.study.inputs.found import Problem
from boldstream.study.planning.unit import Unit
from boldstream.study.running.schedule import Progress
from boldstream.study.running.status import name_of, status_of, write_status


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (json.dumps({"Name": " Food\n choices "}), "Food choices"),
        (json.dumps({"Name": ""}), "Study ds000001"),
        (json.dumps({"Name": ["a"]}), "Study ds000001"),
        ("{}", "Study ds000001"),
        ("[]", "Study ds000001"),
        ("{broken", "Study ds000001"),
        (None, "Study ds000001"),
    ],
)
def test_results_are_named_after_their_data(tmp_path: Path, content: str | None, name: str) -> None:
    root = tmp_path / "ds000001"
    root.mkdir()
    if content is not None:
        (root / "dataset_description.json").write_text(content)
    assert name_of(root) == name


def write(folder: Path, status: pd.DataFrame, *, is_whole: bool = True) -> pd.DataFrame:
    subjects = pd.DataFrame({"subject": status["subject"].unique()})
    versions = {"versions": {"boldstream": "1"}}
    write_status(folder, status, subjects, versions, is_whole=is_whole)
    return pd.read_csv(folder / "status.tsv", sep="\t", dtype=str, keep_default_na=False)


def test_a_file_whose_name_is_no_text_is_told(tmp_path: Path) -> None:
    problem = Problem("02", os.fsdecode(b"caf\xe9_bold.nii"), "is empty")
    (error,) = write(tmp_path, status_of([], {}, [problem]))["error"]
    assert error == r"caf\udce9_bold.nii: is empty"


def test_a_subject_that_was_mended_is_unusable_no_longer(tmp_path: Path) -> None:
    problems = [Problem(subject, "bold.nii", "is empty") for subject in ("02", "03")]
    write(tmp_path, status_of([], {}, problems))
    mended = Progress(Unit("betas", "betas", "02"), "done")
    found = write(tmp_path, status_of([mended], {}, []), is_whole=False)
    assert found[["subject", "state"]].to_numpy().tolist() == [["03", "unusable"], ["02", "done"]]
