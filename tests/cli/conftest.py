"""Commands run in this process, and a small study for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from boldstream.cli.entry import run

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
SHAPE = (8, 7, 6)


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@dataclass(frozen=True)
class Study:
    """Files that commands are given."""

    folder: Path
    bold: Path
    mask: Path
    atlas: Path
    maps: Path
    seeds: Path


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run one command and return what it did."""

    def call(*args: object) -> Done:
        code = run([str(arg) for arg in args])
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return call


@pytest.fixture
def study(tmp_path: Path, rng: np.random.Generator) -> Study:
    """One run of 20 volumes and every kind of region, on one grid."""

    def save(name: str, values: np.ndarray) -> Path:
        nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / name)
        return tmp_path / name

    seeds = tmp_path / "seeds.tsv"
    seeds.write_text("x\ty\tz\tname\n6\t6\t6\tfront\n12\t9\t9\tback\n")
    return Study(
        folder=tmp_path,
        bold=save("bold.nii.gz", rng.normal(100, 5, (*SHAPE, 20)).astype("f4")),
        mask=save("V1.nii.gz", (rng.random(SHAPE) > 0.5).astype("u1")),
        atlas=save("atlas.nii", rng.integers(0, 5, SHAPE).astype("i2")),
        maps=save("maps.nii.gz", rng.random((*SHAPE, 3)).astype("f4")),
        seeds=seeds,
    )
