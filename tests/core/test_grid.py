"""A grid beside nibabel's arithmetic and a loop over all voxels."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from boldstream.core.errors import GridMismatchError
from boldstream.core.grid import Grid

OBLIQUE = nib.affines.from_matvec(
    nib.eulerangles.euler2mat(0.3, -0.2, 0.5) @ np.diag([2.0, 3.0, 4.0]), [-40.0, 12.0, 7.0]
)


def farthest(a: Grid, b: Grid) -> float:
    """Greatest distance in mm between equal voxels of two grids, voxel by voxel."""
    indices = np.array(list(itertools.product(*(range(n) for n in a.shape))), float)
    apart = nib.affines.apply_affine(a.affine, indices) - nib.affines.apply_affine(
        b.affine, indices
    )
    return float(np.linalg.norm(apart, axis=1).max())


def moved(affine: NDArray[np.float64], row: int, column: int, by: float) -> NDArray[np.float64]:
    changed = affine.copy()
    changed[row, column] += by
    return changed


def test_sizes_are_those_of_nibabel() -> None:
    grid = Grid((2, 3, 4), OBLIQUE)
    assert grid.n_voxels == 24
    np.testing.assert_allclose(grid.voxel_sizes, nib.affines.voxel_sizes(OBLIQUE), rtol=1e-12)


@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("sign", [-1, 1])
def test_grids_are_one_up_to_a_hundredth_of_the_smallest_edge(
    row: int, column: int, sign: int
) -> None:
    grid = Grid((5, 2, 9), OBLIQUE)
    share = farthest(grid, Grid(grid.shape, moved(OBLIQUE, row, column, 1.0)))
    for factor in (0.99, 1.01):
        by = sign * factor * 0.01 * 2.0 / share
        other = Grid(grid.shape, moved(OBLIQUE, row, column, by))
        assert grid.same_as(other) is (factor < 1)
        assert other.same_as(grid) is (factor < 1)


def test_a_distance_of_just_the_tolerance_is_the_same_grid() -> None:
    # The smallest edge is 100 mm, and all numbers are exact.
    grid = Grid((1, 1, 1), np.diag([100.0, 200.0, 400.0, 1.0]))
    assert grid.same_as(Grid((1, 1, 1), moved(grid.affine, 2, 3, 1.0)))


def test_what_moves_at_one_corner_only_is_noticed() -> None:
    # The two maps agree at the first voxel, and differ along one axis alone.
    for axis in range(3):
        shape = [1, 1, 1]
        shape[axis] = 101
        grid = Grid((shape[0], shape[1], shape[2]), np.eye(4))
        assert grid.same_as(Grid(grid.shape, moved(np.eye(4), 0, axis, 0.99e-4)))
        assert not grid.same_as(Grid(grid.shape, moved(np.eye(4), 0, axis, 1.01e-4)))


@pytest.mark.parametrize("axis", range(3))
def test_what_moves_at_the_first_voxel_alone_is_noticed(axis: int) -> None:
    shape = [1, 1, 1]
    shape[axis] = 3
    grid = Grid((shape[0], shape[1], shape[2]), np.eye(4))
    # The other one is longer by as much as it begins earlier: the last voxels fall together.
    for by, same in ((0.0099, True), (0.0101, False)):
        affine = moved(moved(np.eye(4), 0, 3, -by), 0, axis, by / 2)
        assert grid.same_as(Grid(grid.shape, affine)) is same


def test_another_shape_is_another_grid() -> None:
    a, b = Grid((2, 3, 4), OBLIQUE), Grid((4, 3, 2), OBLIQUE)
    assert not a.same_as(b)
    assert not a.is_near(b)
    assert a.is_near(Grid((2, 3, 4), OBLIQUE + 1e-9))
    # numpy's tolerance is absolute for small numbers: 1e-6 in a 0 is far.
    assert not a.is_near(Grid((2, 3, 4), OBLIQUE + np.eye(4)[::-1] * 0.1))


def test_near_is_what_numpy_calls_close_to_this_grid() -> None:
    large, small = np.diag([1.0, 1.0, 1.0, 1.0]), np.diag([1.0, 1.0, 1.0, 1.0])
    large[0, 3], small[0, 3] = 1000.0, 1000.0 * (1 - 1.000005e-5)
    small[0, 3] -= 1e-8
    a, b = Grid((1, 1, 1), large), Grid((1, 1, 1), small)
    assert a.is_near(b) == np.allclose(b.affine, a.affine)
    assert b.is_near(a) == np.allclose(a.affine, b.affine)


def test_a_mismatch_names_both_sides_and_gives_the_hint() -> None:
    a, b = Grid((2, 3, 4), np.eye(4)), Grid((2, 3, 5), np.diag([2.5, 1.0, 1.0, 1.0]))
    a.require_same(Grid((2, 3, 4), np.eye(4)), name="one", other_name="other")
    with pytest.raises(GridMismatchError) as caught:
        a.require_same(b, name="one", other_name="other")
    assert str(caught.value) == (
        "one and other must lie on the same grid, got\n"
        "  one: shape (2, 3, 4), affine [1 0 0 0; 0 1 0 0; 0 0 1 0]\n"
        "  other: shape (2, 3, 5), affine [2.5 0 0 0; 0 1 0 0; 0 0 1 0]"
    )
    with pytest.raises(GridMismatchError, match=r"0 0 1 0\]\nResample it\.$"):
        a.require_same(b, name="one", other_name="other", hint="Resample it.")


def test_rows_find_the_voxels_of_a_mask_in_a_flat_volume(rng: np.random.Generator) -> None:
    grid = Grid((4, 5, 6), OBLIQUE)
    mask = rng.random(grid.shape) < 0.4
    volume = rng.standard_normal(grid.shape)
    flat = volume.ravel(order="F")
    rows = grid.rows_of(mask)
    np.testing.assert_array_equal(flat[rows], volume[mask])
    assert rows.base is None  # nothing larger is kept alive by it
    restored = grid.volume_of(flat)
    np.testing.assert_array_equal(restored, volume)
    assert np.shares_memory(restored, flat)
