"""Threshold-free cluster enhancement, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


def enhance(
    values: NDArray[np.float32], starts: Ints, neighbours: Ints, powers: Floats, height: float
) -> Floats:
    """TFCE of the positive side of a map (Smith and Nichols, NeuroImage 2009).

    What a voxel gets is the integral of extent(h)^E h^H over all heights h
    from 0 to its value, where extent is the number of voxels, above h, that it
    is connected with. No step is chosen: an extent changes only at the value
    of some voxel, and between two of these the integral is known.

    Parameters
    ----------
    values : ndarray, shape (voxels,)
        NaN and what is not above 0 get 0.
    starts, neighbours : ndarray
        Neighbours of voxel v are ``neighbours[starts[v]:starts[v + 1]]``.
    powers : ndarray, shape (voxels + 1,)
        n^E of every extent n.
    height : float
        H.

    Returns
    -------
    ndarray, shape (voxels,), float64
    """
    order = descending(values)
    # The integral of h^H from 0 to each voxel's value.
    levels = values[order].astype(np.float64) ** (height + 1) / (height + 1)
    out = np.zeros(len(values))
    _join(order, levels, starts, neighbours, powers, out)
    return out


def descending(values: NDArray[np.float32]) -> Ints:
    """Positions of the values above 0, the largest first, of equal ones the first first.

    Bits of positive floats are ordered as they are, so whole numbers can be
    sorted in their place: that takes a fifth of the time of a stable argsort.
    """
    rows = np.flatnonzero(values > 0)
    keys = (~values[rows].view(np.uint32)).astype(np.uint64) << np.uint64(32)
    keys |= rows.astype(np.uint64)
    keys.sort()
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int32)


@jit
def _root(v: int, parent: Ints, offset: Floats) -> Any:
    """The root above v; the path to it is halved on the way."""
    while parent[v] != v:
        p = parent[v]
        if parent[p] != p:
            offset[v] += offset[p]
            parent[v] = parent[p]
        v = parent[v]
    return v


@jit
def _join(
    order: Ints, levels: Floats, starts: Ints, neighbours: Ints, powers: Floats, out: Floats
) -> None:
    """Let voxels join in descending order; `out` must hold zeros.

    A root keeps the extent of its component, its own share of the integral,
    and the level down to which that is booked. The share of any other voxel is
    that of the voxel above it and an offset: what it had gathered before its
    component was joined to that of the other, less what the other had.
    """
    n_voxels = len(out)
    parent = np.full(n_voxels, -1, np.int32)
    extent = np.ones(n_voxels, np.int32)
    booked = np.empty(n_voxels)
    # Of a root its share, of any other voxel its offset.
    share = np.zeros(n_voxels)
    for i in range(len(order)):
        v = order[i]
        level = levels[i]
        parent[v] = v
        booked[v] = level
        root = v
        for k in range(starts[v], starts[v + 1]):
            if parent[neighbours[k]] < 0:
                continue
            other = _root(neighbours[k], parent, share)
            if other == root:
                continue
            share[other] += powers[extent[other]] * (booked[other] - level)
            booked[other] = level
            larger, smaller = root, other
            if extent[other] > extent[root]:
                larger, smaller = other, root
            parent[smaller] = larger
            share[smaller] -= share[larger]
            extent[larger] += extent[smaller]
            root = larger
    for v in order:
        if parent[v] == v:
            share[v] += powers[extent[v]] * booked[v]
    for v in order:
        root = _root(v, parent, share)
        total = share[root]
        u = v
        while u != root:
            total += share[u]
            u = parent[u]
        out[v] = total
