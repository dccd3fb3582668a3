"""Samples of an image in memory, the samples of a voxel together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from boldstream.core.freed import freeable
from boldstream.decoding.samples.base import Closing
from boldstream.io.masks import Mask
from boldstream.io.source import Block, Series
from boldstream.streaming.cost import Cost
from boldstream.streaming.per_volume import read_voxels
from boldstream.streaming.reduction import Accumulator, Bound, Reduction

# So many float32 of a voxel fill a line of the processor's cache, and are
# written in one go: volume by volume, every line would be fetched 16 times.
_TOGETHER = 16
_TILE = 4096


@dataclass(frozen=True, eq=False)
class MemorySamples(Closing):
    """Samples in memory.

    Attributes
    ----------
    values : ndarray, shape (voxels, samples), float32
    mask : Mask or None
    usable : ndarray of bool, shape (voxels,), or None
    """

    values: NDArray[np.float32]
    mask: Mask | None = None
    usable: NDArray[np.bool_] | None = None
    scratch_bytes: int = 0

    @property
    def n_samples(self) -> int:
        return int(self.values.shape[1])

    @property
    def n_voxels(self) -> int:
        return len(self.values)

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        out = freeable((len(rows), self.n_samples), np.float32)
        # `clip` lets numpy write straight into `out`.
        return np.take(self.values, rows, axis=0, out=out, mode="clip")


@dataclass(eq=False)
class Gathered:
    """Values of the voxels of a mask for some volumes of a series.

    Attributes
    ----------
    volumes : range
    values : ndarray, shape (voxels, len(volumes)), float32
        All columns up to `written` hold values.
    finite : ndarray of bool, shape (voxels,)
        Which voxels were finite so far.
    waiting : ndarray, shape (volumes, voxels), float32
        Volumes that are gathered and not written yet.
    n_waiting, written : int
    """

    volumes: range
    values: NDArray[np.float32]
    finite: NDArray[np.bool_]
    waiting: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    n_waiting: int = 0
    written: int = 0


@dataclass(frozen=True, eq=False)
class VoxelMajor(Reduction):
    """Values (voxels, volumes) of a mask, and which voxels are finite; no second copy is made.

    Parameters
    ----------
    inside : Mask
        On the grid of the image.
    zero : bool
        Whether 0 takes the place of NaN and infinity.
    """

    inside: Mask
    zero: bool

    def bind(self, series: Series) -> Bound[Gathered]:
        rows = series.grid.rows_of(self.inside.array)
        accumulator = VoxelGatherer(rows, self.zero, series)
        return Bound("the samples", accumulator, lambda state: (state.values, state.finite), 0)


class VoxelGatherer(Accumulator[Gathered]):
    """Fills columns of the values, some volumes at a time."""

    def __init__(self, rows: NDArray[np.intp], zero: bool, series: Series) -> None:
        self._rows, self._zero, self._series = rows, zero, series

    def cost(self) -> Cost:
        n, n_volumes = len(self._rows), self._series.n_volumes
        together = min(_TOGETHER, n_volumes)
        return Cost(
            state=n * (4 * n_volumes + 1 + 4 * together),
            scratch=n * (8 + self._series.dtype.itemsize + 1),
            loaded=self._rows.nbytes,
        )

    def init(self, volumes: range) -> Gathered:
        values = np.empty((len(self._rows), len(volumes)), np.float32)
        return Gathered(volumes, values, np.ones(len(values), np.bool_))

    def fork(self, state: Gathered, ranges: Sequence[range]) -> list[Gathered]:
        first = state.volumes.start
        return [
            Gathered(
                some,
                state.values[:, some.start - first : some.stop - first],
                state.finite.copy(),
            )
            for some in ranges
        ]

    def fork_bytes(self, n: int) -> int:
        return n * len(self._rows) * (1 + 4 * _TOGETHER)

    def join(self, state: Gathered, parts: list[Gathered]) -> Gathered:
        for part in parts:
            state.finite &= part.finite
        return state

    def merge(self, first: Gathered, second: Gathered) -> Gathered:
        volumes = range(first.volumes.start, second.volumes.stop)
        values = np.concatenate([first.values, second.values], axis=1)
        written = values.shape[1]
        return Gathered(volumes, values, first.finite & second.finite, written=written)

    def update(self, state: Gathered, block: Block) -> None:
        if not state.waiting.size:
            most = min(_TOGETHER, len(state.volumes))
            state.waiting = np.empty((most, len(self._rows)), np.float32)
        for t in range(len(block.data)):
            row = state.waiting[state.n_waiting : state.n_waiting + 1]
            read_voxels(row, block.data[t : t + 1], self._rows, block.scaling)
            if block.data.dtype.kind == "f":
                self._check(state, row[0])
            state.n_waiting += 1
            done = state.written + state.n_waiting == len(state.volumes)
            if done or state.n_waiting == len(state.waiting):
                _write(state)

    def _check(self, state: Gathered, values: NDArray[np.float32]) -> None:
        finite = np.isfinite(values)
        if finite.all():
            return
        state.finite &= finite
        if self._zero:
            values[~finite] = 0


def _write(state: Gathered) -> None:
    """Write the volumes that wait; tiles of them stay in the cache."""
    span = slice(state.written, state.written + state.n_waiting)
    for start in range(0, len(state.values), _TILE):
        tile = slice(start, start + _TILE)
        state.values[tile, span] = state.waiting[: state.n_waiting, tile].T
    state.written, state.n_waiting = span.stop, 0
    if state.written == len(state.volumes):
        state.waiting = np.empty((0, 0), np.float32)
