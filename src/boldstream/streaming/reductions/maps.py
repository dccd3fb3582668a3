"""`Maps`: least-squares time courses of overlapping, weighted maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import one_of
from boldstream.core.errors import ParameterError
from boldstream.io.maps import MapsLike, load_maps
from boldstream.io.source import Block, Series
from boldstream.kernels.gather import TILE, tiles
from boldstream.kernels.least_squares import gram_inverse
from boldstream.streaming.cost import Cost
from boldstream.streaming.nonfinite import NanPolicy, NonFiniteRule
from boldstream.streaming.per_volume import PerVolume, Rows, read_voxels
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.results import RegionSeries

# The weights are taken in float64 anew for every block: 12 MiB halved the time of 5.
_BLOCK_BYTES = 12 << 20

Weights = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


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
    dtype : {"float32", "float64"}
        Of the result.
    nan_policy : {"propagate", "zero", "nilearn", "raise"}
        What becomes of NaN and infinity where any map has a weight: they make
        the volume's time courses NaN, count as 0, count as 0 with one warning,
        or are refused.

    Returns
    -------
    RegionSeries
        What `stream` gives for this reduction: one column a map. Maps without
        a voxel in the image have a column of NaN and a voxel count of 0.

    Raises
    ------
    GridMismatchError, MaskError, ParameterError
    NonFiniteError
        If there is NaN or infinity in the maps' voxels and `nan_policy` is
        "raise".
    """

    maps: MapsLike
    resample: Literal["mask"] | None = None
    dtype: Literal["float32", "float64"] = "float32"
    nan_policy: NanPolicy = "propagate"

    def bind(self, series: Series) -> Bound[Rows]:
        maps = load_maps(self.maps, series.grid, resample=self.resample)
        weights = WeightMaps(
            maps.weights,
            maps.rows,
            names=maps.names,
            dtype=self.dtype,
            nan_policy=self.nan_policy,
            label="Maps",
        )
        return weights.bind(series)


@dataclass(frozen=True, eq=False)
class WeightMaps(Reduction):
    """Least-squares time courses of maps that are in memory: what `Maps` is made into.

    The weights are used where they are: a piece of them at a time is taken in
    float64, and nothing of their size is held beside them.

    Parameters
    ----------
    weights : ndarray of float, shape (len(rows), n) or (voxels of a volume, n)
        Finite. Either the weights of the voxels in `rows`, or those of all
        voxels (x fastest), such as ``maps.reshape(-1, n, order="F")``: a view
        where `maps` is in Fortran order.
    rows : ndarray of int, shape (voxels,), optional
        Voxels to fit, ascending positions in a flat volume (x fastest); all by
        default. Voxels without a weight add nothing but time.
    names : sequence of str
        A name for each map.
    dtype : {"float32", "float64"}
        Of the result.
    nan_policy : {"propagate", "zero", "nilearn", "raise"}
        What becomes of NaN and infinity in the voxels.
    missing : float
        What a map without any weight has: NaN, or 0 as in the shortest
        solution, which `scipy.linalg.lstsq` gives.
    label : str
        What plans call it.

    Returns
    -------
    RegionSeries
        What `stream` gives for this reduction: one column a map.

    Raises
    ------
    ParameterError
        If `weights` has another number of rows, or an option is none of its values.
    NonFiniteError
        If there is NaN or infinity in the voxels and `nan_policy` is "raise".

    Examples
    --------
    >>> import nibabel as nib, numpy as np, boldstream as bs
    >>> image = nib.Nifti1Image(np.arange(16.0).reshape(2, 2, 2, 2), np.eye(4))
    >>> weights = np.zeros((8, 2))
    >>> weights[0, 0], weights[7, 1] = 1, 0.5
    >>> bs.stream(image, WeightMaps(weights, np.array([0, 7]), names=("a", "b")))[0].values
    array([[ 0., 28.],
           [ 1., 30.]], dtype=float32)
    """

    weights: Weights
    rows: NDArray[np.intp] | None = None
    _: KW_ONLY
    names: Sequence[str]
    dtype: Literal["float32", "float64"] = "float32"
    nan_policy: NanPolicy = "propagate"
    missing: float = np.nan
    label: str = "WeightMaps"

    def bind(self, series: Series) -> Bound[Rows]:
        one_of("dtype", self.dtype, ("float32", "float64"))
        accumulator = MapRows(self, series)
        names, ids = tuple(self.names), tuple(range(1, accumulator.n_columns + 1))

        def finalize(state: Rows) -> RegionSeries:
            accumulator.rule.warn()
            return RegionSeries(
                state.values, names, ids, accumulator.tiles.sizes, series.run_lengths
            )

        return Bound(self.label, accumulator, finalize, 0)


class WeightTiles:
    """Weights of some voxels, taken in float64 a tile at a time.

    Attributes
    ----------
    rows : ndarray of int, shape (voxels,)
    gram : ndarray, shape (n, n)
        MᵀM of the weights M.
    sizes : tuple of int
        Voxels with a weight, for each map.
    """

    def __init__(self, weights: Weights, rows: NDArray[np.intp] | None, n_voxels: int) -> None:
        self.rows = np.arange(n_voxels) if rows is None else rows
        if len(weights) not in (len(self.rows), n_voxels):
            raise ParameterError(
                f"`weights` must have a row for each of {len(self.rows)} voxels, or of all "
                f"{n_voxels}, got {len(weights)}"
            )
        self.weights, self._by_position = weights, len(weights) != len(self.rows)
        n = weights.shape[1]
        self.gram, counts = np.zeros((n, n)), np.zeros(n, np.intp)
        for _, exact in self:
            self.gram += exact.T @ exact
            counts += np.count_nonzero(exact, axis=0)
            del exact  # the next tile would be taken beside it
        self.sizes = tuple(int(count) for count in counts)

    def __iter__(self) -> Iterator[tuple[NDArray[np.intp], Floats]]:
        """Voxels and their weights (voxels, n), tile after tile."""
        for tile in tiles(len(self.rows)):
            yield self.rows[tile], self._exact(tile)

    def _exact(self, tile: slice) -> Floats:
        part = self.weights[self.rows[tile]] if self._by_position else self.weights[tile]
        return part.astype(np.float64)


class MapRows(PerVolume):
    """Solves the normal equations of the maps for every volume."""

    multiplies = True

    def __init__(self, maps: WeightMaps, series: Series) -> None:
        self.tiles = WeightTiles(maps.weights, maps.rows, series.grid.n_voxels)
        self.rule = NonFiniteRule(maps.nan_policy, series, self.tiles.rows)
        self.n_columns, self.dtype = maps.weights.shape[1], np.dtype(maps.dtype)
        self.missing = maps.missing
        self._n_volumes, self._stored = series.n_volumes, series.dtype
        self.present = np.flatnonzero(self.tiles.sizes)
        self.solve = gram_inverse(self.tiles.gram[np.ix_(self.present, self.present)])

    def cost(self) -> Cost:
        tile, weights = min(TILE, len(self.tiles.rows)), self.tiles.weights
        return Cost(
            self._n_volumes * self.n_columns * self.dtype.itemsize,
            scratch=tile * ((8 + weights.itemsize) * self.n_columns + self._stored.itemsize),
            # A tile of the volume, and three rows of products.
            scratch_per_volume=8 * (tile + 3 * self.n_columns),
            loaded=self.tiles.rows.nbytes + weights.nbytes + self.solve.nbytes,
            block=_BLOCK_BYTES,
        )

    def fill(self, rows: NDArray[Any], block: Block) -> None:
        products = np.zeros((len(rows), self.n_columns))
        for voxels, weights in self.tiles:
            values = np.empty((len(rows), len(voxels)))
            read_voxels(values, block.data, voxels, block.scaling)
            self.rule.apply(values, block)
            products += values @ weights
            del weights, values  # those of the next tile would be taken beside them
        rows.fill(self.missing)
        rows[:, self.present] = products[:, self.present] @ self.solve
