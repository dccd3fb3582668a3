"""Clusters of voxels above a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.decoding.inference.adjacency import Adjacency
from boldstream.decoding.inference.p_values import SLACK, p_of_maxima
from boldstream.kernels.inference.clusters import label_clusters

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Found:
    """Clusters of one map, cluster `i` at position `i - 1`.

    Attributes
    ----------
    ids : ndarray of int32, shape (voxels,)
        0 outside.
    extents : ndarray of int64
        Voxels.
    masses : ndarray of float64
        Sum of what lies above the threshold.
    """

    ids: NDArray[np.int32]
    extents: NDArray[np.int64]
    masses: Floats


@dataclass(frozen=True, eq=False)
class Forming:
    """What forms a cluster: neighbours with scores above a threshold.

    Attributes
    ----------
    adjacency : Adjacency
    threshold : float, or ndarray, shape (voxels,)
        In the unit of scores.
    """

    adjacency: Adjacency
    threshold: float | Floats

    def find(self, scores: NDArray[np.float32]) -> Found:
        above = scores.astype(np.float64) - self.threshold
        # A score at the threshold is not above it, whatever rounding says.
        inside = above > SLACK * np.abs(self.threshold)
        ids = np.empty(len(scores), np.int32)
        n = label_clusters(inside, self.adjacency.starts, self.adjacency.neighbours, ids)
        members = ids[inside]
        extents = np.bincount(members, minlength=n + 1)[1:]
        masses = np.bincount(members, above[inside], minlength=n + 1)[1:]
        return Found(ids, extents, masses.astype(np.float64))

    def largest(self, scores: NDArray[np.float32]) -> tuple[float, float]:
        """Largest extent and largest mass of all clusters; 0 without any."""
        found = self.find(scores)
        return float(found.extents.max(initial=0)), float(found.masses.max(initial=0))


def tabulate(
    found: Found, scores: Floats, largest_extents: Floats, largest_masses: Floats
) -> tuple[pd.DataFrame, NDArray[np.int32]]:
    """The table of `Inference` and the ids of voxels, numbered from the largest mass.

    Parameters
    ----------
    found : Found
    scores : ndarray, shape (voxels,)
    largest_extents, largest_masses : ndarray, shape (n_permutations,)
    """
    n = len(found.extents)
    order = np.lexsort((np.arange(n), -found.masses))
    new = np.zeros(n + 1, np.int32)
    new[1 + order] = np.arange(1, n + 1)
    ids = new[found.ids]
    inside = np.flatnonzero(ids)
    # By cluster, then by score: the first voxel of each cluster is its peak.
    inside = inside[np.lexsort((inside, -scores[inside], ids[inside]))]
    peaks = inside[np.flatnonzero(np.diff(ids[inside], prepend=0))]
    extents, masses = found.extents[order], found.masses[order]
    table = pd.DataFrame(
        {
            "id": np.arange(1, n + 1),
            "extent": extents,
            "mass": masses,
            "peak": peaks,
            "peak_score": scores[peaks],
            "p_extent_fwe": p_of_maxima(extents.astype(np.float64), largest_extents),
            "p_mass_fwe": p_of_maxima(masses, largest_masses),
        },
        copy=False,
    )
    return table, ids
