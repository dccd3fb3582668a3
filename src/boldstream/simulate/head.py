"""A made-up head: a grid, a brain in it, its brightness, and regions of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid

# Radii of the brain as a share of half the box: 27 % of its voxels, as in
# images on a template.
_BRAIN_SHARE = 0.8
_MEAN_BRIGHTNESS = 9000.0
_BRIGHTNESS_RANGE = 1000.0
_N_WAVES = 6
_RELAXATIONS = 8
# Regions of fewer voxels on average could lose all of them to a neighbour.
_FEWEST_VOXELS = 8


@dataclass(frozen=True, eq=False)
class Head:
    """A brain on a grid.

    Attributes
    ----------
    grid : Grid
    brain : ndarray of bool, shape (x, y, z)
    brightness : ndarray of float32, shape (x, y, z)
        Value of each voxel at rest; 0 outside the brain.
    """

    grid: Grid
    brain: NDArray[np.bool_]
    brightness: NDArray[np.float32]

    @property
    def rows(self) -> NDArray[np.intp]:
        """Positions of the brain's voxels in a flat volume, ascending."""
        return np.flatnonzero(self.brain.ravel(order="F"))


def make_head(
    shape: tuple[int, int, int] = (61, 73, 61), *, voxel_size: float = 3.0, seed: int = 0
) -> Head:
    """Make an ellipsoid brain whose brightness varies smoothly between 8000 and 10000.

    Parameters
    ----------
    shape : tuple of int
        Voxels along x, y, z.
    voxel_size : float
        Edge length of a voxel in mm.
    seed : int
        The same seed makes the same head.

    Raises
    ------
    ParameterError
        The box is too small for a brain.

    Examples
    --------
    >>> head = make_head((24, 28, 24))
    >>> round(float(head.brain.mean()), 2)
    0.27
    """
    if min(shape) < 4:
        raise ParameterError(f"`shape` must be at least 4 voxels along each axis, got {shape}")
    rng = np.random.default_rng(seed)
    # From -1 to 1 over the outer faces of the box, along each axis.
    x, y, z = np.meshgrid(*[(np.arange(n) + 0.5) * 2 / n - 1 for n in shape], indexing="ij")
    brain = x**2 + y**2 + z**2 <= _BRAIN_SHARE**2
    waves = np.zeros(shape)
    for _ in range(_N_WAVES):
        a, b, c, phase = rng.uniform(-4.0, 4.0, 4)
        waves += np.cos(a * x + b * y + c * z + phase) / _N_WAVES
    brightness = np.where(brain, _MEAN_BRIGHTNESS + _BRIGHTNESS_RANGE * waves, 0.0)
    return Head(_centred_grid(shape, voxel_size), brain, brightness.astype(np.float32))


def make_regions(head: Head, n_regions: int, *, seed: int = 0) -> NDArray[np.int16]:
    """Divide the brain into regions of about equal size.

    Each voxel goes to the nearest of `n_regions` centres; the centres start at
    random voxels and move to the middle of their regions a few times
    (Lloyd, 1982).

    Parameters
    ----------
    head : Head
    n_regions : int
    seed : int
        The same seed makes the same regions.

    Returns
    -------
    ndarray of int16, shape (x, y, z)
        Labels 1 to `n_regions`, 0 outside the brain.

    Raises
    ------
    ParameterError
        The brain is too small for so many regions.

    Examples
    --------
    >>> head = make_head((24, 28, 24))
    >>> regions = make_regions(head, 12)
    >>> bool(((regions > 0) == head.brain).all()), int(regions.max())
    (True, 12)
    """
    voxels = np.argwhere(head.brain)
    most = min(len(voxels) // _FEWEST_VOXELS, int(np.iinfo(np.int16).max))
    n_regions = integer_in("n_regions", n_regions, 1, most)
    rng = np.random.default_rng(seed)
    centres = voxels[rng.choice(len(voxels), n_regions, replace=False)].astype(np.float64)
    nearest = _nearest(voxels, centres)
    for _ in range(_RELAXATIONS):
        centres = _means(voxels, nearest, n_regions)
        nearest = _nearest(voxels, centres)
    regions = np.zeros(head.grid.shape, np.int16)
    regions[head.brain] = nearest + 1
    return regions


def _nearest(voxels: NDArray[np.intp], centres: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the centre that is nearest to each voxel, with no voxel-by-centre table."""
    nearest = np.zeros(len(voxels), np.intp)
    least = np.full(len(voxels), np.inf)
    for index, centre in enumerate(centres):
        distance = ((voxels - centre) ** 2).sum(axis=1)
        closer = distance < least
        nearest[closer] = index
        least[closer] = distance[closer]
    return nearest


def _means(
    voxels: NDArray[np.intp], owners: NDArray[np.intp], n_owners: int
) -> NDArray[np.float64]:
    counts = np.bincount(owners, minlength=n_owners)
    sums = [np.bincount(owners, weights=axis, minlength=n_owners) for axis in voxels.T]
    return np.stack(sums, axis=1) / counts[:, None]


def _centred_grid(shape: tuple[int, int, int], voxel_size: float) -> Grid:
    # x runs from right to left, as most scanners store it.
    affine = np.diag([-voxel_size, voxel_size, voxel_size, 1.0])
    affine[:3, 3] = -affine[:3, :3] @ (np.subtract(shape, 1) / 2)
    return Grid(shape, affine)
