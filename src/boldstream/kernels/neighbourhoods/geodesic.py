"""Vertices within a distance along the edges of a mesh: Dijkstra's search, cut at a radius."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def mesh_edges(
    coordinates: Floats, faces: NDArray[np.int32]
) -> tuple[Ints, NDArray[np.int32], Floats]:
    """Neighbours of each vertex, and the lengths of the edges to them.

    Parameters
    ----------
    coordinates : ndarray, shape (vertices, 3)
    faces : ndarray of int32, shape (faces, 3)

    Returns
    -------
    starts : ndarray of int64, shape (vertices + 1,)
    neighbours : ndarray of int32
        Ascending for each vertex.
    lengths : ndarray of float64
        In the unit of the coordinates.
    """
    n = len(coordinates)
    sides = faces[:, [0, 1, 1, 2, 2, 0, 1, 0, 2, 1, 0, 2]].reshape(-1, 2).astype(np.int64)
    # A side belongs to two faces, and is in the list once for each.
    edges = np.unique(sides[:, 0] * n + sides[:, 1])
    first, second = np.divmod(edges, n)
    starts = np.searchsorted(first, np.arange(n + 1)).astype(np.int64)
    lengths = np.sqrt(((coordinates[first] - coordinates[second]) ** 2).sum(axis=1))
    return starts, second.astype(np.int32), lengths


@jit
def rows_along(
    starts: Ints,
    neighbours: NDArray[np.int32],
    lengths: Floats,
    row_of: NDArray[np.int32],
    centres: Ints,
    radius: float,
) -> tuple[NDArray[np.int32], Ints]:
    """Rows of the vertices within a distance of each of some vertices.

    The work for each is that for the vertices it reaches: what was touched is
    written down and put back.

    Parameters
    ----------
    starts, neighbours, lengths
        As `mesh_edges` gives them.
    row_of : ndarray of int32, shape (vertices,)
        −1 for vertices that are left out; paths lead through them all the same.
    centres : ndarray of int64, shape (n,)
    radius : float

    Returns
    -------
    members : ndarray of int32
        Ascending for each centre.
    member_starts : ndarray of int64, shape (n + 1,)
    """
    n = len(row_of)
    apart = np.full(n, np.inf)
    place = np.full(n, -1, np.int32)
    heap = np.empty(n, np.int32)
    touched = np.empty(n, np.int32)
    members = np.empty(64 * len(centres) + 64, np.int32)
    member_starts = np.zeros(len(centres) + 1, np.int64)
    n_members = 0
    for i in range(len(centres)):
        n_touched = _reach(
            starts, neighbours, lengths, centres[i], radius, apart, place, heap, touched
        )
        if n_members + n_touched > len(members):
            grown = np.empty(2 * len(members) + n_touched, np.int32)
            for j in range(n_members):
                grown[j] = members[j]
            members = grown
        first = n_members
        for j in range(n_touched):
            vertex = touched[j]
            apart[vertex] = np.inf
            if row_of[vertex] >= 0:
                members[n_members] = row_of[vertex]
                n_members += 1
        members[first:n_members].sort()
        member_starts[i + 1] = n_members
    return members[:n_members].copy(), member_starts


@jit
def _reach(
    starts: Ints,
    neighbours: NDArray[np.int32],
    lengths: Floats,
    centre: int,
    radius: float,
    apart: Floats,
    place: NDArray[np.int32],
    heap: NDArray[np.int32],
    touched: NDArray[np.int32],
) -> int:
    """Dijkstra's search from a vertex; returns how many vertices were reached.

    `apart` is infinite and `place` −1 everywhere before; `place` is so again
    afterwards, and `apart` but for the vertices in `touched`.
    """
    apart[centre] = 0.0
    touched[0] = heap[0] = centre
    place[centre] = 0
    n_touched, size = 1, 1
    while size:
        nearest = heap[0]
        place[nearest] = -1
        size -= 1
        if size:
            _sink(heap, place, apart, heap[size], size)
        for k in range(starts[nearest], starts[nearest + 1]):
            vertex, further = neighbours[k], apart[nearest] + lengths[k]
            if further > radius or further >= apart[vertex]:
                continue
            at = place[vertex]
            if at < 0:
                at = size
                size += 1
                touched[n_touched] = vertex
                n_touched += 1
            apart[vertex] = further
            _rise(heap, place, apart, vertex, at)
    return n_touched


@jit
def _rise(
    heap: NDArray[np.int32], place: NDArray[np.int32], apart: Floats, vertex: int, at: int
) -> None:
    """Move a vertex from a place of the heap to where its distance belongs, towards the top."""
    while at:
        above = (at - 1) // 2
        if apart[heap[above]] <= apart[vertex]:
            break
        heap[at] = heap[above]
        place[heap[at]] = at
        at = above
    heap[at] = vertex
    place[vertex] = at


@jit
def _sink(
    heap: NDArray[np.int32], place: NDArray[np.int32], apart: Floats, vertex: int, size: int
) -> None:
    """Put a vertex at the top of the heap, and move it to where its distance belongs."""
    at = 0
    while 2 * at + 1 < size:
        below = 2 * at + 1
        if below + 1 < size and apart[heap[below + 1]] < apart[heap[below]]:
            below += 1
        if apart[heap[below]] >= apart[vertex]:
            break
        heap[at] = heap[below]
        place[heap[at]] = at
        at = below
    heap[at] = vertex
    place[vertex] = at
