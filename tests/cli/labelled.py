"""A made-up study to decode: two runs, labels of each volume, masks, and a folder of betas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

AFFINE = np.diag([3.0, 3.0, 3.5, 1.0])
SHAPE = (7, 6, 5)
N = 30
PEAK = (3, 3, 2)


@dataclass(frozen=True)
class Labelled:
    """Files of the study, and what they hold."""

    folder: Path
    bold: Sequence[Path]
    labels: Path
    mask: Path
    process: Path
    data: NDArray[np.float32]
    table: pd.DataFrame

    @property
    def given(self) -> list[object]:
        """What commands take of it."""
        return [*self.bold, "--labels", self.labels, "--mask", self.mask]

    def kept(self, *names: str) -> NDArray[np.intp]:
        """Volumes of some objects."""
        return np.flatnonzero(self.table["object"].isin(names))

    def image(self, kept: NDArray[np.intp]) -> Any:
        """Some volumes of all runs."""
        return nib.Nifti1Image(self.data[..., kept], AFFINE)


def make_labelled(folder: Path) -> Labelled:
    """Write the files; faces and houses differ around one voxel."""
    rng = np.random.default_rng(7)
    objects = np.concatenate(
        [rng.permutation(np.repeat(["face", "house", "rest"], N // 3)) for _ in range(2)]
    )
    table = pd.DataFrame(
        {
            "object": objects,
            "run": np.repeat([1, 2], N),
            "value": np.where(objects == "rest", np.nan, rng.normal(size=2 * N).round(3)),
        }
    )
    data = rng.normal(100, 5, (*SHAPE, 2 * N)).astype(np.float32)
    data[PEAK][objects == "house"] += 30
    data[1, 1, 1] += 10 * np.nan_to_num(table["value"].to_numpy())
    inside = np.zeros(SHAPE, np.uint8)
    inside[1:] = 1
    process = inside.copy()
    process[:, :, 3:] = 0
    bold = [folder / f"run-{run}_bold.nii.gz" for run in (1, 2)]
    for i, path in enumerate(bold):
        nib.save(nib.Nifti1Image(data[..., i * N : (i + 1) * N], AFFINE), path)
    for name, mask in {"mask": inside, "process": process}.items():
        nib.save(nib.Nifti1Image(mask, AFFINE), folder / f"{name}.nii.gz")
    table.to_csv(folder / "labels.tsv", sep="\t", index=False, na_rep="n/a")
    return Labelled(
        folder,
        bold,
        folder / "labels.tsv",
        folder / "mask.nii.gz",
        folder / "process.nii.gz",
        data,
        table,
    )
