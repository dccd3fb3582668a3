"""Masks and atlases beside an image: on its grid or another, of any type, empty to full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

SHAPE = (5, 4, 3)
AFFINE = np.diag([3.0, 3.0, 2.5, 1.0])
_TYPES = ("u1", "i2", ">i2", "f4", ">f8", "u8", "i8")


@dataclass(frozen=True)
class MadeRegions:
    """An image of regions.

    Attributes
    ----------
    image : nibabel image
    values : ndarray of float64, shape (x, y, z)
        What its voxels stand for.
    is_on_grid : bool
        Whether every voxel is one of the image's.
    """

    image: Any
    values: NDArray[np.float64]
    is_on_grid: bool


@st.composite
def affines(draw: st.DrawFn) -> tuple[NDArray[np.float64], bool]:
    """That of the image; almost that; another."""
    affine = AFFINE.copy()
    # A hundredth of a voxel is less than files may differ by; a tenth is not.
    shift, is_same = draw(st.sampled_from([(0.0, True), (1e-4, True), (0.3, False), (30.0, False)]))
    affine[draw(st.integers(0, 2)), 3] += shift
    if draw(st.integers(0, 9)) == 0:
        affine[0, 0] *= -1
        is_same = False
    return affine, is_same


@st.composite
def regions(draw: st.DrawFn, labels: Sequence[int]) -> MadeRegions:
    """Voxels with some of these labels: none, one voxel, some, or all."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    share = draw(st.sampled_from([0.0, 0.02, 0.4, 1.0]))
    values = np.where(rng.random(SHAPE) < share, rng.choice(labels, SHAPE), 0).astype(np.float64)
    dtype = draw(st.sampled_from(_TYPES))
    stored = values.astype(dtype)
    if np.dtype(dtype).kind == "f" and draw(st.booleans()):
        stored[rng.random(SHAPE) < 0.2] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
        values[~np.isfinite(stored)] = 0
    shape = draw(st.sampled_from([SHAPE, (*SHAPE, 1), (*SHAPE, 1, 1)]))
    affine, is_on_grid = draw(affines())
    image = nib.Nifti1Image(stored.reshape(shape), affine, dtype=np.dtype(dtype))
    if draw(st.booleans()) and np.dtype(dtype).itemsize <= 2:
        image.header.set_slope_inter(0.5, 0)
    return MadeRegions(image, values, is_on_grid)
