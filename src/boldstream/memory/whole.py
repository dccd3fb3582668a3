"""Read an image whole into memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.io.source import Block, Series, VolumeSource
from boldstream.kernels.gather import real_values
from boldstream.streaming.cost import Cost
from boldstream.streaming.once import stream_once
from boldstream.streaming.per_volume import PerVolume, Rows
from boldstream.streaming.reduction import Bound, Reduction


def read_whole(source: VolumeSource, dtype: np.dtype[Any], memory_limit: int) -> NDArray[Any]:
    """All volumes (x, y, z, volumes) in memory, a volume lying together.

    Raises
    ------
    MemoryBudgetError
        Before anything is read, if they do not fit.
    """
    (rows,) = stream_once(source, [_Whole(dtype)], memory_limit=memory_limit)
    values: NDArray[Any] = rows.reshape(len(rows), *source.series.grid.shape[::-1]).T
    return values


@dataclass(frozen=True, eq=False)
class _Whole(Reduction):
    """All voxels of all volumes, (volumes, voxels) with the voxels in Fortran order."""

    dtype: np.dtype[Any]

    def bind(self, series: Series) -> Bound[Rows]:
        return Bound("the whole image", _WholeRows(self.dtype, series), lambda s: s.values, 0)


class _WholeRows(PerVolume):
    def __init__(self, dtype: np.dtype[Any], series: Series) -> None:
        self.dtype, self.n_columns, self._n_volumes = dtype, series.grid.n_voxels, series.n_volumes

    def cost(self) -> Cost:
        state = self._n_volumes * self.n_columns * self.dtype.itemsize
        return Cost(state, scratch=self.n_columns * 8)

    def fill(self, rows: NDArray[Any], block: Block) -> None:
        scaling = block.scaling
        for row, stored in zip(rows, block.data, strict=True):
            row[:] = real_values(stored, scaling.slope, scaling.inter)
