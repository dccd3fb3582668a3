"""Grid: the shape and affine of a 3-D volume, and the order of its voxels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import GridMismatchError

# Two grids are one when no voxel centre lies further apart than this share of
# a voxel: float32 affines and header round trips stay far below it.
_SAME_GRID_TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class Grid:
    """Shape and affine of a volume.

    Voxels are numbered in Fortran order (x fastest), as NIfTI files store
    them, so a volume read from a file is a flat row without any reordering.

    Parameters
    ----------
    shape : tuple of int
        Numbers of voxels along x, y, z.
    affine : ndarray, shape (4, 4), float64
        Voxel indices to mm.

    Examples
    --------
    >>> import numpy as np
    >>> grid = Grid((2, 3, 4), np.diag([3.0, 3.0, 3.0, 1.0]))
    >>> grid.n_voxels
    24
    >>> grid.same_as(Grid((2, 3, 4), np.diag([3.00001, 3.0, 3.0, 1.0])))
    True
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def n_voxels(self) -> int:
        return math.prod(self.shape)

    @property
    def voxel_sizes(self) -> tuple[float, float, float]:
        """Edge lengths of a voxel in mm."""
        x, y, z = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(x), float(y), float(z)

    def same_as(self, other: Grid) -> bool:
        """Whether every voxel of this grid is the same voxel, at the same place, in `other`."""
        if self.shape != other.shape:
            return False
        # An affine map is farthest from another one at a corner of the box.
        last = np.subtract(self.shape, 1)
        corners = np.array(np.meshgrid(*[(0, n) for n in last])).reshape(3, -1)
        moved = (self.affine - other.affine)[:3] @ np.vstack([corners, np.ones(8)])
        distance = float(np.sqrt((moved**2).sum(axis=0)).max())
        return distance <= _SAME_GRID_TOLERANCE * min(self.voxel_sizes)

    def is_near(self, other: Grid) -> bool:
        """Whether nilearn takes the grids for one: equal shapes, affines close to each other."""
        return self.shape == other.shape and np.allclose(other.affine, self.affine)

    def require_same(self, other: Grid, *, name: str, other_name: str, hint: str = "") -> None:
        """Raise `GridMismatchError`, naming both sides, unless the grids are one."""
        if self.same_as(other):
            return
        raise GridMismatchError(
            f"{name} and {other_name} must lie on the same grid, got\n"
            f"  {name}: {self}\n  {other_name}: {other}" + (f"\n{hint}" if hint else "")
        )

    def rows_of(self, mask: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Positions of a mask's voxels in a flat volume, in the order of ``volume[mask]``."""
        x, y, rows = np.nonzero(mask)
        nx, ny, _ = self.shape
        # x + nx * (y + ny * z) in place: at 1 mm each of these arrays takes 15 MiB.
        rows *= ny
        rows += y
        rows *= nx
        rows += x
        # A copy: what numpy gives is a column of an array with all three.
        return rows.copy()

    def volume_of(self, row: NDArray[Any]) -> NDArray[Any]:
        """A flat row of voxels as a volume (x, y, z), without a copy."""
        return row.reshape(self.shape, order="F")

    def __str__(self) -> str:
        rows = "; ".join(" ".join(f"{v:g}" for v in row) for row in self.affine[:3])
        return f"shape {self.shape}, affine [{rows}]"
