"""Spheres of voxels, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from boldstream.core.budget import format_bytes
from boldstream.core.errors import MemoryBudgetError
from boldstream.io.masks import Mask
from boldstream.kernels.neighbourhoods.around import Around

# More at a time are no faster, and threads should end together.
_MOST = 4096
# Larger blocks read few voxels less often; a single sphere may take more.
_BLOCK_BYTES = 64 << 20


@dataclass(frozen=True, eq=False)
class SphereBlock:
    """Spheres whose centres follow one another.

    Attributes
    ----------
    start : int
        The first centre.
    rows : ndarray of int
        Voxels that they hold, ascending.
    members : ndarray of int32
        Positions in `rows`, sphere after sphere.
    starts : ndarray of int64, shape (spheres + 1,)
    """

    start: int
    rows: NDArray[np.intp]
    members: NDArray[np.int32]
    starts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Spheres:
    """Voxels of a mask within a radius of each centre; the centre's own voxel too.

    Attributes
    ----------
    mask : Mask
    usable : ndarray of bool, shape (voxels,)
        Which voxels of the mask spheres are made of.
    centres : ndarray of bool, shape (x, y, z)
    radius : float
        In mm.
    """

    mask: Mask
    usable: NDArray[np.bool_]
    centres: NDArray[np.bool_]
    radius: float

    @property
    def n_centres(self) -> int:
        return len(self._positions)

    def blocks(self, room: int, voxel_bytes: int) -> Iterator[SphereBlock]:
        """Blocks of spheres, in order.

        Parameters
        ----------
        room : int
            Memory for a block.
        voxel_bytes : int
            What it takes for each voxel that its spheres hold.

        Raises
        ------
        MemoryBudgetError
            If a single sphere does not fit.
        """
        # Members are found as rows of the mask, and then as rows of the block.
        most = min(_MOST, max(1, min(room, _BLOCK_BYTES) // (8 * self._around.most)))
        start, step = 0, most
        while start < self.n_centres:
            block = self._block(start, min(start + step, self.n_centres))
            n = len(block.starts) - 1
            needed = len(block.rows) * voxel_bytes
            if needed <= min(room, _BLOCK_BYTES) or (n == 1 and needed <= room):
                yield block
                start += n
                step = min(2 * step, most)
            elif n == 1:
                raise MemoryBudgetError(
                    f"a single sphere of {len(block.rows)} voxels takes {format_bytes(needed)}, "
                    f"got {format_bytes(room)}; raise `memory_limit`, or lower `radius` or "
                    "`n_jobs`"
                )
            else:
                step = n // 2

    def _block(self, start: int, stop: int) -> SphereBlock:
        members, starts = self._around.rows(self._positions[start:stop])
        held = np.zeros(len(self._voxels), np.bool_)
        held[members] = True
        rows = np.flatnonzero(held)
        place = np.empty(len(held), np.int32)
        place[rows] = np.arange(len(rows))
        return SphereBlock(start, self._voxels[rows], place[members], starts)

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.centres).astype(np.int64, copy=False)

    @cached_property
    def _voxels(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.usable)

    @cached_property
    def _around(self) -> Around:
        taken = self.mask.array.copy()
        taken[taken] = self.usable
        return Around(taken, self.mask.grid.affine, float(self.radius))
