"""Voxels around voxels against the search that is made for each point by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from boldstream.kernels.neighbourhoods import stencil
from boldstream.kernels.neighbourhoods.stencil import at_the_radius, make_stencil, rows_around
from boldstream.kernels.spheres import sphere_neighbours

SHAPE = (6, 7, 5)


def found(
    inside: NDArray[np.bool_], affine: NDArray[Any], centres: NDArray[Any], radius: float
) -> tuple[list[int], list[int]]:
    before = np.concatenate([[0], np.cumsum(inside.ravel())]).astype(np.int32)
    made = make_stencil(inside.shape, affine, radius)
    members, starts = rows_around(before, inside.shape, affine, centres, radius, made)
    return members.tolist(), starts.tolist()


def wanted(
    inside: NDArray[np.bool_], affine: NDArray[Any], centres: NDArray[Any], radius: float
) -> tuple[list[int], list[int]]:
    voxels = np.array([*np.unravel_index(centres, inside.shape), np.ones(len(centres))])
    mm = (affine @ voxels)[:3].T
    flat, counts = sphere_neighbours(inside.shape, affine, mm, radius, inside=inside)
    row_of = np.full(inside.size, -1)
    row_of[inside.ravel()] = np.arange(inside.sum())
    rows = row_of.reshape(inside.shape).ravel(order="F")[flat]
    parts = np.split(rows, np.cumsum(counts)[:-1])
    return [int(row) for part in parts for row in sorted(part)], [0, *np.cumsum(counts).tolist()]


@given(
    radius=st.floats(0.01, 25) | st.sampled_from([2.0, 3.0, 5.0, 6.0, 7.5, 10.0]),
    sizes=st.tuples(*[st.sampled_from([-3.0, 1.5, 2.0, 2.5, 3.0, 3.99])] * 3),
    shear=st.sampled_from([0.0, 0.0, 0.3, -0.7]),
    share=st.sampled_from([0.2, 0.7, 1.0]),
)
def test_equal_to_one_search_a_point(
    radius: float, sizes: tuple[float, float, float], shear: float, share: float
) -> None:
    affine = np.diag([*sizes, 1.0])
    affine[0, 1], affine[2, 0] = shear, -shear / 2
    affine[:3, 3] = -7.3, 12.1, 0.4
    rng = np.random.default_rng(1)
    inside = rng.random(SHAPE) < share
    centres = rng.permutation(inside.size)[:40].astype(np.int64)  # in the mask and outside
    assert found(inside, affine, centres, radius) == wanted(inside, affine, centres, radius)


def test_an_offset_at_the_radius_is_looked_at_for_each_voxel() -> None:
    affine = np.diag([0.1, 0.1, 0.1, 1.0])  # 0.1 has no exact form: sums round to either side
    affine[:3, 3] = 0.3, 0.7, -0.2
    made = make_stencil(SHAPE, affine, 0.3)
    assert len(made.edge) == 30  # the six at (3, 0, 0), and 24 at (2, 2, 1)
    voxels = np.argwhere(np.ones(SHAPE))
    within = at_the_radius(affine, voxels, made.edge, 0.3)
    assert within.any()
    assert not within.all()
    centres = np.arange(np.prod(SHAPE))
    everyone = np.ones(SHAPE, bool)
    assert found(everyone, affine, centres, 0.3) == wanted(everyone, affine, centres, 0.3)


@pytest.mark.parametrize(
    ("columns", "origin", "radius"),
    [
        # (1, 0, 1) lies at the radius, and the other end of its line does not.
        (((0.3, 0, 0), (0, 0.3, 0), (0.1, 0, 0.3)), (0.3, 0.7, -0.2), 0.5),
        # Coordinates have seven digits along one axis, and rounding is that of the largest.
        (((0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.1)), (1e6, 0.7, -0.2), 0.3 + 2e-11),
    ],
    ids=["one end", "far away"],
)
def test_rounding_decides_at_the_radius_alone(columns: Any, origin: Any, radius: float) -> None:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = np.transpose(columns), origin
    made = make_stencil(SHAPE, affine, radius)
    within = at_the_radius(affine, np.argwhere(np.ones(SHAPE)), made.edge, radius)
    assert within.any()
    assert not within.all()
    everyone, centres = np.ones(SHAPE, bool), np.arange(np.prod(SHAPE))
    assert found(everyone, affine, centres, radius) == wanted(everyone, affine, centres, radius)


def test_the_size_of_the_pieces_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    affine, voxels = np.diag([2.0, 2.0, 2.0, 1.0]), np.argwhere(np.ones(SHAPE))
    edge = make_stencil(SHAPE, affine, 4.0).edge
    whole = at_the_radius(affine, voxels, edge, 4.0)
    monkeypatch.setattr(stencil, "_PAIRS", 7)
    assert np.array_equal(at_the_radius(affine, voxels, edge, 4.0), whole)


def test_nothing_is_asked_for() -> None:
    nobody = np.empty(0, np.int64)
    assert found(np.ones(SHAPE, bool), np.eye(4), nobody, 2.0) == ([], [0])


def test_a_radius_larger_than_the_grid_takes_all() -> None:
    inside = np.random.default_rng(0).random(SHAPE) < 0.5
    members, starts = found(inside, np.eye(4), np.array([0, 100]), 500.0)
    assert starts == [0, inside.sum(), 2 * inside.sum()]
    assert members == list(range(inside.sum())) * 2


def test_the_farthest_corner_lies_at_the_radius() -> None:
    """Further away than the grid is long along any axis: 6, 6 and 3 make 9."""
    everyone, centres = np.ones((7, 7, 4), bool), np.array([0, 195])
    members, starts = found(everyone, np.eye(4), centres, 9.0)
    assert (members, starts) == wanted(everyone, np.eye(4), centres, 9.0)
    assert starts == [0, 196, 392]
