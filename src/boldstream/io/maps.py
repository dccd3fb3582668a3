"""Maps: images of weights, one region a volume; regions may overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import MaskError
from boldstream.core.grid import Grid
from boldstream.io.opening import OneImage, open_image
from boldstream.io.resample import LINEAR, ResampleMode, needs_resampling, resample_volume
from boldstream.io.volume import label_of, real_values

MapsLike: TypeAlias = OneImage


@dataclass(frozen=True, eq=False)
class MapWeights:
    """Weights of maps where any of them is not 0.

    Attributes
    ----------
    weights : ndarray of float32 or float64, shape (voxels, maps)
    rows : ndarray of int, shape (voxels,)
        Positions of the voxels in a flat volume (x fastest), ascending.
    names : tuple of str
        One for each map.
    """

    weights: NDArray[np.floating[Any]]
    rows: NDArray[np.intp]
    names: tuple[str, ...]


def load_maps(maps: MapsLike, grid: Grid, *, resample: ResampleMode = None) -> MapWeights:
    """Read maps one by one and bring them to a grid.

    Parameters
    ----------
    maps : path or nibabel image, shape (x, y, z, n)
        Weights; NaN and infinity count as 0.
    grid : Grid
        Grid of the image.
    resample : {None, "mask"}
        Whether maps on another grid are refused, or resampled (linearly, as
        `nilearn.maskers.NiftiMapsMasker` does).

    Raises
    ------
    MaskError
        If no map has a weight inside the image.
    GridMismatchError
        If the maps lie on another grid and `resample` is None.

    Examples
    --------
    >>> import nibabel as nib, numpy as np
    >>> from boldstream.core.grid import Grid
    >>> data = np.zeros((2, 2, 2, 3), "f4")
    >>> data[0, 0, 0, 0] = data[1, 0, 0, 1] = 0.5
    >>> maps = load_maps(nib.Nifti1Image(data, np.eye(4)), Grid((2, 2, 2), np.eye(4)))
    >>> maps.weights.shape, maps.rows
    ((2, 3), array([0, 1]))
    """
    source, label = open_image(maps), label_of(maps, "maps")
    own = source.series.grid
    moved = needs_resampling(own, grid, resample, name=label)
    sparse = []
    for block in source.blocks(1):
        values = _finite(real_values(block)[0])
        if moved:
            values = resample_volume(own.volume_of(values), own, grid, order=LINEAR).ravel("F")
        rows = np.flatnonzero(values)
        sparse.append((rows, values[rows]))
    weights, rows = _gathered(sparse)
    if not rows.size:
        raise MaskError(f"{label} has no weight other than 0 on the grid of the image: {grid}")
    return MapWeights(weights, rows, tuple(f"map_{i}" for i in range(1, len(sparse) + 1)))


def _finite(values: NDArray[Any]) -> NDArray[np.floating[Any]]:
    real = values.astype(np.result_type(values.dtype, np.float32))
    real[~np.isfinite(real)] = 0
    return real


def _gathered(
    sparse: list[tuple[NDArray[np.intp], NDArray[np.floating[Any]]]],
) -> tuple[NDArray[np.floating[Any]], NDArray[np.intp]]:
    """Weights of all maps over the rows where any of them is not 0."""
    support = np.unique(np.concatenate([rows for rows, _ in sparse]))
    dtype = np.result_type(*(values.dtype for _, values in sparse))
    weights = np.zeros((len(support), len(sparse)), dtype)
    for column, (rows, values) in enumerate(sparse):
        weights[np.searchsorted(support, rows), column] = values
    return weights, support
