"""Sums over time for means and standard deviations, shifted by the first volume.

With d = x - shift, mean = shift + sum(d)/n and variance = sum(d^2)/n - (sum(d)/n)^2.
The shift takes the large mean out before squaring, which keeps the digits that
sum(x^2) would lose (Chan, Golub & LeVeque 1983, "Algorithms for computing the
sample variance").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.kernels.gather import TILE, scale_into, tiles

Floats = NDArray[np.float64]

_EXACT = 2.0**24
# Differences of 16-bit integers stay below 2^17, and this many of them below 2^24.
_MOST_VOLUMES = 128


def moment_scratch(n_volumes: int, n_voxels: int) -> Floats:
    """Working memory of `add_moments` for blocks of up to `n_volumes`."""
    return np.empty((n_volumes + 1, min(TILE, n_voxels)))


def add_moments(
    sums: Floats,
    squares: Floats | None,
    shift: Floats,
    stored: NDArray[Any],
    slope: float,
    inter: float,
    unchanged: NDArray[Any] | None,
    scratch: Floats,
) -> None:
    """Add a block of volumes to ``sum(d)`` and, unless None, ``sum(d^2)``.

    The running sum is the first row of what is summed, so volumes are added
    one after the other and the result does not depend on the block's size.

    Parameters
    ----------
    sums, squares, shift : ndarray, shape (voxels,), float64
    stored : ndarray, shape (volumes, voxels)
    slope, inter : float
    unchanged : ndarray, shape (voxels,), dtype of `stored`, or None
        Stored values that stand for d = 0: tiles that equal it, mostly
        background, are passed over.
    scratch : ndarray, from `moment_scratch`
    """
    small = slope == 1.0 and inter == 0.0 and stored.dtype.kind in "iu" and stored.itemsize <= 2
    for tile in tiles(len(shift)):
        part = stored[:, tile]
        if unchanged is not None:
            if _equals(part, unchanged[tile]):
                continue
            if small and _add_integers(sums, squares, tile, part, unchanged[tile], scratch):
                continue
        summands = scratch[: len(part) + 1, : part.shape[1]]
        d = scale_into(summands[1:], part, slope, inter)
        d -= shift[tile]
        summands[0] = sums[tile]
        np.add.reduce(summands, axis=0, out=sums[tile])
        if squares is not None:
            d *= d
            summands[0] = squares[tile]
            np.add.reduce(summands, axis=0, out=squares[tile])


def _add_integers(
    sums: Floats,
    squares: Floats | None,
    tile: slice,
    part: NDArray[Any],
    unchanged: NDArray[Any],
    scratch: Floats,
) -> bool:
    """Add integers of up to 16 bits in float32, at half the cost; False if that is not exact.

    Whole numbers below 2^24 are exact in float32, and a sum of squares that
    ends below 2^24 has been so all the way.
    """
    if len(part) > _MOST_VOLUMES:
        return False
    d = scratch.reshape(-1).view(np.float32)[: part.size].reshape(part.shape)
    np.copyto(d, part)
    d -= unchanged.astype(np.float32)
    total = np.add.reduce(d, axis=0)
    if squares is not None:
        d *= d
        total_squares = np.add.reduce(d, axis=0)
        if total_squares.max() >= _EXACT:
            return False
        squares[tile] += total_squares
    sums[tile] += total
    return True


def _equals(part: NDArray[Any], volume: NDArray[Any]) -> bool:
    # Where anything changes, one volume is mostly enough to see it.
    return bool((part[:1] == volume).all() and (part == volume).all())


def mean_of(n: int, shift: Floats, sums: Floats) -> Floats:
    """Mean from the shifted sum of `n` values."""
    return shift + sums / n


def standard_deviation_of(n: int, sums: Floats, squares: Floats, ddof: int) -> Floats:
    """Standard deviation from shifted sums; rounding below zero counts as zero."""
    apart = squares - sums * (sums / n)
    np.maximum(apart, 0.0, out=apart)
    return np.sqrt(apart / (n - ddof))
