"""A made-up study with a task: runs with an effect, events, confounds and a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

AFFINE = np.diag([3.0, 3.0, 3.5, 1.0])
SHAPE = (9, 8, 7)
N = 64
TR = 2.0


@dataclass(frozen=True)
class Task:
    """Files of a study with two runs."""

    folder: Path
    bold: Sequence[Path]
    events: Sequence[Path]
    confounds: Sequence[Path]
    mask: Path

    @property
    def given(self) -> list[object]:
        """What commands take of both runs."""
        return [*self.bold, *(word for file in self.events for word in ("--events", file))]


def make_task(folder: Path, subject: str = "01") -> Task:
    """Write the files; names are those of BIDS."""
    rng = np.random.default_rng(int(subject))
    stems = [folder / f"sub-{subject}_task-look_run-{run}" for run in (1, 2)]
    bold, events, confounds = ([Path(f"{stem}_{x}") for stem in stems] for x in SUFFIXES)
    for i in range(2):
        image = nib.Nifti1Image(_data(rng), AFFINE)
        image.header.set_zooms((3.0, 3.0, 3.5, TR))
        image.header.set_xyzt_units("mm", "sec")
        nib.save(image, bold[i])
        _write(events[i], _events(3.0 * i))
        _write(confounds[i], pd.DataFrame(rng.normal(size=(N, 2)), columns=["x", "y"]))
    inside = np.zeros(SHAPE, "u1")
    inside[2:7, 2:6, 2:5] = 1
    nib.save(nib.Nifti1Image(inside, AFFINE), folder / "inside.nii.gz")
    return Task(folder, bold, events, confounds, folder / "inside.nii.gz")


SUFFIXES = ("bold.nii.gz", "events.tsv", "motion.tsv")


def _write(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, sep="\t", index=False)


def _events(shift: float) -> pd.DataFrame:
    onset = np.arange(4.0, TR * N - 20, 11) + shift
    kinds = np.array(["face", "house", "cat"])[np.arange(len(onset)) % 3]
    seen = np.arange(len(onset)) * 0.25
    return pd.DataFrame({"onset": onset, "duration": 3.0, "trial_type": kinds, "seen": seen})


def _data(rng: np.random.Generator) -> np.ndarray:
    """float64, with zeros around from which a mask can be found."""
    data = rng.normal(size=(*SHAPE, N))
    for t in range(1, N):
        data[..., t] += 0.3 * data[..., t - 1]
    data = 600 + rng.uniform(-200, 400, SHAPE)[..., None] + 9 * data
    for axis in range(3):
        edge = np.moveaxis(data, axis, 0)
        edge[:1] = edge[-1:] = 0
    return data
