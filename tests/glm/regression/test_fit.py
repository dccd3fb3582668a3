"""Fits of one pass, and of time courses in memory, against nilearn's `run_glm`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import boldstream as bs
from boldstream.glm.regression import RunGLM, RunModel, fit_signals, order_of
from tests.glm.regression.made_up import (
    SCALINGS,
    SHAPE,
    N,
    assert_as_nilearn,
    designs,
    image_of,
    signals,
)
from tests.oracle import fdata

NOISES = ("ols", "ar1", "ar2", "ar3")
WHOLE = np.ones(SHAPE, bool)


def streamed(data: Any, model: RunModel, **how: Any) -> Any:
    (fit,) = bs.stream(image_of(data), RunGLM(WHOLE, model, **how))
    return fit


@pytest.mark.parametrize("scaling", [None, "voxel"])
@pytest.mark.parametrize("noise_model", NOISES)
@pytest.mark.parametrize("name", designs())
def test_every_design(name: str, noise_model: str, scaling: Any) -> None:
    data = signals()
    bins = 100 if noise_model in ("ols", "ar1") else 4
    model = RunModel(
        designs()[name], noise_model=noise_model, scaling=scaling, bins=bins, random_state=0
    )
    # nilearn itself loses digits where a column of 1e4 hardly changes.
    rtol = 1e-6 if name == "far from zero" else 1e-8
    assert_as_nilearn(streamed(data, model), data, model, rtol)
    assert_as_nilearn(fit_signals(data, model), data, model, rtol)


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("noise_model", NOISES)
@pytest.mark.parametrize("name", ["constant", "no constant"])
def test_lags_run_across_censored_gaps(name: str, noise_model: str, scaling: Any) -> None:
    data = signals()
    kept = np.setdiff1d(np.arange(N), [0, 1, 7, 20, 21, 22, 40, N - 1])
    data[~np.isin(np.arange(N), kept)] = 1e6  # nobody looks there
    model = RunModel(
        designs()[name][kept],
        kept=kept,
        noise_model=noise_model,
        scaling=scaling,
        bins=20 if noise_model in ("ols", "ar1") else 3,
        random_state=1,
    )
    assert_as_nilearn(streamed(data, model), data, model)
    assert_as_nilearn(fit_signals(data[kept], model), data, model)


@pytest.mark.parametrize("noise_model", NOISES)
@pytest.mark.parametrize("n", [4, 5, 9])
def test_few_volumes(noise_model: str, n: int) -> None:
    data = signals(n)
    design = np.column_stack([np.ones(n), np.arange(n) % 2.0])
    model = RunModel(design, noise_model=noise_model, bins=3, random_state=0)
    assert_as_nilearn(streamed(data, model), data, model, 1e-7)


@pytest.mark.parametrize("noise_model", NOISES)
@pytest.mark.parametrize("name", ["constant", "no constant"])
@pytest.mark.parametrize("kind", ["mean of 1e4", "outlier first", "zeros first", "steps"])
def test_data_that_cost_digits(kind: str, noise_model: str, name: str) -> None:
    data = signals(mean=1e4) / 5
    if kind == "outlier first":
        data[0] *= 3
    elif kind == "zeros first":
        data[0] = 0
    elif kind == "steps":
        data[N // 2 :] += 1e5
    model = RunModel(
        designs()[name], noise_model=noise_model, bins=20 if noise_model == "ar1" else 4,
        random_state=0,
    )  # fmt: skip
    # The residuals are 1e-4 of the data, their squares 1e-8.
    assert_as_nilearn(streamed(data, model), data, model, 1e-7)


@pytest.mark.parametrize(("stored", "slope", "inter"), [("i2", 0.5, 3.0), ("f4", 1.5, 10.0)])
@pytest.mark.parametrize("scaling", SCALINGS)
def test_stored_numbers_are_scaled(
    stored: str, slope: float, inter: float, scaling: Any, tmp_path: Path
) -> None:
    image = image_of((signals() - inter) / slope, dtype=stored)
    image.header.set_slope_inter(slope, inter)
    array = np.asarray(image.dataobj)
    raw = tmp_path / "bold.nii"
    # nibabel would choose a scaling of its own for the numbers.
    image.header["vox_offset"] = 352
    header = image.header.copy()
    header["scl_slope"], header["scl_inter"] = slope, inter
    raw.write_bytes(header.binaryblock + bytes(4) + array.tobytes(order="F"))
    real = fdata(raw)
    np.testing.assert_allclose(real, array.astype("f8") * slope + inter)
    data = real.reshape(-1, N).T
    for name in ("constant", "no constant"):
        model = RunModel(designs()[name], scaling=scaling)
        (fit,) = bs.stream(raw, RunGLM(WHOLE, model))
        assert_as_nilearn(fit, data, model)


def test_voxels_come_in_the_order_of_the_mask() -> None:
    mask = np.random.default_rng(5).random(SHAPE) > 0.4
    data = signals()
    model = RunModel(designs()["constant"])
    image = image_of(data)
    (fit,) = bs.stream(image, RunGLM(nib.Nifti1Image(mask.astype("u1"), np.eye(4)), model))
    assert_as_nilearn(fit, image.get_fdata()[mask].T, model)


def test_real_run(shared_data: Path) -> None:
    bold = shared_data / "sforest_localizer" / "sub-02_task-oneback_run-1_bold.nii.gz"
    data = fdata(bold)
    mask = data.mean(axis=-1) > 0.6 * data.mean(axis=-1).max()
    design = designs(data.shape[-1])["constant"]
    for noise_model in ("ols", "ar1", "ar2"):
        model = RunModel(
            design, noise_model=noise_model, bins=100 if noise_model == "ar1" else 5, random_state=0
        )
        (fit,) = bs.stream(bold, RunGLM(mask, model))
        assert_as_nilearn(fit, data[mask].T, model)


@pytest.mark.parametrize("wrong", ["ar", "ar0", "ar-1", "ar1.5", "arma", "", "AR1", "ols1"])
def test_noise_models_are_checked(wrong: str) -> None:
    with pytest.raises(bs.ParameterError, match="AR order must be a positive integer"):
        order_of(wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"design": np.full((N, 1), np.nan)}, "must be finite, got NaN"),
        ({"kept": np.arange(N - 1)}, f"a row for each of the {N - 1} volumes"),
        ({"kept": np.arange(N)[::-1]}, "list volumes once and in order"),
        ({"kept": np.zeros(N, int)}, "list volumes once and in order"),
        ({"design": np.ones((3, 1)), "noise_model": "ar3"}, "more than 3 rows for noise 'ar3'"),
        ({"design": np.ones((0, 1)), "noise_model": "ols"}, "more than 0 rows for noise 'ols'"),
    ],
)
def test_models_are_checked(change: dict[str, Any], message: str) -> None:
    with pytest.raises(bs.ParameterError, match=message):
        RunModel(**{"design": designs()["constant"], **change})


def test_a_design_of_another_run_is_refused() -> None:
    data = signals()
    for model in (
        RunModel(designs(N - 1)["constant"]),
        RunModel(designs(N)["constant"], kept=np.arange(1, N + 1)),
    ):
        with pytest.raises(bs.ParameterError, match=f"a row for each of the {N} volumes"):
            streamed(data, model)


def test_masks_are_checked() -> None:
    model = RunModel(designs()["constant"])
    with pytest.raises(bs.MaskError):
        bs.stream(image_of(signals()), RunGLM(0 * WHOLE, model))
    elsewhere = nib.Nifti1Image(WHOLE.astype("u1"), 2 * np.eye(4))
    # There is no parameter that would resample it here.
    with pytest.raises(bs.GridMismatchError, match="resample it to the image first"):
        bs.stream(image_of(signals()), RunGLM(elsewhere, model))
