"""A stage: voxels of several volumes gathered before they are worked on together.

Products of matrices are fast, and sums are read and written seldom, where
many volumes come at once; blocks are as small as the memory asks. The voxels
that a reduction takes are few beside the volume, so it gathers them over
several blocks. Its results do not depend on the size of the blocks, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.io.source import Block, Series
from boldstream.kernels.gather import gather_rows
from boldstream.streaming.nonfinite import NonFiniteRule

Floats = NDArray[np.float64]

# Twice as many volumes are hardly faster, half as many take a quarter longer.
_DEPTH = 64
_LEAST_DEPTH = 8
_STAGE_BYTES = 32 << 20


@dataclass(frozen=True)
class Staging:
    """What is gathered of a series.

    Attributes
    ----------
    series : Series
    rows : ndarray of int, shape (voxels,)
        Positions in a flat volume.
    kept : ndarray of int, optional
        Volumes that are taken, in order; all by default.
    rule : NonFiniteRule
        For what is not finite.
    """

    series: Series
    rows: NDArray[np.intp]
    rule: NonFiniteRule
    kept: NDArray[np.intp] | None = None

    @property
    def depth(self) -> int:
        """Volumes on the stage at once."""
        fit = _STAGE_BYTES // max(1, len(self.rows) * self.series.dtype.itemsize)
        return int(np.clip(fit, _LEAST_DEPTH, _DEPTH))

    @property
    def bytes(self) -> int:
        """Memory of a stage of values as stored."""
        return self.depth * len(self.rows) * self.series.dtype.itemsize

    def taken(self, volumes: range) -> range:
        """Of all volumes that are taken, those that lie in this range, by their numbers."""
        if self.kept is None:
            return volumes
        first, stop = np.searchsorted(self.kept, (volumes.start, volumes.stop))
        return range(int(first), int(stop))

    def open(self, volumes: range) -> Stage:
        """An empty stage for this range of volumes."""
        return Stage(self, self.taken(volumes))


@dataclass(frozen=True)
class Staged:
    """Volumes to be worked on together.

    Attributes
    ----------
    start : int
        The number of the first among those that are taken.
    stored : ndarray, shape (volumes, voxels)
    slope, inter : ndarray, shape (volumes,)
        Make real values of the stored ones.
    """

    start: int
    stored: NDArray[Any]
    slope: Floats
    inter: Floats

    @property
    def stop(self) -> int:
        """One past the number of the last volume."""
        return self.start + len(self.stored)

    def real_into(self, out: Floats, tile: slice) -> Floats:
        """Real values of some voxels, written to `out` (volumes, voxels of the tile)."""
        np.copyto(out, self.stored[:, tile])
        if (self.slope != 1.0).any():
            out *= self.slope[:, None]
        if self.inter.any():
            out += self.inter[:, None]
        return out


class Stage:
    """Gathers voxels, volume by volume, and gives them out when it is full or all came."""

    def __init__(self, staging: Staging, expected: range) -> None:
        self._staging, self._expected = staging, expected
        shape = (min(staging.depth, len(expected)), len(staging.rows))
        self._stored: NDArray[Any] = np.empty(shape, staging.series.dtype)
        self._slope, self._inter = np.ones(shape[0]), np.zeros(shape[0])
        self._start, self._held = expected.start, 0

    def take(self, block: Block) -> Iterator[Staged]:
        """Gather a block; what is given out is to be used before the next is asked for."""
        # NaN is looked for in real values, which for stored floats are to be made first.
        real = block.data.dtype.kind == "f" and not block.scaling.is_identity
        dtype = np.dtype(np.float64) if real else block.data.dtype
        if dtype != self._stored.dtype:
            yield from self._give_out()
            self._stored = np.empty(self._stored.shape, dtype)
        for t in self._wanted(block):
            self._gather(block, t, real=real)
            came = self._start + self._held
            if self._held == len(self._stored) or came == self._expected.stop:
                yield from self._give_out()

    def _give_out(self) -> Iterator[Staged]:
        if self._held:
            held = slice(0, self._held)
            yield Staged(self._start, self._stored[held], self._slope[held], self._inter[held])
            self._start, self._held = self._start + self._held, 0

    def _wanted(self, block: Block) -> Iterator[int]:
        kept = self._staging.kept
        if kept is None:
            return iter(range(len(block.data)))
        taken = self._staging.taken(range(block.start, block.stop))
        return (int(v) - block.start for v in kept[taken.start : taken.stop])

    def _gather(self, block: Block, t: int, *, real: bool) -> None:
        scaling = block.scaling
        volume = Block(block.data[t : t + 1], block.start + t, scaling, block.run)
        row = self._stored[self._held : self._held + 1]
        slope, inter = (scaling.slope, scaling.inter) if real else (1.0, 0.0)
        gather_rows(row, volume.data, self._staging.rows, slope, inter)
        # An error names a volume that is taken, not one beside it in the block.
        self._staging.rule.apply(row, volume)
        self._slope[self._held] = 1.0 if real else scaling.slope
        self._inter[self._held] = 0.0 if real else scaling.inter
        self._held += 1
