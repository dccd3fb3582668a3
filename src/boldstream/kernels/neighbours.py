"""What a voxel takes from the six that share a face with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_WEIGHT = 0.2


def smooth_fast(volume: NDArray[Any], scratch: NDArray[Any]) -> None:
    """Add a fifth of each neighbour to every voxel, in place, and divide by 2.2.

    ``smooth_img(..., fwhm="fast")`` of nilearn, its order of additions
    included. Voxels at the border have fewer neighbours and are not made up for it.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x)
    scratch : ndarray
        Of the same shape and type.
    """
    np.multiply(volume, _WEIGHT, out=scratch)
    for axis in (2, 1, 0):
        values, weighted = np.moveaxis(volume, axis, 0), np.moveaxis(scratch, axis, 0)
        values[:-1] += weighted[1:]
        values[1:] += weighted[:-1]
    volume /= 1 + 6 * _WEIGHT


def extrapolate(
    volume: NDArray[Any], known: NDArray[np.bool_], *, reach: int
) -> NDArray[np.float64]:
    """Give unknown voxels the mean of their known neighbours, `reach` times over; 0 beyond.

    As `nilearn.masking.extrapolate_out_mask` does before it resamples.

    Parameters
    ----------
    volume, known : ndarray, shape (x, y, z)
        Values, of any kind where they are not known.
    reach : int
        How many layers of voxels are filled.

    Returns
    -------
    ndarray, shape (x, y, z), float64
    """
    from scipy import ndimage

    faces = ndimage.generate_binary_structure(3, 1).astype(np.uint8)
    values = np.where(known, volume, 0.0)
    for _ in range(reach):
        counts = ndimage.correlate(known.astype(np.uint8), faces, mode="constant")
        sums = ndimage.correlate(values, faces, mode="constant")
        shell = ~known & (counts > 0)
        values[shell] = sums[shell] / counts[shell]
        known = known | shell
    return values
