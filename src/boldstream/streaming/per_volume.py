"""Accumulators whose outcome is one row of numbers for each volume."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.io.source import Block, Scaling
from boldstream.kernels.gather import gather_rows
from boldstream.streaming.reduction import Accumulator


@dataclass
class Rows:
    """Rows for a range of volumes of the series."""

    volumes: range
    values: NDArray[Any]

    def joined(self, second: Rows) -> Rows:
        """These rows, and after them those of the volumes that follow."""
        volumes = range(self.volumes.start, second.volumes.stop)
        return Rows(volumes, np.concatenate([self.values, second.values]))


class RowsOfVolumes(Accumulator[Rows]):
    """Fills an array (rows, columns); each row is made of one volume alone.

    Parts that are filled side by side are views of one array, which is whole
    once they are full.
    """

    n_columns: int
    dtype: np.dtype[Any]

    @abstractmethod
    def before(self, volume: int) -> int:
        """How many rows come before those of this volume of the series."""

    def init(self, volumes: range) -> Rows:
        n = self.before(volumes.stop) - self.before(volumes.start)
        return Rows(volumes, np.empty((n, self.n_columns), self.dtype))

    def merge(self, first: Rows, second: Rows) -> Rows:
        return first.joined(second)

    def fork(self, state: Rows, ranges: Sequence[range]) -> list[Rows]:
        first = self.before(state.volumes.start)
        return [
            Rows(
                some, state.values[self.before(some.start) - first : self.before(some.stop) - first]
            )
            for some in ranges
        ]

    def join(self, state: Rows, parts: list[Rows]) -> Rows:
        return state

    def fork_bytes(self, n: int) -> int:
        return 0


class PerVolume(RowsOfVolumes):
    """Fills an array (volumes, columns), a row from each volume."""

    def before(self, volume: int) -> int:
        return volume

    def update(self, state: Rows, block: Block) -> None:
        first = state.volumes.start
        self.fill(state.values[block.start - first : block.stop - first], block)

    @abstractmethod
    def fill(self, rows: NDArray[Any], block: Block) -> None:
        """Compute the rows of a block."""


def read_voxels(
    out: NDArray[Any], data: NDArray[Any], rows: NDArray[np.intp], scaling: Scaling
) -> NDArray[Any]:
    """Real values of the voxels at `rows` of each volume, written to `out`."""
    gather_rows(out, data, rows, scaling.slope, scaling.inter)
    return out
