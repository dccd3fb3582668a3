"""Images for the tests of the store, and what nibabel reads of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import DTypeLike, NDArray

from tests.oracle import fdata

SHAPE = (7, 6, 5)


def save_bold(
    path: Path,
    n_volumes: int = 20,
    *,
    dtype: DTypeLike = "float32",
    scaling: tuple[float, float] | None = None,
    shape: tuple[int, int, int] = SHAPE,
    seed: int = 0,
) -> Path:
    """Write an image of random values as stored, with a scaling in its header."""
    rng = np.random.default_rng(seed)
    low = 0 if np.dtype(dtype).kind == "u" else -100
    data = rng.integers(low, 120, (*shape, n_volumes)).astype(dtype)
    image = nib.Nifti1Image(data, np.diag([2.0, 2.0, 2.5, 1.0]), dtype=np.dtype(dtype))
    if scaling is None:
        image.to_filename(path)
        return path
    header = image.header.copy()
    header.set_slope_inter(*scaling)
    with nib.openers.Opener(str(path), "wb") as file:
        header["vox_offset"] = 352
        header["magic"] = b"n+1"
        header.write_to(file)
        file.write(b"\0" * 4)
        file.write(data.tobytes(order="F"))
    return path


def make_mask(share: float = 0.4, seed: int = 1, shape: tuple[int, ...] = SHAPE) -> NDArray[Any]:
    """A random mask."""
    return np.random.default_rng(seed).random(shape) < share


def series_of(path: Path, mask: NDArray[Any]) -> NDArray[np.float32]:
    """Time courses (volumes, voxels) as nibabel reads them."""
    return np.asarray(fdata(path)[mask].T, np.float32)
