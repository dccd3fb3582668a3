"""Distances along a mesh against scipy's Dijkstra."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Delaunay

from boldstream.kernels.neighbourhoods.geodesic import mesh_edges, rows_along


def sheet(n: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """A folded sheet of triangles."""
    rng = np.random.default_rng(seed)
    flat = rng.uniform(0, 10, (n, 2))
    height = np.sin(flat[:, :1]) + rng.normal(0, 0.3, (n, 1))
    return np.hstack([flat, height]), Delaunay(flat).simplices.astype(np.int32)


def reached(
    coordinates: NDArray[Any], faces: NDArray[Any], centres: NDArray[Any], radius: float
) -> list[list[int]]:
    """Vertices within reach as scipy finds them."""
    graph = np.zeros((len(coordinates),) * 2)
    for face in faces:
        for a, b in [(0, 1), (1, 2), (2, 0)]:
            length = np.sqrt(((coordinates[face[a]] - coordinates[face[b]]) ** 2).sum())
            graph[face[a], face[b]] = graph[face[b], face[a]] = length
    apart = dijkstra(csr_array(graph), indices=centres, limit=radius)
    return [np.flatnonzero(np.isfinite(row)).tolist() for row in apart]


@given(
    n=st.integers(4, 120),
    seed=st.integers(0, 99),
    radius=st.floats(0.01, 30),
    share=st.floats(0, 1),
)
def test_equal_to_scipy(n: int, seed: int, radius: float, share: float) -> None:
    coordinates, faces = sheet(n, seed)
    taken = np.random.default_rng(seed).random(n) < share
    row_of = np.where(taken, np.cumsum(taken) - 1, -1).astype(np.int32)
    centres = np.random.default_rng(1).permutation(n)
    members, starts = rows_along(*mesh_edges(coordinates, faces), row_of, centres, radius)
    found = [members[a:b].tolist() for a, b in pairwise(starts)]
    expected = reached(coordinates, faces, centres, radius)
    assert found == [[int(row_of[v]) for v in part if taken[v]] for part in expected]


def test_edges_of_two_triangles() -> None:
    corners = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0], [3, 4, 0], [9, 9, 9]], float)
    starts, neighbours, lengths = mesh_edges(corners, np.array([[0, 1, 2], [2, 1, 3]], np.int32))
    assert starts.tolist() == [0, 2, 5, 8, 10, 10]
    assert neighbours.tolist() == [1, 2, 0, 2, 3, 0, 1, 3, 1, 2]
    assert lengths.tolist() == [3, 4, 3, 5, 4, 4, 5, 3, 4, 3]


@pytest.mark.parametrize(("radius", "expected"), [(7.0, [0, 1, 2, 3]), (6.999, [0, 1, 2])])
def test_what_lies_at_the_radius_is_within(radius: float, expected: list[int]) -> None:
    corners = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0], [3, 4, 0], [9, 9, 9]], float)
    edges = mesh_edges(corners, np.array([[0, 1, 2], [2, 1, 3]], np.int32))
    rows = np.arange(5, dtype=np.int32)
    members, _ = rows_along(*edges, rows, np.array([0]), radius)
    assert members.tolist() == expected


def test_many_vertices_at_one_place() -> None:
    """Edges of length 0, as in damaged meshes."""
    coordinates, faces = sheet(40)
    coordinates[5:20] = coordinates[5]
    rows = np.arange(40, dtype=np.int32)
    members, starts = rows_along(*mesh_edges(coordinates, faces), rows, np.arange(40), 1e6)
    assert starts.tolist() == list(range(0, 40 * 41, 40))
    assert members.tolist() == list(range(40)) * 40


def test_nobody_is_asked_for() -> None:
    rows = np.arange(30, dtype=np.int32)
    members, starts = rows_along(*mesh_edges(*sheet(30)), rows, np.empty(0, np.int64), 3.0)
    assert (members.tolist(), starts.tolist()) == ([], [0])


def test_more_are_reached_than_there_was_room_for() -> None:
    n = 400
    rows = np.arange(n, dtype=np.int32)
    centres = np.array([7, 0, 399])
    members, starts = rows_along(*mesh_edges(*sheet(n)), rows, centres, 1e6)
    assert starts.tolist() == [0, n, 2 * n, 3 * n]
    assert members.tolist() == list(range(n)) * 3
