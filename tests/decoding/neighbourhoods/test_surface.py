"""Neighbourhoods on a cortical surface."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

import boldstream as bs
from boldstream.decoding.neighbourhoods import Geodesic

CORNERS = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0], [3, 3, 0]], float)
FACES = np.array([[0, 1, 2], [1, 3, 2]])


def parts(found: Any) -> list[list[int]]:
    members, starts = found
    return [members[a:b].tolist() for a, b in pairwise(starts)]


def test_equal_to_scipy_on_a_real_surface(shared_data: Path, rng: np.random.Generator) -> None:
    path = shared_data / "odd" / "fsaverage5_pial_left.gii.gz"
    surface: Any = nib.load(path)
    points, faces = (one.data for one in surface.darrays)
    sides = np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    sides = np.unique(np.sort(sides, axis=1), axis=0)
    exact = points.astype(float)
    lengths = np.sqrt(((exact[sides[:, 0]] - exact[sides[:, 1]]) ** 2).sum(axis=1))
    n = len(points)
    graph = coo_array((lengths, (sides[:, 0], sides[:, 1])), shape=(n, n)).tocsr()
    inside, centres = rng.random(n) < 0.7, np.zeros(n, bool)
    centres[rng.permutation(n)[:200]] = True
    row_of = np.cumsum(inside) - 1
    apart = dijkstra(graph, directed=False, indices=np.flatnonzero(centres), limit=15.0)
    near = np.isfinite(apart) & inside
    expected = [row_of[np.flatnonzero(row)].tolist() for row in near]
    assert max(map(len, expected)) > 50
    discs = Geodesic(path, 15.0, inside, centres)
    assert (discs.n_centres, discs.n_voxels) == (200, inside.sum())
    assert parts(discs.members(0, 200)) == expected
    assert parts(discs.members(70, 90)) == expected[70:90]
    assert parts(pickle.loads(pickle.dumps(discs)).members(0, 200)) == expected
    usable = rng.random(inside.sum()) < 0.5
    assert parts(discs.among(usable).members(0, 200)) == [
        [row for row in part if usable[row]] for part in expected
    ]


def test_by_default_every_vertex_is_a_centre() -> None:
    discs = Geodesic((CORNERS, FACES), 4.0)
    assert parts(discs.members(0, 4)) == [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]


def test_paths_lead_through_what_is_outside_of_the_mask() -> None:
    discs = Geodesic((CORNERS, FACES), 6.0, np.array([True, False, False, True]))
    assert parts(discs.members(0, 2)) == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones(3, bool), "`mask` must be 4 booleans"),
        (np.ones(4), "`mask` must be 4 booleans"),
        (np.zeros(4, bool), "`mask` is empty"),
    ],
)
def test_a_mask_that_does_not_fit(mask: Any, message: str) -> None:
    with pytest.raises(bs.MaskError, match=message):
        Geodesic((CORNERS, FACES), 4.0, mask)
    with pytest.raises(bs.MaskError, match=message.replace("mask", "centres")):
        Geodesic((CORNERS, FACES), 4.0, None, mask)


def test_a_radius_that_is_none() -> None:
    with pytest.raises(bs.ParameterError, match="`radius` must be a positive number of mm, got 0"):
        Geodesic((CORNERS, FACES), 0)
    with pytest.raises(bs.ParameterError, match="`usable` must be 4 booleans"):
        Geodesic((CORNERS, FACES), 1.0).among(np.ones(3, bool))
