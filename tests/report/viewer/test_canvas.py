"""The grid of the pictures against places that nibabel computes."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine
from scipy.spatial import cKDTree

from boldstream.core.grid import Grid
from boldstream.report.viewer.canvas import MOST_VOXELS, canvas_of
from tests.report.viewer.maps import AFFINES

SHAPE = (7, 9, 8)


@pytest.mark.parametrize("name", AFFINES)
def test_each_cube_has_the_value_of_the_nearest_voxel(name: str, rng: np.random.Generator) -> None:
    grid = Grid(SHAPE, AFFINES[name])
    values = rng.random(SHAPE)
    canvas = canvas_of(grid, [(grid, np.ones(SHAPE, bool))])
    taken = canvas.take(values, fill=-1)

    voxels = np.array(list(np.ndindex(*SHAPE)))
    cubes = np.array(list(np.ndindex(*canvas.grid.shape)))
    # Nearest in voxels, not in mm: what lies within a voxel is that voxel.
    places = apply_affine(np.linalg.inv(grid.affine), apply_affine(canvas.grid.affine, cubes))
    distance, nearest = cKDTree(voxels).query(places, k=2)
    sure = distance[:, 1] - distance[:, 0] > 1e-5
    beside = np.all((places > -0.5) & (places < np.array(SHAPE) - 0.5), axis=1)
    expected = values[tuple(voxels[nearest[:, 0]].T)]
    got = taken[tuple(cubes.T)]
    assert (sure & beside).sum() > 200
    np.testing.assert_array_equal(got[sure & beside], expected[sure & beside])
    assert (got[~beside] == -1).mean() > 0.99


@pytest.mark.parametrize("name", AFFINES)
def test_every_voxel_is_drawn_and_there_is_room_around(name: str) -> None:
    grid = Grid(SHAPE, AFFINES[name])
    canvas = canvas_of(grid, [])
    numbers = np.arange(1, grid.n_voxels + 1).reshape(SHAPE)
    taken = canvas.take(numbers, fill=0)
    assert not any(np.take(taken, end, axis).any() for axis in range(3) for end in (0, -1))
    if name != "oblique":  # a turned cube may be nearest to no voxel
        assert set(np.unique(taken)) == {0, *numbers.ravel()}


def test_voxels_along_the_axes_are_the_cubes() -> None:
    """Nothing is moved by a part of a voxel: orientation is nibabel's own."""
    affine = AFFINES["permuted"]
    values = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    grid = Grid(SHAPE, affine)
    canvas = canvas_of(grid, [])
    upright = nib.as_closest_canonical(nib.Nifti1Image(values, affine))
    inner = canvas.take(values, fill=-1)[2:-2, 2:-2, 2:-2]
    np.testing.assert_array_equal(inner, np.asanyarray(upright.dataobj))
    np.testing.assert_allclose(canvas.grid.affine[:3, :3], upright.affine[:3, :3])
    corner = apply_affine(canvas.grid.affine, [2, 2, 2])
    np.testing.assert_allclose(corner, upright.affine[:3, 3])


@pytest.mark.parametrize("shape", [(182, 218, 182), (1, 1, 5_000_000), (900, 900, 2)])
def test_what_is_fine_is_drawn_coarsely(shape: tuple[int, int, int]) -> None:
    canvas = canvas_of(Grid(shape, np.eye(4)), [])
    assert canvas.grid.n_voxels <= MOST_VOXELS
    reach = apply_affine(canvas.grid.affine, np.subtract(canvas.grid.shape, 1))
    assert np.all(reach >= np.subtract(shape, 1) - canvas.spacing)
