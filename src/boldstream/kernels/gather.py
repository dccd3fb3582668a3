"""Pick voxels out of volumes as stored, and make real values of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Voxels worked on at once, so that the float64 copies of a few volumes of them
# stay in the second-level cache: 8 192 was fastest of 512 to 16 384.
TILE = 8192


def tiles(n: int, size: int = TILE) -> list[slice]:
    """Slices that cut `n` voxels into pieces of so many."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def scale_into(out: NDArray[Any], stored: NDArray[Any], slope: float, inter: float) -> NDArray[Any]:
    """``out = stored * slope + inter``, computed in the precision of `out`."""
    np.copyto(out, stored, casting="unsafe")
    if slope != 1.0:
        out *= slope
    if inter != 0.0:
        out += inter
    return out


def real_values(stored: NDArray[Any], slope: float, inter: float) -> NDArray[Any]:
    """Real values in float64, to be rounded once; what is not scaled is returned as it is."""
    if slope == 1.0 and inter == 0.0:
        return stored
    return scale_into(np.empty(stored.shape), stored, slope, inter)


def gather_rows(
    out: NDArray[Any],
    stored: NDArray[Any],
    rows: NDArray[np.intp],
    slope: float,
    inter: float,
) -> None:
    """Real values of some voxels of each volume.

    Parameters
    ----------
    out : ndarray, shape (volumes, len(rows))
    stored : ndarray, shape (volumes, voxels)
    rows : ndarray of int
        Positions in a volume.
    slope, inter : float
    """
    if slope == 1.0 and inter == 0.0 and out.dtype == stored.dtype:
        for volume, values in zip(stored, out, strict=True):
            # `clip` lets numpy write straight into `out`; the rows are known to be inside.
            np.take(volume, rows, out=values, mode="clip")
        return
    picked = np.empty(len(rows), stored.dtype)
    if out.dtype == np.float64:
        for volume, values in zip(stored, out, strict=True):
            scale_into(values, np.take(volume, rows, out=picked, mode="clip"), slope, inter)
        return
    # Scaled in float64 and rounded once, a float32 is the one nearest to the real value.
    exact = np.empty(len(rows))
    for volume, values in zip(stored, out, strict=True):
        np.take(volume, rows, out=picked, mode="clip")
        values[:] = scale_into(exact, picked, slope, inter)
