"""Voxels, volumes and projections against plain indexing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import NiftiMasker

import boldstream as bs
from boldstream.streaming.reductions import WeightMaps
from tests.oracle import fdata

AFFINE = np.diag([2.0, 2.0, 2.5, 1.0])
SHAPE = (6, 7, 5)


@pytest.fixture
def bold(tmp_path: Path, rng: np.random.Generator) -> Path:
    stored = nib.Nifti1Image(rng.integers(0, 30000, (*SHAPE, 31)).astype(">i2"), AFFINE)
    stored.header.set_slope_inter(0.1, 2)
    nib.save(stored, tmp_path / "bold.nii.gz")
    return tmp_path / "bold.nii.gz"


def test_voxels_equal_nilearn_and_indexing(bold: Path, rng: np.random.Generator) -> None:
    mask = rng.random(SHAPE) > 0.6
    (ours,) = bs.stream(bold, bs.Voxels(mask, dtype="float64"))
    np.testing.assert_array_equal(ours, fdata(bold)[mask].T)
    masker = NiftiMasker(nib.Nifti1Image(mask.astype("u1"), AFFINE), standardize=None)
    (single,) = bs.stream(bold, bs.Voxels(mask))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, masker.fit_transform(bold), rtol=1e-6)


def test_volumes_in_the_order_asked(bold: Path) -> None:
    (ours,) = bs.stream(bold, bs.Volumes([4, -1, 0, 4]))
    expected = fdata(bold)[..., [4, -1, 0, 4]]
    np.testing.assert_array_equal(ours, expected.astype("f4"))


def test_all_volumes_are_the_image(bold: Path) -> None:
    (ours,) = bs.stream(bold, bs.Volumes(range(31)))
    np.testing.assert_array_equal(ours, fdata(bold).astype("f4"))


@pytest.mark.parametrize("indices", [[], 3, "12", np.zeros((0,), int)])
def test_volumes_need_a_list(bold: Path, indices: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`indices` must be a list of one volume or more"):
        bs.stream(bold, bs.Volumes(indices))


def test_voxels_are_floats(bold: Path) -> None:
    wrong: Any = "int16"
    with pytest.raises(bs.ParameterError, match="`dtype` must be one of 'float32', 'float64'"):
        bs.stream(bold, bs.Voxels(np.ones(SHAPE, bool), dtype=wrong))


@pytest.mark.parametrize("index", [31, -32, 1.0, True])
def test_volumes_outside_the_series_are_refused(bold: Path, index: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`indices` must be an integer from -31 to 30"):
        bs.stream(bold, bs.Volumes([index]))


def test_project_is_a_matrix_product_over_time(bold: Path, rng: np.random.Generator) -> None:
    weights = rng.normal(size=(4, 31))
    mask = rng.random(SHAPE) > 0.5
    everywhere, inside = bs.stream(bold, bs.Project(weights), bs.Project(weights, mask))
    data = fdata(bold)
    np.testing.assert_allclose(everywhere, data @ weights.T, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(inside, weights @ data[mask].T, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("unused", [[0], [30], [3, 4, 5, 17, 30], list(range(1, 31))])
def test_volumes_without_a_weight_are_not_looked_at(
    rng: np.random.Generator, unused: list[int]
) -> None:
    data, weights = rng.normal(500, 20, (*SHAPE, 31)), rng.normal(size=(4, 31))
    weights[:, unused] = 0
    expected = data @ weights.T
    data[..., unused] = np.nan
    mask = rng.random(SHAPE) > 0.5
    everywhere, inside = bs.stream(
        nib.Nifti1Image(data, AFFINE), bs.Project(weights), bs.Project(weights, mask)
    )
    np.testing.assert_allclose(everywhere, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(inside, expected[mask].T, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weights", [np.ones((2, 30)), np.ones(31), np.ones((0, 31))])
def test_project_needs_a_column_per_volume(bold: Path, weights: Any) -> None:
    with pytest.raises(bs.ParameterError, match=r"`weights` must have shape \(n_out, 31\)"):
        bs.stream(bold, bs.Project(weights))


@pytest.mark.parametrize("weights", [[["a"] * 31], np.ones((1, 31)) * 1j, [[1, 2], [1]]])
def test_project_needs_real_numbers(bold: Path, weights: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`weights` must be an array of real numbers"):
        bs.stream(bold, bs.Project(weights))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("where", [slice(None), slice(7, 8)])
def test_project_refuses_what_is_not_finite(bold: Path, wrong: float, where: slice) -> None:
    weights = np.ones((1, 31))
    weights[0, where] = wrong
    with pytest.raises(bs.ParameterError, match="finite"):
        bs.stream(bold, bs.Project(weights))


@pytest.mark.parametrize("wrong", [(3.0, -1.0, 3.0), (3.0, 3.0, np.inf), (np.nan, 3.0, 3.0)])
def test_each_width_must_be_one(bold: Path, wrong: tuple[float, float, float]) -> None:
    with pytest.raises(bs.ParameterError, match="`smoothing_fwhm`"):
        bs.stream(bold, bs.Prepared(bs.Mean(), smoothing_fwhm=wrong))


def test_columns_of_maps_are_numbered_from_one(bold: Path) -> None:
    weights = np.random.default_rng(0).random((np.prod(SHAPE), 3))
    (found,) = bs.stream(bold, WeightMaps(weights, names=("a", "b", "c")))
    assert (found.labels, found.names) == ((1, 2, 3), ("a", "b", "c"))
