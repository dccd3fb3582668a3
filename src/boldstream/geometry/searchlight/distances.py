"""Dissimilarities of spheres, as sums of what each voxel adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boldstream.geometry.design import Metric
from boldstream.kernels.geometry.shares import (
    crossed_differences,
    products,
    squared_differences,
    sum_members,
)

Floats = NDArray[np.float64]

# Of the mean square of a pattern: less variance than this between voxels is rounding.
_FLAT = 1e-12


@dataclass(frozen=True)
class Distances:
    """A metric for the mean patterns of some conditions.

    Attributes
    ----------
    metric : {"crossnobis", "correlation", "euclidean"}
    n_conditions, n_folds : int
    """

    metric: Metric
    n_conditions: int
    n_folds: int

    @property
    def n_pairs(self) -> int:
        return self.n_conditions * (self.n_conditions - 1) // 2

    @property
    def n_shares(self) -> int:
        """Numbers that each voxel adds."""
        return self.n_pairs + (2 * self.n_conditions if self.metric == "correlation" else 0)

    def of_voxels(self, patterns: NDArray[np.float32]) -> Floats:
        """What each voxel adds (voxels, shares), of its patterns (voxels, patterns)."""
        shares = np.empty((len(patterns), self.n_shares))
        if self.metric == "crossnobis":
            crossed_differences(patterns, self.n_folds, np.empty(self.n_conditions), shares)
        elif self.metric == "euclidean":
            squared_differences(patterns, shares)
        else:
            products(patterns, shares)
        return shares

    def of_spheres(
        self, shares: Floats, members: NDArray[np.int32], starts: NDArray[np.int64]
    ) -> Floats:
        """Dissimilarities (spheres, pairs) of spheres ``members[starts[s]:starts[s + 1]]``.

        NaN for a sphere without voxels, and for the correlation with a pattern
        that is constant.
        """
        sums = np.empty((len(starts) - 1, self.n_shares))
        sum_members(shares, members, starts, sums)
        counts = np.diff(starts).astype(np.float64)
        counts[counts == 0] = np.nan
        sums /= counts[:, None]
        if self.metric != "correlation":
            return sums
        pairs, n = self.n_pairs, self.n_conditions
        squares, means = sums[:, pairs : pairs + n], sums[:, pairs + n :]
        variances = squares - means**2
        variances[variances <= _FLAT * squares] = np.nan
        deviations = np.sqrt(variances)
        first, second = np.triu_indices(n, 1)
        together = sums[:, :pairs] - means[:, first] * means[:, second]
        return np.asarray(1 - together / (deviations[:, first] * deviations[:, second]))
