"""Spheres and nearest voxels against nilearn and a naive loop."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nilearn.image import coord_transform
from nilearn.maskers.nifti_spheres_masker import apply_mask_and_get_affinity
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core.grid import Grid
from boldstream.decoding.neighbourhoods import Nearest, Neighbourhoods, Spheres
from boldstream.io.masks import Mask
from tests.oracle import load

SHAPE = (9, 8, 7)
AFFINES = {
    "plain": np.diag([2.0, 2.0, 2.0, 1.0]),
    "flipped": np.array([[-3.0, 0, 0, 12], [0, 3, 0, -9], [0, 0, 3, -4], [0, 0, 0, 1]]),
    "anisotropic": np.array(
        [[3.5, 0, 0, -70.3], [0, 3.5, 0, -99.1], [0, 0, 3.99, -41], [0, 0, 0, 1]]
    ),
    "permuted": np.array([[0, 0, 2.5, -9], [-2.5, 0, 0, 14.2], [0, 2.5, 0, -11], [0, 0, 0, 1]]),
    "oblique": np.array(
        [[2.9, 0.3, -0.2, -9], [-0.25, 2.7, 0.6, -14.2], [0.2, -0.55, 3.4, -11], [0, 0, 0, 1]]
    ),
}


def mask_of(inside: NDArray[np.bool_], affine: NDArray[Any]) -> Mask:
    return Mask("mask", Grid(inside.shape, affine), inside)


def listed(spheres: Neighbourhoods) -> list[list[int]]:
    """The members of all centres, in one go."""
    members, starts = spheres.members(0, spheres.n_centres)
    assert members.dtype == np.int32
    assert starts.dtype == np.int64
    return [members[a:b].tolist() for a, b in pairwise(starts)]


def nilearn_spheres(mask: Mask, centres: Mask, radius: float) -> list[list[int]]:
    """As nilearn's SearchLight asks for them."""
    x, y, z = np.where(centres.array)
    seeds = np.asarray(coord_transform(x, y, z, centres.grid.affine)).T
    mask_img = nib.Nifti1Image(mask.array.astype("u1"), mask.grid.affine)
    image = nib.Nifti1Image(np.ones((*mask.grid.shape, 1), "f4"), mask.grid.affine)
    _, near = apply_mask_and_get_affinity(seeds, image, radius, True, mask_img)
    return [sorted(row) for row in near.rows]


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("radius", [4.0, 5.0, 6.0, 7.0, 7.5, 9.0, 10.0, 10.5, 11.97])
def test_equal_to_nilearn(rng: np.random.Generator, name: str, radius: float) -> None:
    mask = mask_of(rng.random(SHAPE) < 0.8, AFFINES[name])
    centres = mask_of(rng.random(SHAPE) < 0.5, AFFINES[name])
    assert listed(Spheres(mask, radius, centres)) == nilearn_spheres(mask, centres, radius)


@pytest.mark.parametrize(
    "path",
    [
        "haxby_pymvpa/mask.nii.gz",
        "rapidtide/sub-RAPIDTIDETEST_brainmask.nii.gz",
        "small4d/fsl_av_mask.nii.gz",
    ],
)
@pytest.mark.parametrize("voxels_wide", [2, 3])
def test_equal_to_nilearn_in_real_brains(
    shared_data: Path, rng: np.random.Generator, path: str, voxels_wide: int
) -> None:
    image = load(shared_data / path)
    mask = mask_of(np.asarray(image.dataobj).reshape(image.shape[:3]) != 0, image.affine)
    some = np.zeros(mask.array.size, bool)
    some[rng.permutation(np.flatnonzero(mask.array))[:150]] = True
    centres = mask_of(some.reshape(mask.array.shape), image.affine)
    # Many voxels lie at exactly this radius.
    radius = voxels_wide * float(np.linalg.norm(image.affine[:3, 0]))
    assert listed(Spheres(mask, radius, centres)) == nilearn_spheres(mask, centres, radius)


def test_centres_on_another_grid(rng: np.random.Generator) -> None:
    mask = mask_of(rng.random(SHAPE) < 0.8, AFFINES["oblique"])
    other = np.array([[-5.0, 0, 0, 8], [0, 4, 0.5, -10], [0, 0, 6, -8], [0, 0, 0, 1]])
    centres = mask_of(np.ones((3, 4, 3), bool), other)
    radius = 9.0
    assert listed(Spheres(mask, radius, centres)) == nilearn_spheres(mask, centres, radius)


def test_a_grid_that_is_the_same_but_for_rounding(rng: np.random.Generator) -> None:
    mask = mask_of(rng.random(SHAPE) < 0.8, AFFINES["oblique"])
    again = mask_of(mask.array, AFFINES["oblique"].astype(np.float32).astype(np.float64) + 1e-7)
    assert listed(Spheres(mask, 6.0, again)) == listed(Spheres(mask, 6.0))


def test_a_radius_smaller_than_a_voxel(rng: np.random.Generator) -> None:
    mask = mask_of(rng.random(SHAPE) < 0.5, AFFINES["anisotropic"])
    assert listed(Spheres(mask, 0.1)) == [[i] for i in range(mask.array.sum())]
    everywhere = mask_of(np.ones(SHAPE, bool), AFFINES["anisotropic"])
    found = listed(Spheres(mask, 0.1, everywhere))
    assert [part != [] for part in found] == mask.array.ravel().tolist()


@pytest.mark.parametrize("radius", [0, -3, np.nan, np.inf, "8", True])
def test_a_radius_that_is_none(radius: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`radius` must be a positive number of mm"):
        Spheres(mask_of(np.ones(SHAPE, bool), np.eye(4)), radius)


def ball(k: int | None, rng: np.random.Generator) -> Neighbourhoods:
    mask = mask_of(rng.random(SHAPE) < 0.6, AFFINES["oblique"])
    centres = mask_of(rng.random(SHAPE) < 0.6, AFFINES["oblique"])
    return Spheres(mask, 6.0, centres) if k is None else Nearest(mask, k, centres)


@pytest.mark.parametrize("k", [None, 1, 20])
def test_any_part_of_the_centres_is_the_same(k: int | None, rng: np.random.Generator) -> None:
    spheres = ball(k, rng)
    whole, n = listed(spheres), spheres.n_centres
    for start, stop in [(0, 1), (0, 7), (n // 2, n // 2 + 30), (n - 3, n), (5, 5)]:
        members, starts = spheres.members(start, stop)
        assert [members[a:b].tolist() for a, b in pairwise(starts)] == (whole[start:stop])


@pytest.mark.parametrize("k", [None, 20])
def test_pickled(k: int | None, rng: np.random.Generator) -> None:
    spheres = ball(k, rng)
    whole = listed(spheres)
    again = pickle.dumps(spheres)
    assert len(again) < 5000
    assert listed(pickle.loads(again)) == whole


def test_voxels_that_are_not_usable_belong_to_no_sphere(rng: np.random.Generator) -> None:
    spheres = ball(None, rng)
    usable = rng.random(spheres.n_voxels) < 0.7
    expected = [[row for row in part if usable[row]] for part in listed(spheres)]
    assert listed(spheres.among(usable)) == expected
    with pytest.raises(bs.ParameterError, match=r"`usable` must be \d+ booleans"):
        spheres.among(usable[1:])


def test_another_grid_without_what_is_not_usable(rng: np.random.Generator) -> None:
    mask = mask_of(rng.random(SHAPE) < 0.8, AFFINES["plain"])
    spheres = Spheres(mask, 9.0, mask_of(np.ones((3, 3, 3), bool), np.diag([5.0, 5, 5, 1])))
    usable = rng.random(spheres.n_voxels) < 0.7
    expected = [[row for row in part if usable[row]] for part in listed(spheres)]
    assert listed(spheres.among(usable)) == expected


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("k", [1, 7, 30, 200])
def test_the_nearest(rng: np.random.Generator, name: str, k: int) -> None:
    """By all distances, those that rounding alone tells apart taken as equal."""
    mask = mask_of(rng.random(SHAPE) < 0.7, AFFINES[name])
    centres = mask_of(rng.random(SHAPE) < 0.4, AFFINES[name])
    usable = rng.random(mask.array.sum()) < 0.8
    voxels = np.argwhere(mask.array) @ mask.grid.affine[:3, :3].T + mask.grid.affine[:3, 3]
    expected = []
    for centre in np.argwhere(centres.array) @ mask.grid.affine[:3, :3].T + mask.grid.affine[:3, 3]:
        apart = np.where(usable, np.linalg.norm(voxels - centre, axis=1).round(6), np.inf)
        expected.append(sorted(np.argsort(apart, kind="stable")[:k].tolist()))
    assert listed(Nearest(mask, k, centres).among(usable)) == expected


def test_more_equally_far_than_are_looked_at_first() -> None:
    """A hollow ball: all of its voxels lie equally far from the middle."""
    offsets = np.argwhere(np.ones((33, 33, 33))) - 16
    shell = (offsets**2).sum(axis=1) == 194  # 13² + 5² + 0², 12² + 7² + 1², 12² + 5² + 5², ...
    assert shell.sum() > 100
    mask = mask_of(shell.reshape(33, 33, 33), np.eye(4) * [2, 2, 2, 1])
    middle = np.zeros((33, 33, 33), bool)
    middle[16, 16, 16] = True
    assert listed(Nearest(mask, 20, mask_of(middle, mask.grid.affine))) == [list(range(20))]


@pytest.mark.parametrize("k", [0, -1, 2.5, 505])
def test_a_number_that_cannot_be(k: Any) -> None:
    with pytest.raises(bs.ParameterError, match=r"`k` must be"):
        Nearest(mask_of(np.ones(SHAPE, bool), np.eye(4)), k)
    mask = mask_of(np.ones(SHAPE, bool), np.eye(4))
    with pytest.raises(bs.ParameterError, match="at most the 3 usable voxels of the mask, got 4"):
        Nearest(mask, 4).among(np.arange(504) < 3)
