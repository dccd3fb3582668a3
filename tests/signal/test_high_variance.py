"""CompCor in two passes against nilearn, which reads everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nilearn.image import concat_imgs
from nilearn.image import high_variance_confounds as of_nilearn
from numpy.typing import NDArray
from scipy.signal import detrend as detrended

import boldstream as bs
from boldstream.io.opening import open_image
from boldstream.io.source import Block, Scaling
from boldstream.signal.high_variance import DetrendedPower, PowerSums, high_variance_confounds

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


def image(rng: np.random.Generator, n: int = 60, dtype: str = "f8") -> nib.Nifti1Image:
    """Large means, trends, and five strong courses in some voxels."""
    shape = (10, 9, 8)
    data = rng.normal(size=(*shape, n)) + rng.uniform(500, 1500, shape)[..., None]
    data += rng.normal(size=shape)[..., None] * np.arange(n)
    courses = rng.normal(size=(5, n)) * np.array([9, 7, 5, 4, 3])[:, None]
    data[:3] += rng.normal(size=(3, 9, 8, 5)) @ courses
    return nib.Nifti1Image(data.astype(dtype), AFFINE)


def assert_equal_up_to_sign(ours: NDArray[Any], theirs: NDArray[Any], atol: float) -> None:
    assert ours.shape == theirs.shape
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours, theirs * signs, atol=atol)


@pytest.mark.parametrize("detrend", [True, False])
@pytest.mark.parametrize("percentile", [2.0, 20.0, 100.0])
@pytest.mark.parametrize("masked", [False, True])
def test_equals_nilearn(
    rng: np.random.Generator, detrend: bool, percentile: float, masked: bool
) -> None:
    bold = image(rng)
    mask = nib.Nifti1Image((rng.random((10, 9, 8)) < 0.8).astype("u1"), AFFINE) if masked else None
    ours = high_variance_confounds(bold, detrend=detrend, percentile=percentile, mask=mask)
    theirs = of_nilearn(bold, detrend=detrend, percentile=percentile, mask_img=mask)
    # With a mask nilearn reads in float32.
    assert_equal_up_to_sign(ours, theirs, 1e-4 if masked else 1e-8)


def test_equals_nilearn_over_runs(rng: np.random.Generator) -> None:
    runs = [image(rng, 25), image(rng, 35)]
    theirs = of_nilearn(concat_imgs(runs, dtype="f8"), n_confounds=3)
    assert_equal_up_to_sign(high_variance_confounds(runs, n_confounds=3), theirs, 1e-8)


@pytest.mark.parametrize(
    "name",
    [
        "rapidtide/sub-RAPIDTIDETEST.nii.gz",
        "sforest_localizer/sub-02_task-oneback_run-1_bold.nii.gz",
    ],
)
def test_equals_nilearn_on_real_images(shared_data: Path, name: str) -> None:
    path = shared_data / name
    assert_equal_up_to_sign(high_variance_confounds(path), of_nilearn(str(path)), 1e-3)


def test_equals_nilearn_where_a_float32_loses_what_varies(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    data = image(rng).get_fdata()
    stored = 50 * (data - data.mean(axis=-1, keepdims=True))
    assert np.abs(stored).max() < 32767
    bold = nib.Nifti1Image(stored.astype("i2"), AFFINE)
    bold.header.set_slope_inter(0.01, 1e6)
    path = tmp_path / "bold.nii"
    nib.save(bold, path)
    ours = high_variance_confounds(path, percentile=20)
    assert_equal_up_to_sign(ours, of_nilearn(str(path), percentile=20), 1e-6)


@pytest.mark.parametrize("detrend", [True, False])
def test_power_equals_scipy(rng: np.random.Generator, detrend: bool) -> None:
    bold = image(rng, dtype="f4")
    data = np.asarray(bold.get_fdata())
    (power,) = bs.stream(bold, DetrendedPower(detrend=detrend))
    values = detrended(data, axis=-1) if detrend else data
    np.testing.assert_allclose(power, (values**2).mean(-1), rtol=1e-9)


def test_constants_have_no_power_and_nan_stays() -> None:
    data = np.full((3, 3, 3, 20), 1234.567)
    data[0, 0, 0, 5] = np.nan
    (power,) = bs.stream(nib.Nifti1Image(data, AFFINE), DetrendedPower())
    assert np.isnan(power[0, 0, 0])
    assert (power.ravel()[1:] == 0).all()


@pytest.mark.parametrize("cut", [0, 1, 7, 20])
@pytest.mark.parametrize("detrend", [True, False])
def test_merge_of_parts_equals_the_whole(rng: np.random.Generator, cut: int, detrend: bool) -> None:
    bold = nib.Nifti1Image(rng.normal(1e4, 1, (5, 3, 2, 20)), AFFINE)
    data = np.asarray(bold.get_fdata()).reshape(30, 20, order="F").T
    sums = PowerSums(np.arange(30), open_image(bold).series, detrend=detrend)
    states = []
    for part in (slice(0, cut), slice(cut, 20)):
        state = sums.init(range(20)[part])
        if len(data[part]):
            sums.update(state, Block(data[part], part.start, Scaling(), run=0))
        states.append(state)
    merged = sums.merge(*states)
    values = detrended(data, axis=0) if detrend else data
    np.testing.assert_allclose(
        merged.power(20, detrend=detrend), (values**2).mean(0), rtol=1e-6 if detrend else 1e-12
    )


def test_voxels_with_gaps_are_left_out(rng: np.random.Generator) -> None:
    bold = image(rng)
    data = bold.get_fdata().copy()
    data[9, 8, 7, 3], data[9, 0, 0, 4] = np.nan, np.inf
    ours = high_variance_confounds(nib.Nifti1Image(data, AFFINE), percentile=20)
    kept = np.ones((10, 9, 8), "u1")
    kept[9, 8, 7] = kept[9, 0, 0] = 0
    theirs = high_variance_confounds(bold, percentile=20, mask=nib.Nifti1Image(kept, AFFINE))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_confounds": 61}, "`n_confounds` must be an integer from 1 to 60, got 61"),
        ({"n_confounds": 16}, "at most the 15 voxels that `percentile` 2 leaves"),
        ({"percentile": 101}, "`percentile` must be a number from 0 to 100, got 101"),
        ({"percentile": "2"}, "`percentile` must be a number from 0 to 100, got '2'"),
        ({"percentile": True}, "`percentile` must be a number from 0 to 100, got True"),
    ],
)
def test_parameters_are_checked(
    rng: np.random.Generator, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(bs.ParameterError) as caught:
        high_variance_confounds(image(rng), **options)
    assert said in str(caught.value)


def test_an_image_of_gaps_has_no_confounds() -> None:
    with pytest.raises(bs.ParameterError, match="finite throughout, got none"):
        high_variance_confounds(nib.Nifti1Image(np.full((2, 2, 2, 9), np.nan), AFFINE))


def test_what_cannot_fit_raises_before_reading(rng: np.random.Generator) -> None:
    with pytest.raises(bs.MemoryBudgetError):
        high_variance_confounds(image(rng), memory_limit="1MiB")
