"""Maps that tests look at."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import from_matvec
from nibabel.eulerangles import euler2mat

# As files have them: towards the right or the left, turned, with thick slices.
AFFINES = {
    "flipped": from_matvec(np.diag([-3.0, 3, 3]), [30, -40, -20]),
    "oblique": from_matvec(euler2mat(0.2, -0.3, 0.1) @ np.diag([2.5, 2.5, 2.5]), [-20, -31, -12]),
    "thick": from_matvec(np.diag([2.0, 2, 3.5]), [-21.3, -30.2, -10.1]),
    "permuted": from_matvec(np.array([[0, 0, 3.0], [-3, 0, 0], [0, 3, 0]]), [-30, 33, -27]),
}


def write_map(path: Path, affine: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Write noise inside a ball, half of it negative, and 0 around; return it."""
    shape = (20, 22, 18)
    places = np.indices(shape).T - np.array([9.5, 10.5, 8.5])
    inside = ((places**2).sum(axis=-1) < 70).T
    values = np.where(inside, np.random.default_rng(seed).normal(size=shape) * 3, 0)
    values = values.astype(np.float32)
    nib.Nifti1Image(values, affine).to_filename(path)
    return values


def write_mean(path: Path, affine: np.ndarray) -> None:
    """Write what stands for a mean image: bright in the middle."""
    places = np.indices((20, 22, 18)).T - np.array([9.5, 10.5, 8.5])
    bright = 900 * np.exp(-(((places**2).sum(axis=-1) / 120) ** 2)).T
    nib.Nifti1Image(bright.astype(np.float32), affine).to_filename(path)
