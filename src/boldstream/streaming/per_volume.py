"""Accumulators whose outcome is one row of numbers for each volume."""

from __future__ import annotations

from abc import abstractmethod
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


class PerVolume(Accumulator[Rows]):
    """Fills an array (volumes, columns), each row from its own volume alone."""

    n_columns: int
    dtype: np.dtype[Any]

    def init(self, volumes: range) -> Rows:
        return Rows(volumes, np.empty((len(volumes), self.n_columns), self.dtype))

    def update(self, state: Rows, block: Block) -> None:
        first = state.volumes.start
        self.fill(state.values[block.start - first : block.stop - first], block)

    def merge(self, first: Rows, second: Rows) -> Rows:
        return first.joined(second)

    @abstractmethod
    def fill(self, rows: NDArray[Any], block: Block) -> None:
        """Compute the rows of a block."""


def read_voxels(
    out: NDArray[Any], data: NDArray[Any], rows: NDArray[np.intp], scaling: Scaling
) -> NDArray[Any]:
    """Real values of the voxels at `rows` of each volume, written to `out`."""
    gather_rows(out, data, rows, scaling.slope, scaling.inter)
    return out
