"""A small study, what nibabel reads of it, and what workers do with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

import boldstream as bs
from tests.oracle import load

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
SHAPE = (9, 8, 7)


@dataclass(frozen=True)
class Study:
    """Two subjects: 001 has two runs of scaled int16, 002 one run of float32."""

    root: Path
    mask: np.ndarray

    @property
    def config(self) -> bs.OAKConfig:
        return bs.OAKConfig(root=self.root, rois=["striatum"], tr=2.0)

    def runs(self, subject: str) -> list[np.ndarray]:
        """Values of every run as nibabel reads them."""
        return [load(path).get_fdata() for path in self.config.images(subject)]

    def values(self, subject: str) -> np.ndarray:
        return np.concatenate(self.runs(subject), axis=-1)

    @property
    def n_bytes(self) -> int:
        """Of all volumes of subject 001 as float32."""
        return self.values("001").size * 4


def make_study(root: Path, rng: np.random.Generator) -> Study:
    def save(name: str, values: np.ndarray) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(values, AFFINE), path)

    for run, n_volumes in ((1, 12), (2, 9)):
        image = nib.Nifti1Image(rng.normal(100, 5, (*SHAPE, n_volumes)), AFFINE, dtype=np.int16)
        path = root / f"sub-001/func/sub-001_task-dd_run-{run}_bold.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(image, path)
    save("sub-002/func/sub-002_task-dd_bold.nii.gz", rng.normal(0, 1, (*SHAPE, 15)).astype("f4"))
    mask = rng.random(SHAPE) > 0.7
    save("masks/striatum.nii.gz", mask.astype("u1"))
    (root / "dataset_description.json").write_text("{}")
    return Study(root, mask)


def add_row(shared: bs.MemoryMappedArray, row: int) -> None:
    shared[row] += row


def load_and_sum(loader: bs.MemoryEfficientLoader) -> tuple[str, str, float]:
    """The file of a mapped subject, the loader's own folder, and the sum of the values."""
    mapped: Any = loader.load_fmri_memmap("001")
    found = str(mapped.file_path), str(loader.temp_dir), float(mapped.array.sum(dtype="f8"))
    loader.cleanup()
    return found
