"""Mean, standard deviation and tSNR against numpy."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

import boldstream as bs
from boldstream.io.source import Block, Scaling
from boldstream.streaming.reductions.moments import Moments
from tests.oracle import fdata

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


def image(data: NDArray[Any]) -> nib.Nifti1Image:
    return nib.Nifti1Image(data, AFFINE)


def test_equal_numpy_on_float_data(rng: np.random.Generator) -> None:
    data = rng.normal(100, 15, (9, 8, 7, 40)).astype("f4")
    mean, std, tsnr = bs.stream(image(data), bs.Mean(), bs.Std(), bs.TSNR())
    exact = data.astype("f8")
    np.testing.assert_allclose(mean, exact.mean(-1), rtol=1e-6)
    np.testing.assert_allclose(std, exact.std(-1), rtol=1e-6)
    np.testing.assert_allclose(tsnr, exact.mean(-1) / exact.std(-1), rtol=1e-6)
    assert mean.dtype == std.dtype == tsnr.dtype == np.float32


@pytest.mark.parametrize("first", [1e4, 0.0, 2e4])
def test_mean_ten_thousand_and_sd_one_keep_six_digits(
    rng: np.random.Generator, first: float
) -> None:
    data = rng.normal(1e4, 1.0, (4, 4, 4, 500))
    data[..., 0] = first  # a dummy scan that is nothing like the rest
    (std,) = bs.stream(image(data), bs.Std())
    np.testing.assert_allclose(std, data.std(-1), rtol=1e-6)


def test_scaled_file_and_ddof(tmp_path: Path, rng: np.random.Generator) -> None:
    scaled = image(rng.integers(-900, 900, (5, 4, 3, 30)).astype("i2"))
    scaled.header.set_slope_inter(0.013, -7.5)
    nib.save(scaled, tmp_path / "scaled.nii.gz")
    exact = fdata(tmp_path / "scaled.nii.gz")
    mean, std = bs.stream(tmp_path / "scaled.nii.gz", bs.Mean(), bs.Std(ddof=1))
    np.testing.assert_allclose(mean, exact.mean(-1), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(std, exact.std(-1, ddof=1), rtol=1e-6)


def test_nan_and_infinity_propagate_as_in_numpy() -> None:
    data = np.ones((2, 2, 2, 6))
    data[0, 0, 0, 3] = np.nan
    data[1, 0, 0, 2] = np.inf
    data[0, 1, 0, 0] = np.inf  # in the volume that the sums are shifted by
    mean, std = bs.stream(image(data), bs.Mean(), bs.Std())
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(mean, data.mean(-1).astype("f4"))
        np.testing.assert_array_equal(std, data.std(-1).astype("f4"))


def test_a_voxel_that_is_always_infinite_has_an_infinite_mean() -> None:
    data = np.full((2, 2, 2, 6), np.inf)
    data[1] = -np.inf
    mean, std, tsnr = bs.stream(image(data), bs.Mean(), bs.Std(), bs.TSNR())
    np.testing.assert_array_equal(mean, data[..., 0])
    assert np.isnan(std).all()
    assert np.isnan(tsnr).all()


def test_background_of_minus_zero_and_nan_is_summed_right() -> None:
    data = np.zeros((3, 3, 3, 8), "f4")
    data[..., 1::2] = -0.0
    data[0, 0, 0] = np.nan
    data[1, 1, 1, 5] = 8.0
    mean, std = bs.stream(image(data), bs.Mean(), bs.Std())
    np.testing.assert_array_equal(mean, data.mean(-1))
    np.testing.assert_allclose(std, data.astype("f8").std(-1), rtol=1e-6)


def test_constant_voxels_have_no_spread_and_tsnr_zero() -> None:
    data = np.full((3, 3, 3, 20), 0.1, "f4")
    std, tsnr = bs.stream(image(data), bs.Std(), bs.TSNR())
    assert (std == 0).all()
    assert (tsnr == 0).all()


def test_runs_with_different_scaling_are_one_series(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    paths = []
    for run, slope in enumerate((0.5, 1.0, 7.25)):
        part = image(rng.integers(0, 999, (4, 3, 2, 11)).astype("i2"))
        part.header.set_slope_inter(slope, run)
        paths.append(tmp_path / f"run-{run}.nii.gz")
        nib.save(part, paths[-1])
    exact = np.concatenate([fdata(path) for path in paths], axis=-1)
    mean, std = bs.stream(paths, bs.Mean(), bs.Std())
    np.testing.assert_allclose(mean, exact.mean(-1), rtol=1e-6)
    np.testing.assert_allclose(std, exact.std(-1), rtol=1e-6)


@pytest.mark.parametrize("order", [("i2", "f4"), ("f4", "i2"), ("i2", ">i4"), ("u4", "f8")])
def test_runs_of_different_types_are_one_series(
    rng: np.random.Generator, order: tuple[str, str]
) -> None:
    runs = [rng.integers(0, 3, (4, 3, 2, 9)).astype(kind) for kind in order]
    runs[1][0] = runs[0][0, ..., :1]  # as in the first volume: a tile that may be passed over
    exact = np.concatenate([run.astype("f8") for run in runs], axis=-1)
    mean, std = bs.stream([image(run) for run in runs], bs.Mean(), bs.Std())
    np.testing.assert_allclose(mean, exact.mean(-1), rtol=1e-6)
    np.testing.assert_allclose(std, exact.std(-1), rtol=1e-6, atol=1e-9)


def test_the_same_stored_values_under_another_slope_are_other_values(tmp_path: Path) -> None:
    paths = []
    for run, slope in enumerate((1.0, 3.0)):
        part = image(np.full((4, 3, 2, 5), 7, "i2"))
        part.header.set_slope_inter(slope, 0)
        paths.append(tmp_path / f"run-{run}.nii")
        nib.save(part, paths[-1])
    mean, std = bs.stream(paths, bs.Mean(), bs.Std())
    assert (mean == 14).all()
    assert (std == 7).all()


def test_ddof_must_be_less_than_the_volumes() -> None:
    with pytest.raises(bs.ParameterError, match=r"`ddof` must be less than the 3 volumes"):
        bs.stream(image(np.ones((2, 2, 2, 3))), bs.Std(ddof=3))


@pytest.mark.parametrize("cuts", [(), (1,), (7,), (3, 4, 19)])
def test_merge_of_parts_equals_the_whole(rng: np.random.Generator, cuts: tuple[int, ...]) -> None:
    data = rng.normal(1e4, 1.0, (20, 30))
    moments = Moments(30, data.dtype, order=2)
    edges = [0, *cuts, 20]
    states = []
    for start, stop in itertools.pairwise(edges):
        state = moments.init(range(start, stop))
        moments.update(state, Block(data[start:stop], start, Scaling(), run=0))
        states.append(state)
    merged = moments.init(range(0))
    for state in states:
        merged = moments.merge(merged, state)
    everything = slice(0, 30)
    np.testing.assert_allclose(merged.mean(everything), data.mean(0), rtol=1e-13)
    np.testing.assert_allclose(merged.standard_deviation(everything), data.std(0), rtol=1e-10)


@pytest.mark.parametrize("ddof", [-1, 1.5, "1"])
def test_degrees_of_freedom_are_a_whole_number(ddof: Any) -> None:
    image = nib.Nifti1Image(np.ones((2, 2, 2, 5), "f4"), np.eye(4))
    with pytest.raises(bs.ParameterError, match="`ddof`"):
        bs.stream(image, bs.Std(ddof))
