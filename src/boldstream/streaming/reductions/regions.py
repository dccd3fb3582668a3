"""`Regions`: one number for each region and volume, whatever the regions are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import one_of
from boldstream.io.source import Block, Series
from boldstream.kernels.segments import STRATEGIES
from boldstream.streaming.cost import Cost
from boldstream.streaming.nonfinite import NanPolicy, NonFiniteRule
from boldstream.streaming.per_volume import PerVolume, Rows, read_voxels
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.results import RegionSeries

Strategy = Literal["mean", "sum", "median", "minimum", "maximum", "standard_deviation", "variance"]

# float64 copies of the gathered voxels that a strategy holds, where it is more than one.
_COPIES = {"median": 2, "standard_deviation": 2, "variance": 2}
# Voxels gathered at once, a whole region at least: their copies stay in the cache,
# and overlapping spheres may hold many times the voxels of the image.
_GATHERED = 1 << 16


@dataclass(frozen=True, eq=False)
class Regions(Reduction):
    """A statistic of each of many sets of voxels, volume by volume.

    What `Labels` and `Spheres` are made into; regions may overlap.

    Parameters
    ----------
    rows : ndarray of int, shape (sum of counts,)
        Voxels as positions in a flat volume (x fastest), region after region.
    counts : ndarray of int, shape (n,)
        Voxels of each region; a region of none has a column of NaN.
    ids : sequence of int
        A number for each region.
    names : sequence of str
        A name for each region.
    strategy : str
        "mean", "sum", "median", "minimum", "maximum", "standard_deviation" or
        "variance".
    dtype : {"float32", "float64"}
        Of the result; the statistics are computed in float64.
    nan_policy : {"propagate", "zero", "nilearn", "raise"}
        What becomes of NaN and infinity in the voxels.
    label : str
        What plans call it.

    Returns
    -------
    RegionSeries
        What `stream` gives for this reduction: `values` (volumes, regions).

    Raises
    ------
    ParameterError
        If an option is none of its values.
    NonFiniteError
        If there is NaN or infinity in the voxels and `nan_policy` is "raise".

    Examples
    --------
    >>> import nibabel as nib, numpy as np, boldstream as bs
    >>> image = nib.Nifti1Image(np.arange(16.0).reshape(2, 2, 2, 2), np.eye(4))
    >>> regions = Regions(np.array([0, 1, 7]), np.array([2, 1]), ids=(1, 2), names=("a", "b"))
    >>> bs.stream(image, regions)[0].values
    array([[ 4., 14.],
           [ 5., 15.]], dtype=float32)
    """

    rows: NDArray[np.intp]
    counts: NDArray[np.intp]
    _: KW_ONLY
    ids: Sequence[int]
    names: Sequence[str]
    strategy: Strategy = "mean"
    dtype: Literal["float32", "float64"] = "float32"
    nan_policy: NanPolicy = "propagate"
    label: str = "Regions"

    def bind(self, series: Series) -> Bound[Rows]:
        one_of("strategy", self.strategy, tuple(STRATEGIES))
        one_of("dtype", self.dtype, ("float32", "float64"))
        accumulator = RegionRows(self, series)
        sizes = tuple(int(n) for n in self.counts)
        ids, names = tuple(int(i) for i in self.ids), tuple(self.names)

        def finalize(state: Rows) -> RegionSeries:
            accumulator.rule.warn()
            return RegionSeries(state.values, names, ids, sizes, series.run_lengths)

        return Bound(self.label, accumulator, finalize, 0)


class RegionRows(PerVolume):
    """Gathers the voxels of some regions side by side and reduces each region."""

    def __init__(self, regions: Regions, series: Series) -> None:
        self.rows = regions.rows
        self.n_columns, self.dtype = len(regions.counts), np.dtype(regions.dtype)
        self.present = np.flatnonzero(regions.counts)
        self.counts = regions.counts[self.present]
        self.groups = _groups(self.counts)
        self.reduce, self._strategy = STRATEGIES[regions.strategy], regions.strategy
        self.rule = NonFiniteRule(regions.nan_policy, series, self.rows)
        self._n_volumes, self._stored = series.n_volumes, series.dtype

    def cost(self) -> Cost:
        copies = _COPIES.get(self._strategy, 1)
        most = max((group.voxels.stop - group.voxels.start for group in self.groups), default=0)
        return Cost(
            self._n_volumes * self.n_columns * self.dtype.itemsize,
            scratch=most * (self._stored.itemsize + 8 * copies),
            loaded=self.rows.nbytes,
        )

    def fill(self, rows: NDArray[Any], block: Block) -> None:
        rows.fill(np.nan)
        for t in range(len(rows)):
            for group in self.groups:
                voxels = self.rows[group.voxels]
                values = np.empty((1, len(voxels)))
                read_voxels(values, block.data[t : t + 1], voxels, block.scaling)
                self.rule.apply(values, block)
                columns = self.present[group.regions]
                counts = self.counts[group.regions]
                rows[t, columns] = self.reduce(values[0], group.starts, counts)
                del values  # the next ones would be taken beside them


@dataclass(frozen=True)
class _Group:
    """Regions that are gathered at once: which, their voxels, and where each begins in these."""

    regions: slice
    voxels: slice
    starts: NDArray[np.intp]


def _groups(counts: NDArray[np.intp]) -> list[_Group]:
    """Consecutive regions in groups of `_GATHERED` voxels, or of one larger region."""
    stops = np.cumsum(counts)
    groups, first, start = [], 0, 0
    while first < len(counts):
        fitting = int(np.searchsorted(stops, start + _GATHERED, side="right"))
        last = max(first + 1, fitting)
        stop = int(stops[last - 1])
        starts = stops[first:last] - counts[first:last] - start
        groups.append(_Group(slice(first, last), slice(start, stop), starts))
        first, start = last, stop
    return groups
