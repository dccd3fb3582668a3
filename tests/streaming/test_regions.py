"""Labels, spheres and maps against nilearn and scipy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import NiftiLabelsMasker, NiftiMapsMasker, NiftiSpheresMasker
from numpy.typing import NDArray
from scipy import ndimage

import boldstream as bs
from tests.oracle import fdata

AFFINE = np.array([[-3.0, 0, 0, 12], [0, 3, 0, -9], [0, 0.2, 3.5, -4], [0, 0, 0, 1]])
SHAPE = (9, 8, 7)
STRATEGIES = ["mean", "sum", "median", "minimum", "maximum", "standard_deviation", "variance"]


@pytest.fixture
def bold(rng: np.random.Generator) -> nib.Nifti1Image:
    return nib.Nifti1Image(rng.normal(500, 20, (*SHAPE, 23)).astype("f4"), AFFINE)


@pytest.fixture
def atlas(rng: np.random.Generator) -> nib.Nifti1Image:
    labels = rng.choice([0, 3, 7, 200, 9170], SHAPE).astype("i4")
    return nib.Nifti1Image(labels, AFFINE)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_labels_equal_nilearn(bold: nib.Nifti1Image, atlas: nib.Nifti1Image, strategy: Any) -> None:
    (ours,) = bs.stream(bold, bs.Labels(atlas, strategy))
    theirs = NiftiLabelsMasker(atlas, strategy=strategy, standardize=None).fit_transform(bold)
    np.testing.assert_allclose(ours.values, theirs, rtol=1e-5)
    assert ours.labels == (3, 7, 200, 9170)
    counts = [int((np.asarray(atlas.dataobj) == label).sum()) for label in ours.labels]
    assert list(ours.n_voxels) == counts


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_labels_of_a_negatively_scaled_file(
    tmp_path: Path, atlas: nib.Nifti1Image, rng: np.random.Generator, strategy: Any
) -> None:
    stored = nib.Nifti1Image(rng.integers(0, 4000, (*SHAPE, 5)).astype("u2"), AFFINE)
    stored.header.set_slope_inter(-0.25, 31.0)
    nib.save(stored, tmp_path / "bold.nii")
    values = fdata(tmp_path / "bold.nii")
    (ours,) = bs.stream(tmp_path / "bold.nii", bs.Labels(atlas, strategy))
    expected = [
        getattr(ndimage, strategy)(
            values[..., t], labels=np.asarray(atlas.dataobj), index=ours.labels
        )
        for t in range(5)
    ]
    np.testing.assert_allclose(ours.values, expected, rtol=1e-6)


def test_a_label_that_vanishes_keeps_its_column(bold: nib.Nifti1Image) -> None:
    shifted = AFFINE.copy()
    shifted[:3, 3] += AFFINE[:3, 0] * 3  # three voxels along x: the last three leave the image
    labels = np.zeros(SHAPE, "i2")
    labels[2, 4, 4], labels[7, 1, 1] = 2, 5
    atlas = nib.Nifti1Image(labels, shifted)
    with pytest.raises(bs.GridMismatchError):
        bs.stream(bold, bs.Labels(atlas))
    (ours,) = bs.stream(bold, bs.Labels(atlas, resample="mask"))
    assert (ours.labels, ours.n_voxels) == ((2, 5), (1, 0))
    np.testing.assert_array_equal(ours.values[:, 0], bold.get_fdata()[5, 4, 4])
    assert np.isnan(ours.values[:, 1]).all()


def test_nan_propagates_into_its_region_only(atlas: nib.Nifti1Image) -> None:
    data = np.ones((*SHAPE, 4))
    voxel = tuple(np.argwhere(np.asarray(atlas.dataobj) == 7)[0])
    data[(*voxel, 2)] = np.nan
    (ours,) = bs.stream(nib.Nifti1Image(data, AFFINE), bs.Labels(atlas))
    expected = np.ones((4, 4))
    expected[2, 1] = np.nan
    np.testing.assert_array_equal(ours.values, expected)


def test_unknown_strategy_is_refused(bold: nib.Nifti1Image, atlas: nib.Nifti1Image) -> None:
    with pytest.raises(bs.ParameterError, match="did you mean 'mean'"):
        bs.stream(bold, bs.Labels(atlas, "maen"))  # type: ignore[arg-type]


@pytest.mark.parametrize("radius", [0.5, 3.0, 5.6, 9.0])
def test_spheres_equal_nilearn(
    bold: nib.Nifti1Image, rng: np.random.Generator, radius: float
) -> None:
    inside = rng.uniform(0, np.subtract(SHAPE, 1), (12, 3))
    seeds = inside @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    (ours,) = bs.stream(bold, bs.Spheres(seeds, radius))
    masker = NiftiSpheresMasker(seeds, radius=radius, allow_overlap=True, standardize=None)
    np.testing.assert_allclose(ours.values, masker.fit_transform(bold), rtol=1e-6)


def test_sphere_surface_is_inside() -> None:
    grid = nib.Nifti1Image(np.zeros((7, 7, 7, 1)), np.diag([3.0, 3, 3, 1]))
    (ours,) = bs.stream(grid, bs.Spheres([[9, 9, 9]], 3.0))
    assert ours.n_voxels == (7,)


def test_a_seed_outside_keeps_its_column(bold: nib.Nifti1Image) -> None:
    (ours,) = bs.stream(bold, bs.Spheres([[500.0, 0.0, 0.0], [0.0, 0.0, 0.0]], 4.0))
    assert ours.n_voxels[0] == 0
    assert np.isnan(ours.values[:, 0]).all()
    assert np.isfinite(ours.values[:, 1]).all()


def test_a_seed_at_the_end_of_the_world_is_outside(bold: nib.Nifti1Image) -> None:
    (ours,) = bs.stream(bold, bs.Spheres([[1e30, 0.0, -1e300]], 4.0))
    assert ours.n_voxels == (0,)


@pytest.mark.parametrize("radius", [-3, 0, np.nan, "5"])
def test_radius_must_be_positive(bold: nib.Nifti1Image, radius: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`radius` must be a positive number of mm"):
        bs.stream(bold, bs.Spheres([[0, 0, 0]], radius))


def maps_of(weights: NDArray[Any]) -> nib.Nifti1Image:
    return nib.Nifti1Image(weights, AFFINE)


def test_maps_equal_nilearn(bold: nib.Nifti1Image, rng: np.random.Generator) -> None:
    weights = rng.normal(size=(*SHAPE, 6)).astype("f4")
    weights[weights < 0.4] = 0
    (ours,) = bs.stream(bold, bs.Maps(maps_of(weights)))
    theirs = NiftiMapsMasker(maps_of(weights), standardize=None).fit_transform(bold)
    np.testing.assert_allclose(ours.values, theirs, rtol=1e-5)


def test_dependent_maps_get_the_shortest_solution(
    bold: nib.Nifti1Image, rng: np.random.Generator
) -> None:
    weights = rng.normal(size=(*SHAPE, 4))
    weights[..., 3] = weights[..., 0] - 2 * weights[..., 1]
    (ours,) = bs.stream(bold, bs.Maps(maps_of(weights)))
    matrix = weights.reshape(-1, 4)
    series = bold.get_fdata().reshape(-1, 23)
    expected = np.linalg.lstsq(matrix, series, rcond=None)[0].T
    np.testing.assert_allclose(ours.values, expected, rtol=1e-5)


def test_an_empty_map_keeps_its_column(bold: nib.Nifti1Image, rng: np.random.Generator) -> None:
    weights = rng.normal(size=(*SHAPE, 3))
    weights[..., 1] = 0
    (ours,) = bs.stream(bold, bs.Maps(maps_of(weights)))
    assert np.isnan(ours.values[:, 1]).all()
    (others,) = bs.stream(bold, bs.Maps(maps_of(weights[..., [0, 2]])))
    np.testing.assert_allclose(ours.values[:, [0, 2]], others.values, rtol=1e-6)
