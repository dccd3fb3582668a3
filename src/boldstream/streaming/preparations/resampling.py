"""Resampling of single volumes, with the values of `nilearn.image.resample_img`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.grid import Grid
from boldstream.io.resample import to_source
from boldstream.kernels.neighbours import extrapolate
from boldstream.kernels.separable import (
    Banded,
    apply_separable,
    banded,
    scratch_size,
    spline_matrix,
)

# How far nilearn fills in what is not finite before it resamples.
_REACH = 2


class Resampling:
    """Brings flat volumes from one grid to another.

    Where the axes of the grids are parallel, the interpolation is a small
    matrix for each axis; otherwise it is scipy's.

    Parameters
    ----------
    source, target : Grid
    order : {0, 1, 3}
        Of the spline.
    dtype : numpy.dtype
        Of the volumes.
    """

    def __init__(self, source: Grid, target: Grid, order: int, dtype: np.dtype[Any]) -> None:
        # Imported here, so that the memory it takes is known when the plan is made.
        from scipy import ndimage

        self._affine_transform = ndimage.affine_transform
        self._source, self._target, self._order, self._dtype = source, target, order, dtype
        self._matrix, self._offset = to_source(source, target)
        self._filters: list[Banded] | None = None
        if self._matrix.ndim == 1:
            axes = zip(source.shape, target.shape, self._matrix, self._offset, strict=True)
            self._filters = [
                banded(spline_matrix(n, n_target, step, offset, order), dtype)
                for n, n_target, step, offset in axes
            ]

    @property
    def overshoots(self) -> bool:
        """Whether values may leave the range of those they were made of."""
        return self._order > 1

    @property
    def loaded(self) -> int:
        """Bytes of the matrices."""
        return sum(each.nbytes for each in self._filters or ())

    @property
    def scratch_values(self) -> int:
        """How many values `apply` needs for passing use."""
        return 0 if self._filters is None else scratch_size(self._source.shape, self._filters)

    @property
    def scratch_bytes(self) -> int:
        """Bytes that `apply` takes beside that."""
        # scipy holds the coefficients of the spline in float64.
        return self._source.n_voxels * 8 if self._filters is None and self.overshoots else 0

    @property
    def filling_bytes(self) -> int:
        """Bytes that `fill` and `lost` take."""
        # Values, sums and their parts in float64, what is known and counted in bytes.
        return max(self._source.n_voxels * 24, self._target.n_voxels)

    def apply(self, volume: NDArray[Any], out: NDArray[Any], scratch: NDArray[Any]) -> None:
        """Resample a flat volume of finite values; 0 outside."""
        if self._filters is None:
            self._transform(self._source.volume_of(volume), self._target.volume_of(out))
        else:
            apply_separable(volume, self._source.shape, self._filters, out, scratch)

    def fill(self, volume: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
        """A flat volume in which voxels near those that are known were made up from them."""
        of = self._source.volume_of
        filled = extrapolate(of(volume), of(known), reach=_REACH)
        return filled.astype(self._dtype).ravel(order="F")

    def lost(self, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Where in the flat volume on the target the nearest voxel of the source is not known."""
        lost = np.zeros(self._target.n_voxels, np.bool_)
        unknown = self._source.volume_of(~known)
        self._transform(unknown, self._target.volume_of(lost), order=0)
        return lost

    def _transform(
        self, volume: NDArray[Any], out: NDArray[Any], *, order: int | None = None
    ) -> None:
        self._affine_transform(
            volume,
            self._matrix,
            offset=self._offset,
            output_shape=out.shape,
            output=out,
            order=self._order if order is None else order,
        )
