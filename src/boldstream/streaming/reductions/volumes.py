"""`Volumes`: whole volumes at chosen times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.grid import Grid
from boldstream.io.source import Block, Series
from boldstream.kernels.gather import scale_into
from boldstream.streaming.reduction import Accumulator, Bound, Cost, Reduction


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
        If an index lies outside the series.
    """

    indices: Sequence[int]

    def bind(self, series: Series) -> Bound[list[NDArray[np.float32]]]:
        n = series.n_volumes
        asked = [integer_in("indices", index, -n, n - 1) % n for index in self.indices]
        wanted = sorted(set(asked))
        order = [wanted.index(index) for index in asked]
        accumulator = KeptVolumes(tuple(wanted), series.grid)

        def finalize(state: list[NDArray[np.float32]]) -> NDArray[np.float32]:
            return as_volumes(np.stack([state[i] for i in order]), series.grid)

        size = len(order) * series.grid.n_voxels * 4
        return Bound(f"Volumes({len(order)})", accumulator, finalize, size)


def as_volumes(rows: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """Rows of voxels (n, voxels) as volumes (x, y, z, n), without a copy."""
    return rows.reshape(len(rows), *grid.shape[::-1]).T


class KeptVolumes(Accumulator[list[NDArray[np.float32]]]):
    """Keeps the wanted volumes as they pass."""

    def __init__(self, wanted: tuple[int, ...], grid: Grid) -> None:
        self.wanted, self.n_voxels = wanted, grid.n_voxels

    def cost(self) -> Cost:
        return Cost(len(self.wanted) * self.n_voxels * 4, scratch=self.n_voxels * 8)

    def init(self, volumes: range) -> list[NDArray[np.float32]]:
        return []

    def update(self, state: list[NDArray[np.float32]], block: Block) -> None:
        for t in self.wanted:
            if block.start <= t < block.stop:
                exact = np.empty(self.n_voxels)
                stored = block.data[t - block.start]
                scale_into(exact, stored, block.scaling.slope, block.scaling.inter)
                state.append(exact.astype(np.float32))

    def merge(
        self, first: list[NDArray[np.float32]], second: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        return first + second
