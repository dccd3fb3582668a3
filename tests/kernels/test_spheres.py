"""Voxels of spheres against a naive loop and against nilearn."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nilearn.maskers.nifti_spheres_masker import apply_mask_and_get_affinity
from numpy.typing import NDArray

from boldstream.kernels import spheres
from boldstream.kernels.spheres import sphere_neighbours
from tests.oracle import load

SHAPE = (7, 9, 8)
AFFINES = {
    "plain": np.diag([2.0, 2.0, 2.0, 1.0]),
    "flipped": np.array([[-3.0, 0, 0, 12], [0, 3, 0, -9], [0, 0, 3, -4], [0, 0, 0, 1]]),
    "fine": np.diag([0.7, 0.8, 0.9, 1.0]),
    "oblique": np.array(
        [[2.9, 0.3, -0.2, -9], [-0.25, 2.7, 0.6, -14.2], [0.2, -0.55, 3.4, -11], [0, 0, 0, 1]]
    ),
}


def voxels_of(rows: NDArray[np.intp], counts: NDArray[np.intp]) -> list[set[int]]:
    """The voxels of each sphere, none of them twice."""
    parts = np.split(rows, np.cumsum(counts)[:-1])
    assert all(len(set(part.tolist())) == len(part) for part in parts)
    return [set(part.tolist()) for part in parts]


def nilearn_voxels(
    seeds: NDArray[Any], shape: Any, affine: NDArray[Any], radius: float, mask: NDArray[Any] | None
) -> list[set[int]]:
    """What nilearn takes, as flat positions, x fastest."""
    positions = np.arange(np.prod(shape)).reshape(shape, order="F")
    flat = positions.ravel() if mask is None else positions[mask]
    image = nib.Nifti1Image(np.ones((*shape, 1), "f4"), affine)
    mask_img = None if mask is None else nib.Nifti1Image(mask.astype("u1"), affine)
    found: list[set[int]] = []  # one by one, as nilearn refuses all if one is empty
    for seed in seeds:
        try:
            _, near = apply_mask_and_get_affinity([seed], image, radius, True, mask_img)
            found.append({int(flat[i]) for i in near.rows[0]})
        except ValueError:  # the sphere is empty
            found.append(set())
    return found


@given(
    centres=hnp.arrays("f8", (3, 3), elements=st.floats(-10, 40)),
    radius=st.floats(0, 15),
    shear=st.floats(-0.5, 0.5),
    masked=st.booleans(),
)
def test_equal_to_brute_force(
    centres: NDArray[Any], radius: float, shear: float, masked: bool
) -> None:
    affine = np.array([[-3.0, shear, 0, 20], [0, 2.5, shear, 3], [0, 0, 4.0, 0], [0, 0, 0, 1]])
    inside = np.random.default_rng(1).random(SHAPE) < 0.6 if masked else np.ones(SHAPE, bool)
    every = np.argwhere(np.ones(SHAPE))
    flat = np.arange(len(every)).reshape(SHAPE, order="F").ravel()
    rows, counts = sphere_neighbours(SHAPE, affine, centres, radius, inside=inside)
    for centre, found in zip(centres, voxels_of(rows, counts), strict=True):
        apart = np.linalg.norm(every @ affine[:3, :3].T + affine[:3, 3] - centre, axis=1)
        nearest = np.round(np.linalg.solve(affine, [*centre, 1])[:3])
        expected = ((apart <= radius) | (every == nearest).all(axis=1)) & inside.ravel()
        clear = np.abs(apart - radius) > 1e-9  # rounding decides the others either way
        assert set(flat[expected & clear]) == found & set(flat[clear])


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("radius", [0.0, 0.4, 2.0, 6.0, 9.5])
@pytest.mark.parametrize("masked", [False, True])
def test_equal_to_nilearn(rng: np.random.Generator, name: str, radius: float, masked: bool) -> None:
    affine = AFFINES[name]
    mask = rng.random(SHAPE) < 0.5 if masked else None
    voxels = rng.uniform(-2, np.add(SHAPE, 1), (20, 3))
    voxels[5:10] = np.round(voxels[5:10])  # on voxel centres: surfaces are hit exactly
    voxels[10:13] = np.floor(voxels[10:13]) + 0.5  # as far from one voxel as from another
    seeds = voxels @ affine[:3, :3].T + affine[:3, 3]
    seeds[15:] = np.round(seeds[15:])
    rows, counts = sphere_neighbours(
        SHAPE, affine, seeds, radius, inside=mask, nilearn_seed_voxel=True
    )
    expected = nilearn_voxels(seeds, SHAPE, affine, radius, mask)
    assert any(expected)
    assert voxels_of(rows, counts) == expected


@pytest.mark.parametrize("name", ["flipped", "oblique"])
def test_half_way_between_voxels_rounding_goes_the_way_of_nilearn(
    rng: np.random.Generator, name: str
) -> None:
    affine = AFFINES[name]
    voxels = rng.integers(0, np.subtract(SHAPE, 1), (150, 3)) + 0.5
    seeds = voxels @ affine[:3, :3].T + affine[:3, 3]
    rows, counts = sphere_neighbours(SHAPE, affine, seeds, 0.1, nilearn_seed_voxel=True)
    assert voxels_of(rows, counts) == nilearn_voxels(seeds, SHAPE, affine, 0.1, None)


@pytest.mark.parametrize("masked", [False, True])
def test_equal_to_nilearn_on_a_real_grid(
    shared_data: Path, rng: np.random.Generator, masked: bool
) -> None:
    brain = load(shared_data / "rapidtide" / "sub-RAPIDTIDETEST_brainmask.nii.gz")
    mask, affine = np.asarray(brain.dataobj) != 0, brain.affine
    voxels = np.argwhere(mask)[rng.integers(0, mask.sum(), 6)] + rng.uniform(-0.5, 0.5, (6, 3))
    seeds = np.round(voxels @ affine[:3, :3].T + affine[:3, 3], 1)
    inside = mask if masked else None
    rows, counts = sphere_neighbours(
        mask.shape, affine, seeds, 8.0, inside=inside, nilearn_seed_voxel=True
    )
    assert voxels_of(rows, counts) == nilearn_voxels(seeds, mask.shape, affine, 8.0, inside)


@given(radius=st.floats(0, 12), candidates=st.integers(1, 500))
def test_the_size_of_the_pieces_does_not_matter(radius: float, candidates: int) -> None:
    affine = AFFINES["oblique"]
    centres = np.random.default_rng(3).uniform(-15, 12, (9, 3))
    centres[4] = 1e30, 0, -1e300
    whole = sphere_neighbours(SHAPE, affine, centres, radius, nilearn_seed_voxel=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spheres, "_CANDIDATES", candidates)
        pieces = sphere_neighbours(SHAPE, affine, centres, radius, nilearn_seed_voxel=True)
    np.testing.assert_array_equal(whole[0], pieces[0])
    np.testing.assert_array_equal(whole[1], pieces[1])
    assert whole[1][4] == 0


def test_voxels_ascend_and_the_nearest_comes_last() -> None:
    affine = np.diag([3.0, 3, 3, 1])
    rows, counts = sphere_neighbours((5, 5, 5), affine, np.array([[6.0, 6, 6], [7.4, 7, 7]]), 3.0)
    middle = 2 + 5 * (2 + 5 * 2)
    assert rows[:7].tolist() == [middle + step for step in (-25, -5, -1, 0, 1, 5, 25)]
    rows, counts = sphere_neighbours((5, 5, 5), affine, np.array([[7.4, 7.4, 7.4]]), 0.1)
    assert (rows.tolist(), counts.tolist()) == ([middle], [1])


def test_the_first_voxel_is_taken_by_a_point_beside_its_centre() -> None:
    rows, counts = sphere_neighbours((3, 3, 3), np.eye(4), np.array([[0.3, 0.2, 0.1]]), 0.01)
    assert (rows.tolist(), counts.tolist()) == ([0], [1])


def test_a_large_radius_is_looked_through_in_pieces() -> None:
    shape, centre = (90, 90, 90), np.array([[45.0, 45.0, 45.0]])
    tracemalloc.start()
    try:
        rows, _ = sphere_neighbours(shape, np.eye(4), centre, 40.0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    every = np.stack(np.meshgrid(*[np.arange(90) - 45] * 3, indexing="ij"))
    assert len(rows) == ((every**2).sum(axis=0) <= 1600).sum()
    # The result, what it is joined from, and the candidates of the ball: 8 bytes each, in three
    # coordinates. All at once they took four times as much.
    assert most < 40 * len(rows) + (8 << 20)


def test_a_grid_of_one_voxel() -> None:
    centres = np.array([[0.2, 0.0, 0.0], [9.0, 0.0, 0.0], [-9.0, 4.0, 1.0]])
    for inside, expected in ((None, [1, 0, 0]), (np.zeros((1, 1, 1), bool), [0, 0, 0])):
        _, counts = sphere_neighbours((1, 1, 1), np.eye(4), centres, 1.0, inside=inside)
        assert counts.tolist() == expected


@pytest.mark.parametrize("radius", [40.0, 1e4, 1e30])
def test_spheres_larger_than_the_grid_cost_no_more_than_the_grid(radius: float) -> None:
    centres = np.array([[3.0, 4.0, 3.0], [60.0, 0.0, 0.0]])
    tracemalloc.start()
    try:
        rows, counts = sphere_neighbours(SHAPE, np.eye(4), centres, radius)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    voxels = np.stack(np.unravel_index(np.arange(np.prod(SHAPE)), SHAPE, order="F"), axis=1)
    wanted = [np.flatnonzero(np.linalg.norm(voxels - c, axis=1) <= radius) for c in centres]
    assert counts.tolist() == [len(one) for one in wanted]
    np.testing.assert_array_equal(rows, np.concatenate(wanted))
