"""Blocks of spheres that fit memory: which centres, and which voxels they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boldstream.core.budget import format_bytes
from boldstream.core.errors import MemoryBudgetError
from boldstream.decoding.engines.base import Block
from boldstream.decoding.neighbourhoods.base import Neighbourhoods
from boldstream.decoding.samples.base import Samples

# Larger ones read few voxels less often, and leave the cache long before.
_BLOCK_BYTES = 64 << 20
# Of each thread, at least, so that the last ones end together.
_BLOCKS_OF_A_JOB = 8
# Centres that are added to a block at a time, at most.
_PIECE = 256


@dataclass(frozen=True, eq=False)
class BlockPlan:
    """Centres that follow one another, and the voxels around them.

    Attributes
    ----------
    start, stop : int
        The centres.
    rows : ndarray of int
        Voxels to read, ascending.
    members : ndarray of int32
        Positions in `rows`, centre after centre.
    starts : ndarray of int64, shape (stop - start + 1,)
    """

    start: int
    stop: int
    rows: NDArray[np.intp]
    members: NDArray[np.int32]
    starts: NDArray[np.int64]

    def read(self, samples: Samples) -> Block:
        """Read the voxels."""
        return Block(samples.read(self.rows), self.members, self.starts)


def plan_blocks(
    neighbourhoods: Neighbourhoods, samples: Samples, budget_bytes: int, *, n_jobs: int = 1
) -> Iterator[BlockPlan]:
    """Cut all centres into blocks, in order; reads nothing.

    Neighbourhoods are found as the blocks are taken, without the voxels that
    are not usable. A block may be read in any thread.

    Parameters
    ----------
    neighbourhoods : Neighbourhoods
    samples : Samples
    budget_bytes : int
        Memory for all blocks that are worked on at a time.
    n_jobs : int
        How many blocks that is.

    Raises
    ------
    MemoryBudgetError
        If a single sphere does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from boldstream.core.grid import Grid
    >>> from boldstream.decoding.neighbourhoods import Spheres
    >>> from boldstream.decoding.samples.memory import MemorySamples
    >>> from boldstream.io.masks import load_mask
    >>> mask = load_mask(np.ones((5, 5, 5), bool), Grid((5, 5, 5), np.eye(4)))
    >>> samples = MemorySamples(np.zeros((125, 60), np.float32), mask)
    >>> blocks = list(plan_blocks(Spheres(mask, 1.0), samples, 24_000))
    >>> blocks[0].stop, len(blocks[0].rows), blocks[0].read(samples).values.shape
    (16, 37, (37, 60))
    """
    if samples.usable is not None:
        neighbourhoods = neighbourhoods.among(samples.usable)
    room = budget_bytes // n_jobs - samples.scratch_bytes
    n_centres = neighbourhoods.n_centres
    longest = -(-n_centres // (_BLOCKS_OF_A_JOB * n_jobs))
    block = _Growing(0, samples.n_voxels, samples.n_samples)
    piece = 1
    while block.stop < n_centres:
        stop = min(block.stop + piece, block.start + longest, n_centres)
        members, starts = neighbourhoods.members(block.stop, stop)
        needed = block.bytes_with(members, starts)
        if needed <= min(room, _BLOCK_BYTES) or (needed <= room and stop - block.start == 1):
            block.add(members, starts)
            # A radius may be as large as the brain: members must not outgrow the block.
            if piece < _PIECE and members.nbytes < room // 32:
                piece *= 2
            if stop < n_centres and stop - block.start < longest:
                continue
        elif stop - block.start == 1:
            raise MemoryBudgetError(_cannot_fit(len(members), samples, needed, n_jobs, room))
        elif block.stop == block.start:
            piece = (stop - block.start) // 2
            continue
        yield block.plan()
        block = _Growing(block.stop, samples.n_voxels, samples.n_samples)


class _Growing:
    """A block to which centres are added."""

    def __init__(self, start: int, n_voxels: int, n_samples: int) -> None:
        self.start = self.stop = start
        self._n_samples = n_samples
        self._needed = np.zeros(n_voxels, np.bool_)
        self._members: list[NDArray[np.int32]] = []
        self._counts: list[NDArray[np.int64]] = []
        self._n_members = 0

    def bytes_with(self, members: NDArray[np.int32], starts: NDArray[np.int64]) -> int:
        """Memory that the block takes with some more centres."""
        needed = self._needed.copy()
        needed[members] = True
        n_rows = int(np.count_nonzero(needed))
        # Members are held twice while they are joined.
        n_members = 2 * (self._n_members + len(members))
        n_centres = self.stop - self.start + len(starts)
        return n_rows * (4 * self._n_samples + 8) + n_members * 4 + n_centres * 16

    def add(self, members: NDArray[np.int32], starts: NDArray[np.int64]) -> None:
        self._needed[members] = True
        self._members.append(members)
        self._counts.append(np.diff(starts))
        self._n_members += len(members)
        self.stop += len(starts) - 1

    def plan(self) -> BlockPlan:
        rows = np.flatnonzero(self._needed)
        place = np.empty(len(self._needed), np.int32)
        place[rows] = np.arange(len(rows))
        members = np.concatenate(self._members)
        np.take(place, members, out=members, mode="clip")
        starts = np.zeros(self.stop - self.start + 1, np.int64)
        np.cumsum(np.concatenate(self._counts), out=starts[1:])
        return BlockPlan(self.start, self.stop, rows, members, starts)


def _cannot_fit(n_members: int, samples: Samples, needed: int, n_jobs: int, room: int) -> str:
    needed += samples.scratch_bytes
    each = f" for each of {n_jobs} blocks" if n_jobs > 1 else ""
    return (
        f"a single sphere of {n_members} voxels x {samples.n_samples} samples takes "
        f"{format_bytes(needed)}, got {format_bytes(max(0, room + samples.scratch_bytes))}{each}; "
        "raise `memory_limit`, lower `radius` or `n_jobs`"
    )
