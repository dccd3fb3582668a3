"""Clusters of voxels that are connected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit

Ints = NDArray[np.int32]


@jit
def label_clusters(inside: NDArray[np.bool_], starts: Ints, neighbours: Ints, labels: Ints) -> int:
    """Number the connected parts of a set of voxels from 1, in the order of their first voxel.

    Parameters
    ----------
    inside : ndarray of bool, shape (voxels,)
    starts, neighbours : ndarray
        Neighbours of voxel v are ``neighbours[starts[v]:starts[v + 1]]``.
    labels : ndarray, shape (voxels,)
        Filled; 0 outside.

    Returns
    -------
    int
        How many there are.
    """
    n = 0
    labels[:] = 0
    waiting = np.empty(len(inside), np.int32)
    for first in range(len(inside)):
        if not inside[first] or labels[first] > 0:
            continue
        n += 1
        labels[first] = n
        waiting[0] = first
        n_waiting = 1
        while n_waiting > 0:
            n_waiting -= 1
            v = waiting[n_waiting]
            for k in range(starts[v], starts[v + 1]):
                u = neighbours[k]
                if inside[u] and labels[u] == 0:
                    labels[u] = n
                    waiting[n_waiting] = u
                    n_waiting += 1
    return n
