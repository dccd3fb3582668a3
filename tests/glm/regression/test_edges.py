"""Voxels that have nothing to fit, and values that are no numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import boldstream as bs
from boldstream.glm.regression import RunGLM, RunModel, fit_signals
from tests.glm.regression.made_up import (
    SCALINGS,
    SHAPE,
    N,
    assert_as_nilearn,
    close,
    designs,
    image_of,
    nilearns_fit,
    scaled_by_nilearn,
    signals,
)

NOISES = ("ols", "ar1", "ar2")
WHOLE = np.ones(SHAPE, bool)
CONSTANT, ZERO, SPANNED = 0, 7, 59


def model_of(name: str, noise_model: str, **options: Any) -> RunModel:
    bins = 100 if noise_model == "ar1" else 3
    return RunModel(
        designs()[name], noise_model=noise_model, **{"bins": bins, "random_state": 0, **options}
    )


def streamed(data: Any, model: RunModel, nan_policy: Any = "nilearn") -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean values of 0")
        (fit,) = bs.stream(image_of(data), RunGLM(WHOLE, model, nan_policy=nan_policy))
    return fit


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("noise_model", ["ols", "ar1"])
@pytest.mark.parametrize("name", ["constant", "no constant", "twice the same"])
def test_voxels_that_the_design_fits_exactly(name: str, noise_model: str, scaling: Any) -> None:
    """nilearn fits the rounding of such voxels; here nothing is left of them."""
    design, data = designs()[name], signals()
    data[:, SPANNED] = 700 + design[:, :2] @ [3.0, -2.0]
    data[:, CONSTANT], data[:, ZERO] = 500.0, 0.0
    model = model_of(name, noise_model, scaling=scaling)
    fit = streamed(data, model)
    fitted = scaled_by_nilearn(data, scaling)
    exact = [
        v
        for v in (CONSTANT, ZERO, SPANNED)
        if np.linalg.norm(fitted[:, v] - design @ np.linalg.pinv(design) @ fitted[:, v])
        <= 1e-10 * np.linalg.norm(fitted[:, v])
    ]
    if name == "constant" and scaling != "volume":
        assert exact == [CONSTANT, ZERO, SPANNED]
    for voxel in exact:
        # Less the mean of all residuals, those of an exact fit are constant: of AR 1.
        assert float(fit.labels[voxel]) == 0 or (name == "no constant" and noise_model == "ar1")
        assert fit.sse[voxel] == fit.dispersion[voxel] == 0
        wanted = np.linalg.pinv(design) @ fitted[:, voxel]
        np.testing.assert_allclose(
            fit.theta[:, voxel], wanted, atol=1e-9 * max(1, np.abs(wanted).max())
        )
    if name == "constant" and scaling == "voxel":
        # No effects of 1e-14, which a large t value would be made of.
        assert not fit.theta[:, ZERO][:-1].any()
        assert not fit.theta[:, CONSTANT].any()


@pytest.mark.parametrize("scaling", [None, "voxel", "zscore_sample", "psc"])
@pytest.mark.parametrize("noise_model", ["ols", "ar1"])
def test_they_leave_the_others_alone(noise_model: str, scaling: Any) -> None:
    data = signals()
    model = model_of("constant", noise_model, scaling=scaling)
    alone = streamed(data, model)
    data[:, [CONSTANT, ZERO]] = 500.0, 0.0
    data[:, SPANNED] = np.nan
    beside = streamed(data, model, "propagate")
    others = np.setdiff1d(np.arange(60), [CONSTANT, ZERO, SPANNED])
    np.testing.assert_array_equal(beside.labels[others], alone.labels[others])
    np.testing.assert_allclose(
        beside.theta[:, others], alone.theta[:, others], rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(beside.sse[others], alone.sse[others], rtol=1e-9)


def test_a_constant_voxel_in_memory() -> None:
    """Of no variance no share is explained: NaN, and no warning."""
    data = signals()
    data[:, CONSTANT] = 500.0
    fit = fit_signals(data, model_of("constant", "ar1"))
    assert np.isnan(fit.r_square[CONSTANT])
    assert fit.sse[CONSTANT] == 0
    assert np.isfinite(np.delete(fit.r_square, CONSTANT)).all()


@pytest.mark.parametrize("policy", ["nilearn", "zero"])
@pytest.mark.parametrize("noise_model", NOISES)
def test_what_is_not_finite_becomes_zero(policy: str, noise_model: str) -> None:
    data = signals()
    data[9, 3], data[0, 8], data[[4, 59], 30] = np.nan, np.inf, -np.inf
    model = model_of("constant", noise_model)
    zeros = np.where(np.isfinite(data), data, 0.0)
    assert_as_nilearn(streamed(data, model, policy), zeros, model)


@pytest.mark.parametrize("name", ["constant", "no constant"])
@pytest.mark.parametrize("noise_model", NOISES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("volume", [0, 9, N - 1])
def test_what_is_not_finite_stays_in_its_voxel(
    name: str, noise_model: str, value: float, volume: int
) -> None:
    data = signals()
    data[volume, 3] = value
    model = model_of(name, noise_model)
    fit = streamed(data, model, "propagate")
    assert np.isnan(fit.theta[:, 3]).all()
    assert np.isnan([fit.sse[3], fit.dispersion[3], fit.r_square[3]]).all()
    rest = np.delete(np.arange(60), 3)
    alone = fit_signals(data[:, rest], model)
    np.testing.assert_array_equal(fit.labels[rest], alone.labels)
    np.testing.assert_allclose(fit.theta[:, rest], alone.theta, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("stored", ["f4", "f8"])
def test_what_is_not_finite_is_named(stored: str) -> None:
    data = signals()
    data[[5, 9], 3] = np.nan, np.inf
    image = image_of(data, dtype=stored)
    model = model_of("constant", "ols")
    with pytest.raises(bs.NonFiniteError, match=r"got nan in volume 5 at voxel \(0, 1, 0\)"):
        bs.stream(image, RunGLM(WHOLE, model, nan_policy="raise"))
    # Volumes and voxels that are left out may hold anything.
    kept = np.delete(np.arange(N), [5, 9])
    some = RunModel(designs()["constant"][kept], kept=kept, noise_model="ols")
    assert np.isfinite(bs.stream(image, RunGLM(WHOLE, some, nan_policy="raise"))[0].theta).all()
    elsewhere = WHOLE.copy()
    elsewhere[0, 1, 0] = False
    bs.stream(image, RunGLM(elsewhere, model, nan_policy="raise"))
    one_too_few = RunModel(designs()["constant"][1:], kept=np.delete(np.arange(N), 5))
    with pytest.raises(bs.NonFiniteError, match=r"got inf in volume 9 at voxel \(0, 1, 0\)"):
        bs.stream(image, RunGLM(WHOLE, one_too_few, nan_policy="raise"))


@pytest.mark.parametrize("scaling", ["voxel", "grand", "volume"])
def test_means_of_zero_are_told(scaling: Any) -> None:
    data = signals()
    data[:, ZERO] = 0
    if scaling != "voxel":
        data[:] = 0
    with pytest.warns(UserWarning, match="Mean values of 0 observed"):
        bs.stream(image_of(data), RunGLM(WHOLE, model_of("constant", "ols", scaling=scaling)))


@pytest.mark.parametrize("mean", [0.01, -600.0])
@pytest.mark.parametrize("scaling", SCALINGS)
def test_small_and_negative_means(mean: float, scaling: Any) -> None:
    """nilearn divides by 1 where the mean is less."""
    data = signals(mean=mean)
    model = model_of("constant", "ar1", scaling=scaling)
    assert_as_nilearn(streamed(data, model), data, model)


@pytest.mark.parametrize("n", [12, 20])
def test_as_many_regressors_as_volumes_leave_no_noise(n: int) -> None:
    rng = np.random.default_rng(0)
    fit = fit_signals(rng.normal(size=(12, 5)), RunModel(rng.normal(size=(12, n)), None, "ols"))
    assert np.isnan(fit.dispersion).all()


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("scaling", SCALINGS)
def test_two_volumes_are_scaled_as_by_nilearn(n: int, scaling: Any) -> None:
    data = signals(n)
    model = RunModel(np.arange(1.0, n + 1, dtype=np.float64)[:, None], None, "ols", scaling=scaling)
    fit = fit_signals(data, model)
    close(fit.theta, nilearns_fit(data, model)[1][0.0].theta, 1e-9)


@pytest.mark.parametrize("noise_model", ["ols", "ar1"])
def test_a_volume_with_nan_is_in_percent_of_the_mean_of_its_other_voxels(noise_model: str) -> None:
    data = signals()
    data[5, 3], data[5, 4], data[9, 30] = np.nan, np.inf, np.nan
    finite = np.where(np.isfinite(data), data, np.nan)
    means = np.nanmean(finite, axis=1)
    fit = streamed(data, model_of("constant", noise_model, scaling="volume"), "propagate")
    np.testing.assert_allclose(fit.volume_scale, 100 / means, rtol=1e-12)
    rest = np.isfinite(data).all(axis=0)
    assert np.isnan(fit.theta[:, ~rest]).all()
    in_percent = 100 * (data[:, rest] / means[:, None] - 1)
    alone = fit_signals(in_percent, model_of("constant", noise_model, scaling=None))
    np.testing.assert_array_equal(fit.labels[rest], alone.labels)
    np.testing.assert_allclose(fit.theta[:, rest], alone.theta, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fit.sse[rest], alone.sse, rtol=1e-9)


def test_a_volume_without_a_finite_voxel_has_no_mean() -> None:
    data = signals()
    data[7] = np.nan
    data[8, :30], data[8, 30:] = np.nan, np.inf
    fit = streamed(data, model_of("constant", "ols", scaling="volume"), "propagate")
    assert fit.volume_scale is not None
    assert np.isnan(fit.volume_scale[7:9]).all()
    others = np.delete(np.arange(N), [7, 8])
    np.testing.assert_allclose(fit.volume_scale[others], 100 / data[others].mean(axis=1))
    assert np.isnan(fit.theta).all()
