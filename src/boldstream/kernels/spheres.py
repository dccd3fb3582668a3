"""Voxels within a radius of points, found by a box of voxels around each point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sphere_voxels(
    shape: tuple[int, int, int],
    affine: NDArray[np.float64],
    centre: NDArray[np.float64],
    radius: float,
) -> NDArray[np.intp]:
    """Indices of the voxels whose centres lie within `radius` of `centre`.

    The voxel that holds the point belongs to its sphere however small the
    radius, as in nilearn.

    Parameters
    ----------
    shape : tuple of int
    affine : ndarray, shape (4, 4)
    centre : ndarray, shape (3,)
        In mm.
    radius : float
        In mm; voxels at exactly this distance are inside.

    Returns
    -------
    ndarray, shape (voxels, 3)
        In the order x, y, z with z fastest; none where the sphere lies outside.
    """
    inverse = np.linalg.inv(affine)
    point = inverse[:3, :3] @ centre + inverse[:3, 3]
    # The image of a ball under the inverse affine reaches this far along each axis.
    reach = radius * np.sqrt((inverse[:3, :3] ** 2).sum(axis=1))
    nearest = np.round(point)
    # Cut to the grid, and to an empty box where all of it lies outside.
    low = np.minimum(np.ceil(point - reach - 1e-6), nearest).clip(0, shape)
    stop = (np.maximum(np.floor(point + reach + 1e-6), nearest) + 1).clip(0, shape)
    axes = [np.arange(int(a), int(b)) for a, b in zip(low, stop, strict=True)]
    box = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    apart = box @ affine[:3, :3].T + affine[:3, 3] - centre
    inside = np.sqrt((apart**2).sum(axis=1)) <= radius
    inside |= (box == nearest).all(axis=1)
    found: NDArray[np.intp] = box[inside]
    return found
