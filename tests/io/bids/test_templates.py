"""Paths with names in braces."""

from __future__ import annotations

from pathlib import Path

import pytest

import boldstream as bs
from boldstream.io.bids.templates import check_template, match_template
from tests.io.bids.trees import write


def test_subjects_and_runs_are_told_from_names(tmp_path: Path) -> None:
    write(tmp_path, "A1/A1_run9.nii", "A1/A1_run10.nii", "B/B_run1.nii", "A1/B_run1.nii")
    found = match_template(tmp_path, "{subject}/{subject}_run{run}.nii")
    assert [(fields["subject"], fields["run"]) for _, fields in found] == [
        ("A1", "9"),
        ("A1", "10"),
        ("B", "1"),
    ]
    (only,) = match_template(tmp_path, "{subject}/{subject}_run{run}.nii", subject="B")
    assert only == (tmp_path / "B/B_run1.nii", {"subject": "B", "run": "1"})


@pytest.mark.parametrize(
    "template",
    ["**/{subject}_[a-c]?.nii", "deep/*/{subject}_*.nii", "**/{subject}_[!x]*.nii"],
)
def test_wildcards(tmp_path: Path, template: str) -> None:
    write(tmp_path, "deep/er/01_a1.nii", "deep/er/02_xx.txt")
    assert match_template(tmp_path, template) == [
        (tmp_path / "deep/er/01_a1.nii", {"subject": "01"})
    ]


@pytest.mark.parametrize("template", ["../{subject}", "/x/{subject}", "a/../{subject}"])
def test_none_leads_out_of_its_folder(template: str) -> None:
    with pytest.raises(bs.ParameterError, match="must be a path below `root`"):
        check_template("x", template, needed="subject", optional="run")


def test_two_stars_are_whole_folders() -> None:
    with pytest.raises(bs.ParameterError, match="`x` must have \\*\\* for whole folders only"):
        check_template("x", "sub-{subject}/**_bold.nii", needed="subject", optional="run")
