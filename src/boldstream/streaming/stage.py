"""A stage: voxels of several volumes gathered before they are worked on together.

Products of matrices are fast, and sums are read and written seldom, where
many volumes come at once; blocks are as small as the memory asks. The voxels
that a reduction takes are few beside the volume, so it gathers them over
several blocks. Its results do not depend on the size of the blocks, to the bit.

While one stage is filled, the volumes of the one before it are worked on, some
voxels after each volume that is gathered. Done at once, that work would keep
the thread that decodes waiting, and then wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.io.source import Block, Series
from boldstream.kernels.gather import gather_rows, tiles
from boldstream.streaming.nonfinite import NonFiniteRule

Floats = NDArray[np.float64]

# Twice as many volumes are hardly faster, half as many take a tenth longer.
_DEPTH = 128
_LEAST_DEPTH = 8
_STAGE_BYTES = 64 << 20
# The last volumes are worked on when nothing is left to decode: a fifth of a short run at most.
_LEAST_STAGES = 5

# Voxels worked on at once: so many volumes of them in float64 stay in the second-level cache.
TILE = 2048


@dataclass(frozen=True)
class Staging:
    """What is gathered of a series.

    Attributes
    ----------
    series : Series
    rows : ndarray of int, shape (voxels,)
        Positions in a flat volume.
    rule : NonFiniteRule
        For what is not finite.
    kept : ndarray of int, optional
        Volumes that are taken, in order; all by default.
    """

    series: Series
    rows: NDArray[np.intp]
    rule: NonFiniteRule
    kept: NDArray[np.intp] | None = None

    @property
    def depth(self) -> int:
        """Volumes that are worked on together; as many more are gathered meanwhile."""
        fit = _STAGE_BYTES // max(1, 2 * len(self.rows) * self.series.dtype.itemsize)
        share = -(-self._n_taken // _LEAST_STAGES)
        return max(_LEAST_DEPTH, min(fit, _DEPTH, share))

    @property
    def _n_taken(self) -> int:
        return self.series.n_volumes if self.kept is None else len(self.kept)

    def bytes(self, parts: int = 1) -> int:
        """Memory of the stages of so many parts of the series, of values as stored."""
        n = self._n_taken
        # Of two shelves; the system gives no memory for a second one that is never filled.
        held = parts * min(2 * self.depth, -(-n // parts))
        return held * len(self.rows) * self.series.dtype.itemsize

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
    """Gathers voxels, volume by volume, and gives volumes out to be worked on together."""

    def __init__(self, staging: Staging, expected: range) -> None:
        self._staging, self._expected = staging, expected
        self._depth = min(staging.depth, len(expected))
        self._open(staging.series.dtype)
        self._start, self._held = expected.start, 0

    def _open(self, dtype: np.dtype[Any]) -> None:
        """Make room for as many volumes as the memory of the series' own type allows."""
        depth, own = self._depth, self._staging.series.dtype.itemsize
        if dtype.itemsize > own:
            # Both shelves are filled then, also by a series that one would have held.
            room = min(2 * depth, len(self._expected)) * own
            depth = min(depth, max(1, room // (2 * dtype.itemsize)))
        self._filling, self._other = (_Shelf.of(depth, self._staging, dtype) for _ in range(2))
        self._work: Iterator[tuple[Staged, slice]] = iter(())
        n_tiles = -(-len(self._staging.rows) // TILE)
        self._share = -(-n_tiles // max(1, depth))

    def take(self, block: Block) -> Iterator[tuple[Staged, slice]]:
        """Gather a block, and give out volumes and the voxels that are to be worked on now.

        All voxels of some volumes are given out, in order, before the first of
        the volumes that follow; the last of them with the last block.
        """
        # NaN is looked for in real values, which for stored floats are to be made first.
        real = block.data.dtype.kind == "f" and not block.scaling.is_identity
        dtype = np.dtype(np.float64) if real else block.data.dtype
        if dtype != self._filling.stored.dtype:
            yield from self._swap()
            yield from self._work
            self._open(dtype)
        for t in self._wanted(block):
            self._filling.gather(self._held, block, t, self._staging, real=real)
            self._held += 1
            yield from islice(self._work, self._share)
            if self._held == len(self._filling.stored):
                yield from self._swap()
        if self._is_all:
            yield from self._swap()
            yield from self._work
            # What is made of the sums needs the room.
            self._depth = 0
            self._open(self._filling.stored.dtype)

    @property
    def _is_all(self) -> bool:
        return self._start + self._held == self._expected.stop

    def _swap(self) -> Iterator[tuple[Staged, slice]]:
        """Finish what is worked on, and go on with what was gathered."""
        yield from self._work
        if self._held:
            staged = self._filling.staged(self._start, self._held)
            self._work = ((staged, tile) for tile in tiles(len(self._staging.rows), TILE))
            self._start, self._held = self._start + self._held, 0
            self._filling, self._other = self._other, self._filling

    def _wanted(self, block: Block) -> Iterator[int]:
        kept = self._staging.kept
        if kept is None:
            return iter(range(len(block.data)))
        taken = self._staging.taken(range(block.start, block.stop))
        return (int(v) - block.start for v in kept[taken.start : taken.stop])


@dataclass
class _Shelf:
    """Room for volumes, and what makes real values of them."""

    stored: NDArray[Any]
    slope: Floats
    inter: Floats

    @classmethod
    def of(cls, depth: int, staging: Staging, dtype: np.dtype[Any]) -> _Shelf:
        return cls(np.empty((depth, len(staging.rows)), dtype), np.ones(depth), np.zeros(depth))

    def gather(self, place: int, block: Block, t: int, staging: Staging, *, real: bool) -> None:
        """Take the voxels of a volume of a block, as real values or as stored."""
        scaling = block.scaling
        volume = Block(block.data[t : t + 1], block.start + t, scaling, block.run)
        row = self.stored[place : place + 1]
        slope, inter = (scaling.slope, scaling.inter) if real else (1.0, 0.0)
        gather_rows(row, volume.data, staging.rows, slope, inter)
        # An error names a volume that is taken, not one beside it in the block.
        staging.rule.apply(row, volume)
        self.slope[place] = 1.0 if real else scaling.slope
        self.inter[place] = 0.0 if real else scaling.inter

    def staged(self, start: int, n: int) -> Staged:
        """The first volumes, which have these numbers."""
        return Staged(start, self.stored[:n], self.slope[:n], self.inter[:n])
