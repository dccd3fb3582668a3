"""Errors that a new user meets say what to do next."""

from __future__ import annotations

import re

import nibabel as nib
import numpy as np
import pytest

from tests.cli.conftest import AFFINE, SHAPE, Command, Study


@pytest.mark.parametrize(
    ("arguments", "step"),
    [
        (
            "extract {bold} --atlas {maps} -o out",
            "must hold one volume, got 3; maps of weights go ",
        ),
        ("extract {bold} --mask {maps} -o out", "maps of weights go to --maps"),
        ("extract {bold} --mask {atlas} -o out", "an atlas goes to --atlas"),
        ("extract {bold} --mask {far} --resample mask -o out", "check that both are in one space"),
        ("extract {bold} --atlas {far} --resample mask -o out", "check that both are in one"),
        ("extract {bold} --maps {far} --resample mask -o out", "check that both are in one space"),
        ("extract {bold} --mask {far} -o out", "--resample mask"),
        ("extract {seeds} --mask {mask} -o out", "; give a NIfTI, ANALYZE, AFNI, MGH, PAR/REC or"),
        ("extract {cut} --mask {mask} -o out", "is truncated: .*; copy or make it again"),
        (
            "extract {torn} --mask {mask} -o out",
            "is truncated or damaged: .*; copy or make it again",
        ),
        ("extract {bold} --mask {mask} -o {mask}", "got .*V1.nii.gz: it is a file"),
        ("extract {bold} --mask {mask} -o out --memory-limit 5MiB", "or raise the limit"),
        (
            "summary {bold} -o {there}",
            r"tsnr.nii.gz exist already; --overwrite replaces them",
        ),
        (
            "volume {bold} 9 -o {there}/mean.nii.gz",
            "exists already; --overwrite replaces it",
        ),
        ("volume {bold} 20 -o v.nii.gz", "T must be an integer from -20 to 19, got 20"),
    ],
)
def test_what_to_do_next(
    study: Study, command: Command, monkeypatch: pytest.MonkeyPatch, arguments: str, step: str
) -> None:
    folder = study.folder
    monkeypatch.chdir(folder)
    shifted = AFFINE + 1000 * np.eye(4, k=3)
    nib.save(nib.Nifti1Image(np.ones(SHAPE, "u1"), shifted), folder / "far.nii.gz")
    whole = study.bold.read_bytes()
    (folder / "torn.nii.gz").write_bytes(whole[: len(whole) // 2])
    nib.save(nib.load(study.bold), folder / "cut.nii")
    (folder / "cut.nii").write_bytes((folder / "cut.nii").read_bytes()[:-100])
    assert command("summary", study.bold, "-o", "there").code == 0
    places = {"far": "far.nii.gz", "torn": "torn.nii.gz", "cut": "cut.nii", "there": "there"}
    done = command(*arguments.format(**{**vars(study), **places}).split())
    assert done.code == 1
    assert re.search(step, " ".join(done.err.split())), done.err
