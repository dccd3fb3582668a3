"""`Maps`: least-squares time courses of overlapping, weighted maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.io.maps import MapsLike, load_maps
from boldstream.io.source import Block, Series
from boldstream.kernels.gather import TILE, tiles
from boldstream.streaming.per_volume import PerVolume, Rows, read_voxels
from boldstream.streaming.reduction import Bound, Cost, Reduction
from boldstream.streaming.results import RegionSeries


@dataclass(frozen=True, eq=False)
class Maps(Reduction):
    """Time courses s that best explain each volume y as a sum of maps M: min ‖M s − y‖².

    The same as nilearn's ``NiftiMapsMasker``. Solved from the normal equations
    in float64: MᵀM once, Mᵀy for each volume.

    Parameters
    ----------
    maps : path or nibabel image, shape (x, y, z, n)
        Weights; NaN counts as 0.
    resample : {None, "mask"}
        What to do with maps on another grid: refuse them, or resample them to
        the image (linear, as nilearn).

    Returns
    -------
    RegionSeries
        What `stream` gives for this reduction: one column a map. Maps without
        a voxel in the image have a column of NaN and a voxel count of 0.

    Raises
    ------
    GridMismatchError, MaskError
    """

    maps: MapsLike
    resample: Literal["mask"] | None = None

    def bind(self, series: Series) -> Bound[Rows]:
        maps = load_maps(self.maps, series.grid, resample=self.resample)
        accumulator = MapRows(maps.weights, maps.rows, series)
        sizes = tuple(int(n) for n in np.count_nonzero(maps.weights, axis=0))

        def finalize(state: Rows) -> RegionSeries:
            ids = tuple(range(1, len(sizes) + 1))
            return RegionSeries(state.values, maps.names, ids, sizes, series.run_lengths)

        return Bound("Maps", accumulator, finalize, 0)


class MapRows(PerVolume):
    """Solves the normal equations of the maps for every volume."""

    def __init__(
        self, weights: NDArray[np.floating[Any]], rows: NDArray[np.intp], series: Series
    ) -> None:
        self.rows, self.weights = rows, weights
        self.n_columns, self.dtype = weights.shape[1], np.dtype(np.float32)
        self.present = np.flatnonzero(weights.any(axis=0))
        self._n_volumes, self._stored = series.n_volumes, series.dtype
        gram = np.zeros((self.n_columns, self.n_columns))
        for tile in tiles(len(rows)):
            exact = weights[tile].astype(np.float64)
            gram += exact.T @ exact
        # The pseudo-inverse gives dependent maps the shortest solution, as lstsq does.
        kept = gram[np.ix_(self.present, self.present)]
        self.solve = np.linalg.pinv(kept, rcond=1e-13, hermitian=True)

    def cost(self) -> Cost:
        tile = min(TILE, len(self.rows))
        return Cost(
            self._n_volumes * self.n_columns * self.dtype.itemsize,
            scratch=tile * (8 * self.n_columns + self._stored.itemsize),
            # A tile of the volume, and three rows of products.
            scratch_per_volume=8 * (tile + 3 * self.n_columns),
            loaded=self.rows.nbytes + self.weights.nbytes + self.solve.nbytes,
        )

    def fill(self, rows: NDArray[Any], block: Block) -> None:
        products = np.zeros((len(rows), self.n_columns))
        for tile in tiles(len(self.rows)):
            values = np.empty((len(rows), tile.stop - tile.start))
            read_voxels(values, block.data, self.rows[tile], block.scaling)
            products += values @ self.weights[tile].astype(np.float64)
        rows.fill(np.nan)
        rows[:, self.present] = products[:, self.present] @ self.solve
