"""`Voxels`: the time courses of all voxels of a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import one_of
from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.source import Block, Series
from boldstream.streaming.cost import Cost
from boldstream.streaming.nonfinite import NanPolicy, NonFiniteRule
from boldstream.streaming.per_volume import PerVolume, Rows, read_voxels
from boldstream.streaming.reduction import Bound, Reduction


@dataclass(frozen=True, eq=False)
class Voxels(Reduction):
    """Time courses of a mask's voxels.

    Parameters
    ----------
    mask : path, nibabel image or boolean ndarray (x, y, z)
        Non-zero voxels are taken, in the order of ``data[mask]``.
    resample : {None, "mask"}
        What to do with a mask on another grid: refuse it, or resample it to
        the image (nearest neighbour).
    dtype : {"float32", "float64"}
        Of the result.
    name : str
        What errors and plans call the mask.
    nan_policy : {"propagate", "zero", "nilearn", "raise"}
        What becomes of NaN and infinity in the mask: they stay, count as 0
        ("nilearn" is the same here: its `NiftiMasker` does not warn), or are
        refused.

    Returns
    -------
    ndarray, shape (volumes, voxels)
        What `stream` gives for this reduction.

    Raises
    ------
    GridMismatchError
        If mask and image lie on different grids and `resample` is None.
    MaskError
        If the mask is empty or holds more than one value besides 0.
    ParameterError
        If `dtype`, `nan_policy` or `resample` is none of its values.
    NonFiniteError
        If there is NaN or infinity in the mask and `nan_policy` is "raise".
    """

    mask: MaskLike
    resample: Literal["mask"] | None = None
    dtype: Literal["float32", "float64"] = "float32"
    name: str = "mask"
    nan_policy: NanPolicy = "propagate"

    def bind(self, series: Series) -> Bound[Rows]:
        one_of("dtype", self.dtype, ("float32", "float64"))
        mask = load_mask(self.mask, series.grid, resample=self.resample, name=self.name)
        rows = series.grid.rows_of(mask.array)
        return bind_rows(rows, series, self.dtype, name=self.name, nan_policy=self.nan_policy)


def bind_rows(
    rows: NDArray[np.intp],
    series: Series,
    dtype: Literal["float32", "float64"] = "float32",
    *,
    name: str,
    nan_policy: NanPolicy,
) -> Bound[Rows]:
    """What gathers the voxels at these places of a flat volume; see `Voxels`."""
    rule = NonFiniteRule(nan_policy, series, rows, warns=False)
    accumulator = VoxelRows(rows, np.dtype(dtype), rule, series)
    return Bound(f"Voxels({name})", accumulator, lambda state: state.values, 0)


class VoxelRows(PerVolume):
    """Gathers voxels of every volume."""

    def __init__(
        self, rows: NDArray[np.intp], dtype: np.dtype[Any], rule: NonFiniteRule, series: Series
    ) -> None:
        self.rows, self.dtype, self.n_columns = rows, dtype, len(rows)
        self.rule = rule
        self._n_volumes, self._stored = series.n_volumes, series.dtype

    def cost(self) -> Cost:
        return Cost(
            self._n_volumes * self.n_columns * self.dtype.itemsize,
            scratch=self.n_columns * (8 + self._stored.itemsize),
            loaded=self.rows.nbytes,
        )

    def fill(self, rows: NDArray[Any], block: Block) -> None:
        for t in range(len(rows)):
            read_voxels(rows[t : t + 1], block.data[t : t + 1], self.rows, block.scaling)
            # Now, while the row is in the cache.
            self.rule.apply(rows[t : t + 1], block)
