"""Neighbours against a naive loop over pairs."""

from __future__ import annotations

import numpy as np

from boldstream.decoding.inference.adjacency import Adjacency, adjacency_of, adjacency_of_mesh


def sets_of(near: Adjacency) -> list[set[int]]:
    return [
        set(near.neighbours[near.starts[v] : near.starts[v + 1]].tolist()) for v in range(len(near))
    ]


def test_voxels_that_share_a_face(rng: np.random.Generator) -> None:
    mask = rng.random((4, 5, 6)) < 0.6
    places = np.argwhere(mask)
    near = adjacency_of(mask)
    expected = [
        set(np.flatnonzero(np.abs(places - place).sum(axis=1) == 1).tolist()) for place in places
    ]
    assert sets_of(near) == expected
    assert near.starts[-1] == len(near.neighbours) == sum(map(len, expected))


def test_vertices_that_share_an_edge(rng: np.random.Generator) -> None:
    faces = np.array([rng.choice(30, 3, replace=False) for _ in range(40)])
    inside = rng.random(30) < 0.7
    vertices = np.flatnonzero(inside).tolist()
    expected = [
        {
            vertices.index(b)
            for b in vertices
            if a != b and any({a, b} <= set(face) for face in faces.tolist())
        }
        for a in vertices
    ]
    near = adjacency_of_mesh(faces, inside)
    assert sets_of(near) == expected
    assert len(near.neighbours) == sum(map(len, expected))


def test_an_empty_mask_has_no_neighbours() -> None:
    assert len(adjacency_of(np.zeros((2, 2, 2), bool))) == 0
