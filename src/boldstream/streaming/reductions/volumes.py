"""`Volumes`: whole volumes at chosen times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid
from boldstream.io.source import Block, Series
from boldstream.kernels.gather import real_values
from boldstream.streaming.cost import Cost
from boldstream.streaming.per_volume import Rows, RowsOfVolumes
from boldstream.streaming.reduction import Bound, Reduction


@dataclass(frozen=True, eq=False)
class Volumes(Reduction):
    """Whole volumes, in the order asked for.

    Parameters
    ----------
    indices : sequence of int
        Which volumes, from 0; negative ones count from the end.

    Returns
    -------
    ndarray, shape (x, y, z, len(indices)), float32
        What `stream` gives for this reduction.

    Raises
    ------
    ParameterError
        If there is no index, or one lies outside the series.
    """

    indices: Sequence[int]

    def bind(self, series: Series) -> Bound[Rows]:
        asked = _checked_indices(self.indices, series.n_volumes)
        wanted, order = np.unique(asked, return_inverse=True)
        as_they_come = np.array_equal(asked, wanted)

        def finalize(state: Rows) -> NDArray[np.float32]:
            rows = state.values if as_they_come else state.values[order]
            return as_volumes(rows, series.grid)

        size = 0 if as_they_come else len(asked) * series.grid.n_voxels * 4
        kept = KeptVolumes(wanted, series.grid.n_voxels)
        return Bound(f"Volumes({len(asked)})", kept, finalize, size)


def _checked_indices(indices: Sequence[int], n: int) -> list[int]:
    if np.ndim(indices) != 1 or not len(indices):
        raise ParameterError(
            f"`indices` must be a list of one volume or more, such as [0, -1], got {indices!r}"
        )
    return [integer_in("indices", index, -n, n - 1) % n for index in indices]


def as_volumes(rows: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """Rows of voxels (n, voxels) as volumes (x, y, z, n), without a copy."""
    return rows.reshape(len(rows), *grid.shape[::-1]).T


class KeptVolumes(RowsOfVolumes):
    """Keeps the wanted volumes, given in ascending order, as they pass."""

    def __init__(self, wanted: NDArray[np.intp], n_voxels: int) -> None:
        self.wanted, self.n_columns, self.dtype = wanted, n_voxels, np.dtype(np.float32)

    def cost(self) -> Cost:
        state = len(self.wanted) * self.n_columns * self.dtype.itemsize
        return Cost(state, scratch=self.n_columns * 8)

    def before(self, volume: int) -> int:
        return int(np.searchsorted(self.wanted, volume))

    def update(self, state: Rows, block: Block) -> None:
        skipped = self.before(state.volumes.start)
        for i in range(self.before(block.start), self.before(block.stop)):
            stored = block.data[self.wanted[i] - block.start]
            state.values[i - skipped] = real_values(
                stored, block.scaling.slope, block.scaling.inter
            )
