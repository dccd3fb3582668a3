"""`Around`: what is asked again and again of the voxels of one grid, found once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from boldstream.kernels.neighbourhoods.stencil import Stencil, make_stencil, rows_around

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Around:
    """The voxels within a radius of voxels of a grid; see `rows_around`.

    Attributes
    ----------
    taken : ndarray of bool, shape (x, y, z)
        Voxels that there are.
    affine : ndarray, shape (4, 4)
    radius : float
        In mm.

    Examples
    --------
    >>> import numpy as np
    >>> around = Around(np.ones((3, 3, 3), bool), np.eye(4), 1.0)
    >>> around.rows(np.array([0]))[0].tolist(), around.most
    ([0, 1, 3, 9], 7)
    """

    taken: NDArray[np.bool_]
    affine: Floats
    radius: float

    def rows(self, centres: Ints) -> tuple[NDArray[np.int32], Ints]:
        """Rows of the voxels around each of some voxels, and where those of each begin."""
        shape, radius = self.taken.shape, self.radius
        return rows_around(self._before, shape, self.affine, centres, radius, self._stencil)

    @property
    def most(self) -> int:
        """Voxels around one, at most."""
        lines = self._stencil.lines
        return int((lines[:, 3] - lines[:, 2] + 1).sum())

    @cached_property
    def _before(self) -> NDArray[np.int32]:
        """How many voxels there are before each of the grid."""
        before = np.zeros(self.taken.size + 1, np.int32)
        np.cumsum(self.taken.ravel(), out=before[1:])
        return before

    @cached_property
    def _stencil(self) -> Stencil:
        return make_stencil(self.taken.shape, self.affine, self.radius)
