"""`Labels` and `Spheres`: one number for each region and volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import one_of, positive_number
from boldstream.io.labels import AtlasLike, NamesLike, load_labels
from boldstream.io.seeds import SeedsLike, load_seeds
from boldstream.io.source import Block, Series
from boldstream.kernels.segments import STRATEGIES
from boldstream.kernels.spheres import sphere_voxels
from boldstream.streaming.per_volume import PerVolume, Rows, read_voxels
from boldstream.streaming.reduction import Bound, Cost, Reduction
from boldstream.streaming.results import RegionSeries

Strategy = Literal["mean", "sum", "median", "minimum", "maximum", "standard_deviation", "variance"]

# float64 copies of a gathered volume that a strategy holds, where it is more than one.
_COPIES = {"median": 2, "standard_deviation": 2, "variance": 2}


@dataclass(frozen=True, eq=False)
class Labels(Reduction):
    """A statistic of each region of an atlas, volume by volume.

    Every label of the atlas keeps its column, also where the image does not
    reach it: the column is NaN then and its voxel count 0.

    Parameters
    ----------
    atlas : path, nibabel image or ndarray of int (x, y, z)
        Whole numbers; 0 is background.
    strategy : str
        "mean", "sum", "median", "minimum", "maximum", "standard_deviation" or
        "variance" (the last two of the population, as in nilearn).
    resample : {None, "mask"}
        What to do with an atlas on another grid: refuse it, or resample it to
        the image (nearest neighbour).
    names : path or mapping of int to str, optional
        Names of the labels; a table has columns ``index`` and ``name``.

    Returns
    -------
    RegionSeries
        What `stream` gives for this reduction: `values` (volumes, labels),
        labels in ascending order.

    Raises
    ------
    GridMismatchError, MaskError, ParameterError
    """

    atlas: AtlasLike
    strategy: Strategy = "mean"
    resample: Literal["mask"] | None = None
    names: NamesLike | None = None

    def bind(self, series: Series) -> Bound[Rows]:
        one_of("strategy", self.strategy, tuple(STRATEGIES))
        atlas = load_labels(self.atlas, series.grid, resample=self.resample, names=self.names)
        flat = atlas.array.ravel(order="F")
        inside = np.flatnonzero(flat)
        rows = inside[np.argsort(flat[inside], kind="stable")]
        counts = np.searchsorted(flat[rows], atlas.labels, side="right")
        counts = np.diff(counts, prepend=0)
        ids = tuple(int(label) for label in atlas.labels)
        return _bind_regions(
            f"Labels({self.strategy})", series, rows, counts, self.strategy, ids, atlas.names
        )


@dataclass(frozen=True, eq=False)
class Spheres(Reduction):
    """The mean of the voxels within a radius of each seed, volume by volume.

    Parameters
    ----------
    seeds : array-like of float, shape (n, 3), or path
        Points in mm; a TSV or CSV file has columns ``x``, ``y``, ``z`` and
        optionally ``name``.
    radius : float
        In mm. The voxel that holds the seed is always in its sphere.

    Returns
    -------
    RegionSeries
        What `stream` gives for this reduction. A seed outside the image has
        a column of NaN and a voxel count of 0. Spheres may overlap.

    Raises
    ------
    ParameterError, TableError
    """

    seeds: SeedsLike
    radius: float

    def bind(self, series: Series) -> Bound[Rows]:
        positive_number("radius", self.radius, unit="mm")
        seeds = load_seeds(self.seeds)
        nx, ny, _ = series.grid.shape
        step = np.array([1, nx, nx * ny])
        spheres = [
            sphere_voxels(series.grid.shape, series.grid.affine, point, self.radius) @ step
            for point in seeds.coordinates
        ]
        counts = np.array([len(sphere) for sphere in spheres], dtype=np.intp)
        ids = tuple(range(1, len(spheres) + 1))
        rows = np.concatenate(spheres).astype(np.intp)
        label = f"Spheres({self.radius:g} mm)"
        return _bind_regions(label, series, rows, counts, "mean", ids, seeds.names)


def _bind_regions(
    label: str,
    series: Series,
    rows: NDArray[np.intp],
    counts: NDArray[np.intp],
    strategy: str,
    ids: tuple[int, ...],
    names: Sequence[str],
) -> Bound[Rows]:
    accumulator = RegionRows(rows, counts, strategy, series)

    def finalize(state: Rows) -> RegionSeries:
        sizes = tuple(int(n) for n in counts)
        return RegionSeries(state.values, tuple(names), ids, sizes, series.run_lengths)

    return Bound(label, accumulator, finalize, 0)


class RegionRows(PerVolume):
    """Gathers the voxels of all regions side by side and reduces each region."""

    def __init__(
        self, rows: NDArray[np.intp], counts: NDArray[np.intp], strategy: str, series: Series
    ) -> None:
        self.rows = rows
        self.n_columns, self.dtype = len(counts), np.dtype(np.float32)
        self.present = np.flatnonzero(counts)
        self.counts = counts[self.present]
        self.starts = np.cumsum(self.counts) - self.counts
        self.reduce, self._strategy = STRATEGIES[strategy], strategy
        self._n_volumes, self._stored = series.n_volumes, series.dtype

    def cost(self) -> Cost:
        copies = _COPIES.get(self._strategy, 1)
        return Cost(
            self._n_volumes * self.n_columns * self.dtype.itemsize,
            scratch=len(self.rows) * (self._stored.itemsize + 8 * copies),
            loaded=self.rows.nbytes,
        )

    def fill(self, rows: NDArray[Any], block: Block) -> None:
        values = np.empty((1, len(self.rows)))
        rows.fill(np.nan)
        if not len(self.present):
            return
        for t in range(len(rows)):
            read_voxels(values, block.data[t : t + 1], self.rows, block.scaling)
            rows[t, self.present] = self.reduce(values[0], self.starts, self.counts)
