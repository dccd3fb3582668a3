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
        In Fortran order: map after map.
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

    Takes no more memory than the weights and a few volumes.

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
    packed = _PackedMaps(source.series.n_volumes, grid.n_voxels)
    for block in source.blocks(1):
        values = _finite(real_values(block)[0])
        if moved:
            values = resample_volume(own.volume_of(values), own, grid, order=LINEAR).ravel("F")
        packed.append(values)
    rows = np.flatnonzero(packed.support)
    if not rows.size:
        raise MaskError(
            f"{label} has no weight other than 0 on the grid of the image: {grid}; "
            "check that both are in one space"
        )
    names = tuple(f"map_{i}" for i in range(1, source.series.n_volumes + 1))
    return MapWeights(packed.unpack(rows), rows, names)


def _finite(values: NDArray[Any]) -> NDArray[np.floating[Any]]:
    real = values.astype(np.result_type(values.dtype, np.float32))
    real[~np.isfinite(real)] = 0
    return real


class _PackedMaps:
    """Maps without their zeros, one after another, unpacked where they are.

    The buffer has room for all voxels, but only what is written takes memory.
    """

    def __init__(self, n_maps: int, n_voxels: int) -> None:
        self.support = np.zeros(n_voxels, bool)
        self._values: NDArray[np.floating[Any]] = np.empty(n_maps * n_voxels, np.float32)
        self._stops = [0]
        self._present: list[NDArray[np.uint8]] = []

    def append(self, values: NDArray[np.floating[Any]]) -> None:
        present = values != 0
        self.support |= present
        if values.dtype.itemsize > self._values.itemsize:  # only some of the maps are scaled
            self._widen(values.dtype)
        start = self._stops[-1]
        stop = start + int(np.count_nonzero(present))
        self._values[start:stop] = values[present]
        self._stops.append(stop)
        self._present.append(np.packbits(present))

    def unpack(self, rows: NDArray[np.intp]) -> NDArray[np.floating[Any]]:
        """Weights (rows, maps) at `rows`, which are all voxels with a weight; done once.

        From the last map back, as its place begins no earlier than the packed one.
        """
        n, size = len(self._present), len(rows)
        weights = self._values[: n * size].reshape(n, size)
        volume = np.empty(len(self.support), weights.dtype)
        for i in reversed(range(n)):
            volume.fill(0)
            present = np.unpackbits(self._present[i], count=len(volume)).view(bool)
            volume[present] = self._values[self._stops[i] : self._stops[i + 1]]
            np.take(volume, rows, out=weights[i], mode="clip")
        return weights.T

    def _widen(self, dtype: np.dtype[Any]) -> None:
        narrow, filled = self._values, self._stops[-1]
        self._values = np.empty(len(narrow), dtype)
        self._values[:filled] = narrow[:filled]
