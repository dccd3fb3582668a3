"""What inference over a map gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Inference:
    """A map, and p of its voxels and clusters.

    Every p is (b + 1) / (n + 1), where b of n permutations gave as much or
    more, so that none is below 1 / (n + 1). A voxel without a score (NaN) has
    no p (NaN). "FWE": the largest value of the map in each permutation is what
    a value is compared with, so that the chance of any false one is at most p.

    Attributes
    ----------
    scores : ndarray, shape (voxels,)
        As given.
    p_uncorrected, p_fwe, p_fdr : ndarray, shape (voxels,)
        `p_fdr` is adjusted by Benjamini and Hochberg.
    max_null : ndarray, shape (n_permutations,)
        The largest score of each permutation.
    tfce, p_tfce_fwe : ndarray, shape (voxels,), or None
        Enhanced scores above chance (Smith and Nichols 2009), 0 elsewhere.
    clusters : pandas.DataFrame, or None
        A row for each cluster above the forming threshold, the largest mass
        first: ``id``, ``extent`` (voxels), ``mass`` (sum of scores above the
        threshold), ``peak`` (which voxel), ``peak_score``, ``p_extent_fwe``,
        ``p_mass_fwe``.
    cluster_ids : ndarray of int32, shape (voxels,), or None
        ``id`` of the cluster of each voxel; 0 outside.
    """

    scores: Floats
    p_uncorrected: Floats
    p_fwe: Floats
    p_fdr: Floats
    max_null: Floats
    tfce: Floats | None = None
    p_tfce_fwe: Floats | None = None
    clusters: pd.DataFrame | None = None
    cluster_ids: NDArray[np.int32] | None = None

    @property
    def n_permutations(self) -> int:
        return len(self.max_null)
