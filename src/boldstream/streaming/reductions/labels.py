"""`Labels`: one number for each region of an atlas and each volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from boldstream.core.checks import one_of
from boldstream.io.labels import AtlasLike, NamesLike, load_labels
from boldstream.io.source import Series
from boldstream.kernels.segments import STRATEGIES
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.per_volume import Rows
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.reductions.regions import Regions, Strategy


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
    dtype : {"float32", "float64"}
        Of the result; the statistics are computed in float64.
    nan_policy : {"propagate", "zero", "nilearn", "raise"}
        What becomes of NaN and infinity in the regions: they go into the
        result, count as 0, count as 0 with one warning, or are refused.

    Returns
    -------
    RegionSeries
        What `stream` gives for this reduction: `values` (volumes, labels),
        labels in ascending order.

    Raises
    ------
    GridMismatchError, MaskError, ParameterError
    NonFiniteError
        If there is NaN or infinity in a region and `nan_policy` is "raise".
    """

    atlas: AtlasLike
    strategy: Strategy = "mean"
    resample: Literal["mask"] | None = None
    names: NamesLike | None = None
    dtype: Literal["float32", "float64"] = "float32"
    nan_policy: NanPolicy = "propagate"

    def bind(self, series: Series) -> Bound[Rows]:
        one_of("strategy", self.strategy, tuple(STRATEGIES))
        atlas = load_labels(self.atlas, series.grid, resample=self.resample, names=self.names)
        flat = atlas.array.ravel(order="F")
        inside = np.flatnonzero(flat)
        rows = inside[np.argsort(flat[inside], kind="stable")]
        counts = np.searchsorted(flat[rows], atlas.labels, side="right")
        regions = Regions(
            rows,
            np.diff(counts, prepend=0),
            ids=[int(label) for label in atlas.labels],
            names=atlas.names,
            strategy=self.strategy,
            dtype=self.dtype,
            nan_policy=self.nan_policy,
            label=f"Labels({self.strategy})",
        )
        return regions.bind(series)
