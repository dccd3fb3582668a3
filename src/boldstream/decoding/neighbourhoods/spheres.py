"""`Spheres`: voxels within a radius in mm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import positive_number
from boldstream.decoding.neighbourhoods.base import check_usable, row_table
from boldstream.io.masks import Mask
from boldstream.kernels.neighbourhoods.around import Around
from boldstream.kernels.spheres import sphere_neighbours


@dataclass(frozen=True, eq=False)
class Spheres:
    """Voxels of a mask whose centres lie within `radius` of each centre.

    The voxel that a centre is, or lies in, belongs to its sphere however small
    the radius; none is ever outside of the mask. Voxels at exactly `radius` go
    to the side to which rounding brings them in nilearn. A sphere may be empty
    where a centre lies outside of the mask.

    Parameters
    ----------
    mask : Mask
        The voxels that spheres are made of.
    radius : float
        In mm.
    centres : Mask, optional
        Voxels to be centres, in the order of ``data[centres]``; any of them
        may lie outside of the mask, or on another grid. By default those of
        the mask.
    usable : ndarray of bool, shape (voxels,), optional
        Which voxels of the mask may belong to spheres; by default all.

    Raises
    ------
    ParameterError
        If `radius` is not above 0, or `usable` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from boldstream.core.grid import Grid
    >>> from boldstream.io.masks import load_mask
    >>> mask = load_mask(np.ones((5, 5, 5), bool), Grid((5, 5, 5), np.diag([3.0, 3.0, 3.0, 1.0])))
    >>> members, starts = Spheres(mask, 3.0).members(62, 63)
    >>> members.tolist()
    [37, 57, 61, 62, 63, 67, 87]
    """

    mask: Mask
    radius: float
    centres: Mask | None = None
    usable: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        positive_number("radius", self.radius, unit="mm")
        if self.usable is not None:
            check_usable(self.usable, self.n_voxels)

    @property
    def n_centres(self) -> int:
        return len(self._positions)

    @cached_property
    def n_voxels(self) -> int:
        return int(np.count_nonzero(self.mask.array))

    def members(self, start: int, stop: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        grid, some = self.mask.grid, self._positions[start:stop]
        if not self._centred.grid.same_as(grid):
            return self._elsewhere(some)
        members, starts = self._around.rows(some)
        if self.usable is not None:
            np.take(np.flatnonzero(self.usable).astype(np.int32), members, out=members)
        return members, starts

    def among(self, usable: NDArray[np.bool_]) -> Spheres:
        return replace(self, usable=usable)

    @property
    def _centred(self) -> Mask:
        return self.mask if self.centres is None else self.centres

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        """Centres in the flat volume (z fastest) that they lie on."""
        return np.flatnonzero(self._centred.array).astype(np.int64, copy=False)

    @cached_property
    def _taken(self) -> NDArray[np.bool_]:
        """Voxels of the grid that may belong to spheres."""
        taken = self.mask.array.copy()
        if self.usable is not None:
            taken[taken] = self.usable
        return taken

    @cached_property
    def _around(self) -> Around:
        return Around(self._taken, self.mask.grid.affine, float(self.radius))

    def _elsewhere(
        self, positions: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Members of centres on another grid."""
        grid, centred = self.mask.grid, self._centred.grid
        voxels = np.array(np.unravel_index(positions, centred.shape))
        mm = (centred.affine @ np.vstack([voxels, np.ones(len(positions))]))[:3].T
        found, counts = sphere_neighbours(
            grid.shape, grid.affine, mm, float(self.radius), inside=self._taken
        )
        voxel = np.unravel_index(found, grid.shape, order="F")
        rows = row_table(self.mask.array, None)[np.ravel_multi_index(voxel, grid.shape)]
        rows = rows.astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        # Ascending in each: what is found is in another order of voxels.
        rows += np.repeat(np.arange(len(counts)) * self.n_voxels, counts)
        rows.sort()
        rows %= self.n_voxels
        return rows.astype(np.int32), starts

    def __getstate__(self) -> dict[str, Any]:
        # What is derived is found again: it takes more than what it is made of.
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}
