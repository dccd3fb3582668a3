"""Smoothing of single volumes, with the values of `nilearn.image.smooth_img`."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.grid import Grid
from boldstream.kernels.neighbours import smooth_fast
from boldstream.kernels.separable import (
    Banded,
    Filters,
    apply_separable,
    banded,
    gaussian_matrix,
    scratch_size,
)

# Full widths at half maximum in mm along x, y, z; 0 leaves an axis as it is.
Widths: TypeAlias = tuple[float, float, float]
Fwhm: TypeAlias = Widths | Literal["fast"]

_FWHM_OVER_SIGMA = math.sqrt(8 * math.log(2))


class Smoothing:
    """Smooths flat volumes of one grid in place.

    Parameters
    ----------
    fwhm : tuple of float, or "fast"
    grid : Grid
    dtype : numpy.dtype
        Of the volumes.
    """

    def __init__(self, fwhm: Fwhm, grid: Grid, dtype: np.dtype[Any]) -> None:
        self._shape, self._dtype = grid.shape, dtype
        self._filters: list[Banded | None] | None = None
        if fwhm != "fast":
            axes = zip(fwhm, grid.shape, grid.voxel_sizes, strict=True)
            self._filters = [
                banded(gaussian_matrix(n, width / (_FWHM_OVER_SIGMA * size)), dtype)
                if width
                else None
                for width, n, size in axes
            ]

    @property
    def loaded(self) -> int:
        """Bytes of the matrices."""
        return sum(each.nbytes for each in self._filters or () if each is not None)

    @property
    def scratch_values(self) -> int:
        """How many values `apply` needs for passing use."""
        size = math.prod(self._shape)
        if self._filters is None:
            return size
        return max(size, scratch_size(self._shape, self._filters))

    @property
    def spreading_bytes(self) -> int:
        """Bytes that `spread` takes beside the scratch."""
        return math.prod(self._shape) * (5 + 2 * self._dtype.itemsize)

    def apply(self, row: NDArray[Any], scratch: NDArray[Any]) -> None:
        """Smooth a flat volume of finite values in place."""
        volume = row.reshape(self._shape[::-1])
        if self._filters is None:
            smooth_fast(volume, scratch[: row.size].reshape(volume.shape))
        else:
            self._filter(row, self._filters, scratch)

    def spread(self, row: NDArray[Any], scratch: NDArray[Any]) -> None:
        """Smooth in place a flat volume that holds NaN or infinity.

        They reach as far as the kernel does. The products must not meet them:
        0 times NaN would fill whole lines of the volume.
        """
        if self._filters is None:
            self.apply(row, scratch)
            return
        places = {np.nan: np.isnan(row), np.inf: row == np.inf, -np.inf: row == -np.inf}
        row[~np.isfinite(row)] = 0
        self.apply(row, scratch)
        reached = [None if each is None else each.pattern() for each in self._filters]
        for value, where in places.items():
            if where.any():
                reach = where.astype(self._dtype)
                self._filter(reach, reached, scratch)
                row[reach > 0] += value

    def _filter(self, row: NDArray[Any], filters: Filters, scratch: NDArray[Any]) -> None:
        volume = row
        if sum(each is not None for each in filters) == 1:
            # There and back again takes two steps.
            volume = scratch[: row.size]
            volume[:] = row
        apply_separable(volume, self._shape, filters, row, scratch)
