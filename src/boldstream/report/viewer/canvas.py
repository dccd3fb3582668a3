"""The grid of the pictures: cubes along the axes of the space, each at one voxel of the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.grid import Grid

Content: TypeAlias = tuple[Grid, NDArray[np.bool_]]

# Pages of about 1 MB: a map of the brain at 3 mm keeps its voxels.
MOST_VOXELS = 200_000
_MARGIN = 2
# A place halfway between two voxels goes to the same one here and in the page.
TIE = 1e-6


@dataclass(frozen=True, eq=False)
class Canvas:
    """A grid for pictures of a map.

    Attributes
    ----------
    grid : Grid
        Isotropic, its axes along x, y and z, without rotation.
    to_voxel : ndarray, shape (3, 4)
        From its voxels to places between those of the map.
    map_shape : tuple of int
    """

    grid: Grid
    to_voxel: NDArray[np.float64]
    map_shape: tuple[int, int, int]

    @property
    def spacing(self) -> float:
        """Edge length of a voxel in mm."""
        return float(self.grid.affine[0, 0])

    def take(self, values: NDArray[Any], *, fill: float) -> NDArray[Any]:
        """Values of the map's nearest voxels, unchanged; `fill` outside of the map."""
        steps = [
            self.to_voxel[:, axis, None] * np.arange(n) for axis, n in enumerate(self.grid.shape)
        ]
        places = (
            steps[0][:, :, None, None]
            + steps[1][:, None, :, None]
            + steps[2][:, None, None, :]
            + self.to_voxel[:, 3, None, None, None]
        )
        nearest = np.floor(places + (0.5 + TIE)).astype(np.intp)
        last = np.reshape(self.map_shape, (3, 1, 1, 1)) - 1
        within = np.all((nearest >= 0) & (nearest <= last), axis=0)
        taken = np.full(self.grid.shape, fill, values.dtype)
        taken[within] = values[tuple(nearest[:, within])]
        return taken


def canvas_of(grid: Grid, contents: Sequence[Content]) -> Canvas:
    """Make a canvas around what there is to see.

    Its voxels are as large as the smallest edge of the map's, and lie where
    those do if the map's axes are those of the space; they are larger where
    there would be more than `MOST_VOXELS`.

    Parameters
    ----------
    grid : Grid
        Of the map.
    contents : sequence of (Grid, ndarray of bool)
        Voxels that must be seen; where there are none, all of the map.

    Examples
    --------
    >>> grid = Grid((10, 10, 10), np.diag([-3.0, 3, 3, 1]))
    >>> inside = np.zeros(grid.shape, bool)
    >>> inside[4:6, 4:6, 4:6] = True
    >>> canvas = canvas_of(grid, [(grid, inside)])
    >>> canvas.grid.shape, canvas.grid.affine[:3, 3].tolist()
    ((6, 6, 6), [-21.0, 6.0, 6.0])
    >>> int(canvas.take(inside, fill=0).sum())
    8
    """
    ends = [_ends(*content) for content in contents if content[1].any()]
    if not ends:
        ends = [_ends(grid, np.ones(grid.shape, bool))]
    low = np.min([end[0] for end in ends], axis=0)
    high = np.max([end[1] for end in ends], axis=0)
    spacing = min(grid.voxel_sizes)
    # Thickens what is too fine; a box that is thin in one direction takes a few rounds.
    while (n := np.prod(_shape(high - low, spacing))) > MOST_VOXELS:
        spacing *= max((n / MOST_VOXELS) ** (1 / 3), 1.01)
    first = grid.affine[:3, 3]
    start = first + (np.floor((low - first) / spacing + TIE) - _MARGIN) * spacing
    shape = _shape(high - start - _MARGIN * spacing, spacing)
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = start
    to_voxel = np.asarray(np.linalg.inv(grid.affine) @ affine, np.float64)[:3]
    return Canvas(Grid((shape[0], shape[1], shape[2]), affine), to_voxel, grid.shape)


def _shape(size: NDArray[np.float64], spacing: float) -> list[int]:
    return [int(n) + 1 + 2 * _MARGIN for n in np.ceil(size / spacing - TIE)]


def _ends(grid: Grid, inside: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Lowest and highest x, y, z in mm of the box around voxels."""
    ranges = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        ranges.append(np.flatnonzero(inside.any(axis=others))[[0, -1]])
    corners = np.array(np.meshgrid(*ranges)).reshape(3, -1)
    places = grid.affine[:3, :3] @ corners + grid.affine[:3, 3:]
    return places.min(axis=1), places.max(axis=1)
