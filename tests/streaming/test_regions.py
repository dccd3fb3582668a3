"""Labels, spheres and maps against nilearn and scipy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import NiftiLabelsMasker, NiftiMapsMasker, NiftiSpheresMasker
from numpy.typing import NDArray
from scipy import linalg, ndimage

import boldstream as bs
from boldstream.streaming.reductions import Regions, WeightMaps
from boldstream.streaming.reductions import regions as regions_module
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
def test_float64_keeps_all_digits(
    atlas: nib.Nifti1Image, rng: np.random.Generator, strategy: Any
) -> None:
    bold = maps_of(rng.normal(500, 20, (*SHAPE, 5)))
    (ours,) = bs.stream(bold, bs.Labels(atlas, strategy, dtype="float64"))
    theirs = NiftiLabelsMasker(atlas, strategy=strategy, standardize=None).fit_transform(bold)
    assert ours.values.dtype == np.float64
    np.testing.assert_allclose(ours.values, theirs, rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: bs.Labels(np.ones(SHAPE, int), dtype="int16"),  # type: ignore[arg-type]
        lambda: bs.Spheres([[0, 0, 0]], 4.0, dtype="int16"),  # type: ignore[arg-type]
        lambda: bs.Maps(maps_of(np.ones((*SHAPE, 1))), dtype="int16"),  # type: ignore[arg-type]
    ],
)
def test_results_are_floats(bold: nib.Nifti1Image, make: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`dtype` must be one of 'float32', 'float64'"):
        bs.stream(bold, make())


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("gathered", [1, 40, 1 << 16])
def test_regions_may_overlap_and_be_empty(
    bold: nib.Nifti1Image,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    strategy: Any,
    gathered: int,
) -> None:
    monkeypatch.setattr(regions_module, "_GATHERED", gathered)
    counts = np.array([0, 30, 1, 0, 25, 60, 0])
    rows = rng.integers(0, np.prod(SHAPE), counts.sum())
    regions = Regions(
        rows, counts, ids=range(7), names=list("abcdefg"), strategy=strategy, dtype="float64"
    )
    (ours,) = bs.stream(bold, regions)
    flat = bold.get_fdata().reshape(-1, 23, order="F")
    labels = np.repeat(range(4), counts[counts > 0])  # scipy warns of those without a voxel
    expected = np.full((23, 7), np.nan)
    for t in range(23):
        found = getattr(ndimage, strategy)(flat[rows, t], labels, range(4))
        expected[t, counts > 0] = found
    np.testing.assert_allclose(ours.values, expected, rtol=1e-9, atol=1e-9)
    assert (ours.labels, ours.names) == (tuple(range(7)), tuple("abcdefg"))
    assert ours.n_voxels == tuple(counts)


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


@pytest.mark.parametrize(
    ("option", "message"),
    [({"strategy": "maen"}, "did you mean 'mean'"), ({"dtype": "int16"}, "`dtype` must be one of")],
)
def test_regions_check_their_options(
    bold: nib.Nifti1Image, option: dict[str, Any], message: str
) -> None:
    regions = Regions(np.arange(3), np.array([3]), ids=[1], names=["a"], **option)
    with pytest.raises(bs.ParameterError, match=message):
        bs.stream(bold, regions)


@pytest.mark.parametrize("radius", [0.5, 3.0, 5.6, 9.0])
def test_spheres_equal_nilearn(
    bold: nib.Nifti1Image, rng: np.random.Generator, radius: float
) -> None:
    inside = rng.uniform(0, np.subtract(SHAPE, 1), (12, 3))
    seeds = inside @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    (ours,) = bs.stream(bold, bs.Spheres(seeds, radius))
    masker = NiftiSpheresMasker(seeds, radius=radius, allow_overlap=True, standardize=None)
    np.testing.assert_allclose(ours.values, masker.fit_transform(bold), rtol=1e-6)


def test_spheres_are_called_as_asked(bold: nib.Nifti1Image) -> None:
    seeds = [[6.0, 6.0, 6.0], [0.0, 0.0, 0.0]]
    named, numbered = bs.stream(
        bold, bs.Spheres(seeds, 5.0, names=["PCC", "V1"]), bs.Spheres(seeds, 5.0)
    )
    assert (named.names, numbered.names) == (("PCC", "V1"), ("sphere_1", "sphere_2"))
    np.testing.assert_array_equal(named.values, numbered.values)
    (positional,) = bs.stream(bold, bs.Spheres(seeds, 5.0, "float64"))
    assert positional.values.dtype == np.float64
    with pytest.raises(bs.ParameterError, match="`names` must be 2 strings"):
        bs.stream(bold, bs.Spheres(seeds, 5.0, names=["PCC"]))


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


def flat_of(volumes: NDArray[Any]) -> NDArray[Any]:
    """Voxels (x fastest) by volumes or maps."""
    return volumes.reshape(-1, volumes.shape[3], order="F")


def least_squares(weights: NDArray[Any], bold: nib.Nifti1Image) -> NDArray[Any]:
    """What nilearn computes, in float64."""
    return np.asarray(linalg.lstsq(weights, flat_of(bold.get_fdata()))[0].T)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("scales", [(1, 1, 1, 1), (1e-9, 1, 30, 1e7)])
def test_weights_are_used_where_they_are(
    bold: nib.Nifti1Image, rng: np.random.Generator, dtype: str, scales: Any
) -> None:
    maps = np.asfortranarray((rng.random((*SHAPE, 4)) * scales).astype(dtype))
    maps[rng.random(SHAPE) < 0.4] = 0
    flat = flat_of(maps)
    assert np.shares_memory(flat, maps)
    rows = np.flatnonzero(flat.any(axis=1))
    # lstsq itself drops the map of 1e-9, and loses digits of the others.
    expected = least_squares(flat / np.array(scales), bold) / scales
    for weights, taken in ((flat, None), (flat, rows), (flat[rows], rows)):
        reduction = WeightMaps(weights, taken, names=list("abcd"), dtype="float64")
        (ours,) = bs.stream(bold, reduction)
        np.testing.assert_allclose(ours.values, expected, rtol=1e-10)
        assert ours.n_voxels == tuple(np.count_nonzero(flat, axis=0))
    (public,) = bs.stream(bold, bs.Maps(maps_of(maps), dtype="float64"))
    np.testing.assert_allclose(public.values, expected, rtol=1e-10)


def test_only_the_rows_are_fitted(bold: nib.Nifti1Image, rng: np.random.Generator) -> None:
    flat = flat_of(np.asfortranarray(rng.random((*SHAPE, 3))))
    rows = np.flatnonzero(rng.random(len(flat)) < 0.5)
    masked = np.zeros_like(flat)
    masked[rows] = flat[rows]
    (ours,) = bs.stream(bold, WeightMaps(flat, rows, names=list("abc"), dtype="float64"))
    np.testing.assert_allclose(ours.values, least_squares(masked, bold), rtol=1e-10)


def test_a_missing_map_is_zero_in_the_shortest_solution(
    bold: nib.Nifti1Image, rng: np.random.Generator
) -> None:
    flat = flat_of(rng.random((*SHAPE, 3)))
    flat[:, 1] = 0
    reduction = WeightMaps(flat, names=list("abc"), dtype="float64", missing=0.0)
    (ours,) = bs.stream(bold, reduction)
    np.testing.assert_allclose(ours.values, least_squares(flat, bold), rtol=1e-10, atol=1e-9)
    nothing = WeightMaps(np.zeros_like(flat), names=list("abc"), missing=0.0)
    assert not bs.stream(bold, nothing)[0].values.any()


def test_weights_must_fit_the_voxels(bold: nib.Nifti1Image) -> None:
    with pytest.raises(bs.ParameterError, match="`weights` must have a row for each of 2 voxels"):
        bs.stream(bold, WeightMaps(np.ones((3, 1)), np.array([0, 1]), names=["a"]))
