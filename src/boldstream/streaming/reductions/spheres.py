"""`Spheres`: one number for each seed and volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from boldstream.core.checks import positive_number
from boldstream.io.seeds import SeedsLike, load_seeds
from boldstream.io.source import Series
from boldstream.kernels.spheres import sphere_neighbours
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.per_volume import Rows
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.reductions.regions import Regions


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
    dtype : {"float32", "float64"}
        Of the result; the means are computed in float64.
    nan_policy : {"propagate", "zero", "nilearn", "raise"}
        What becomes of NaN and infinity in the spheres: they go into the
        result, count as 0, count as 0 with one warning, or are refused.
    names : sequence of str, optional
        What to call the columns, one for each seed; by default as a file
        says, or ``sphere_1``, ``sphere_2``, ...

    Returns
    -------
    RegionSeries
        What `stream` gives for this reduction. A seed outside the image has
        a column of NaN and a voxel count of 0. Spheres may overlap.

    Raises
    ------
    ParameterError, TableError
    NonFiniteError
        If there is NaN or infinity in a sphere and `nan_policy` is "raise".
    """

    seeds: SeedsLike
    radius: float
    dtype: Literal["float32", "float64"] = "float32"
    nan_policy: NanPolicy = "propagate"
    names: Sequence[str] | None = None

    def bind(self, series: Series) -> Bound[Rows]:
        radius = positive_number("radius", self.radius, unit="mm")
        seeds = load_seeds(self.seeds, self.names)
        grid = series.grid
        rows, counts = sphere_neighbours(grid.shape, grid.affine, seeds.coordinates, radius)
        regions = Regions(
            rows,
            counts,
            ids=range(1, len(counts) + 1),
            names=seeds.names,
            dtype=self.dtype,
            nan_policy=self.nan_policy,
            label=f"Spheres({self.radius:g} mm)",
        )
        return regions.bind(series)
