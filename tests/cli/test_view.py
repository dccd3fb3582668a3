"""``boldstream view``: the page that `view_map` writes."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import boldstream as bs
from tests.cli.conftest import AFFINE, SHAPE, Command


@pytest.fixture
def scores(tmp_path: Path, rng: np.random.Generator) -> Path:
    values = rng.uniform(0.3, 0.9, SHAPE).astype("f4")
    nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / "scores.nii.gz")
    nib.save(nib.Nifti1Image((values > 0.4).astype("u1"), AFFINE), tmp_path / "mask.nii")
    return tmp_path / "scores.nii.gz"


def test_it_writes_what_view_map_writes(command: Command, scores: Path) -> None:
    page = scores.with_name("a.html")
    mask = scores.with_name("mask.nii")
    done = command(
        *("view", scores, "-o", page, "--background", scores, "--mask", mask, "--title", "Light"),
        *("--threshold", 0.6, "--threshold", 0.7, "--chance", 0.5),
    )
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == f"page  {page}"
    theirs = bs.view_map(
        scores,
        scores.with_name("b.html"),
        background=scores,
        mask=mask,
        title="Light",
        thresholds=[0.6, 0.7],
        chance=0.5,
    )
    assert page.read_text(encoding="utf-8") == theirs.read_text(encoding="utf-8")


def test_the_page_lies_beside_the_map_and_is_not_replaced_unasked(
    command: Command, scores: Path
) -> None:
    assert command("view", scores).code == 0
    page = scores.with_name("scores.html")
    before = page.read_bytes()
    again = command("view", scores)
    assert again.code == 1
    assert f"{page} exists already; --overwrite replaces it" in " ".join(again.err.split())
    assert command("view", scores, "--overwrite", "--threshold", 0.5).code == 0
    assert page.read_bytes() != before


def test_errors_speak_of_options(command: Command, scores: Path) -> None:
    wrong = command("view", scores, "-o", scores.with_name("a.txt"))
    assert wrong.code == 2
    assert "must end in .html" in wrong.err
    series = scores.with_name("series.nii")
    nib.save(nib.Nifti1Image(np.zeros((*SHAPE, 3), "f4"), AFFINE), series)
    message = command("view", series).err
    assert message == f"Error: MAP ({series}) must hold one volume, got 3\n"
