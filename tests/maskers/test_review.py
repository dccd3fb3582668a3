"""What users of nilearn hand to maskers beside plain NIfTI files and arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import nilearn.maskers as theirs
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import boldstream.maskers as ours
from boldstream.core.errors import ParameterError, TableError

SHAPE = (7, 6, 5)
AFFINE = np.diag([3.0, 3.0, 4.0, 1.0])
N = 30


def image(shape: tuple[int, ...] = (*SHAPE, N), dtype: str = "f4") -> Any:
    data = np.random.default_rng(1).normal(100, 5, shape).astype(dtype)
    kind = np.int32 if np.dtype(dtype).kind == "i" else None
    return nib.Nifti1Image(data, AFFINE, dtype=kind or data.dtype)


def atlas(shape: tuple[int, int, int] = SHAPE, affine: np.ndarray = AFFINE) -> Any:
    labels = np.random.default_rng(2).integers(0, 4, shape).astype("i4")
    return nib.Nifti1Image(labels, affine)


def labels_masker(**options: Any) -> Any:
    return ours.NiftiLabelsMasker(atlas(), **{"standardize": None, "reports": False, **options})


def _standardized() -> None:
    labels_masker(standardize=True).fit().transform(image())


def _fitted_in_vain() -> None:
    ours.NiftiMasker(atlas(), standardize=None).fit(image())


def _resampled_late() -> None:
    other = atlas((5, 5, 5), np.diag([4.0, 4.0, 4.0, 1.0]))
    ours.NiftiLabelsMasker(other, standardize=None, resampling_target="data").fit().transform(
        image()
    )


def _with_nan() -> None:
    data = image().get_fdata(dtype=np.float32)
    data[3, 3, 3, 3] = np.nan
    whole = nib.Nifti1Image(np.ones(SHAPE, "u1"), AFFINE)
    masker = ours.MultiNiftiLabelsMasker(whole, standardize=None, n_jobs=2)
    masker.fit_transform([nib.Nifti1Image(data, AFFINE)] * 2)


def _too_fast() -> None:
    labels_masker(low_pass=9.0, t_r=2.0).fit_transform(image())


def _in_a_pipeline() -> None:
    make_pipeline(
        ours.NiftiMasker(atlas(), standardize=True, reports=False), LogisticRegression(max_iter=9)
    ).fit(image(), np.arange(N) % 2)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (_standardized, "boolean values"),
        (_fitted_in_vain, "Generation of a mask"),
        (_resampled_late, "Resampling labels at transform time"),
        (_with_nan, "Non-finite values"),
        (_too_fast, "low pass filter"),
        (_in_a_pipeline, "boolean values"),
    ],
)
def test_warnings_point_at_the_users_line(call: Callable[[], None], says: str) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    found = [w for w in seen if says in str(w.message)]
    assert {w.filename for w in found} == {__file__}


def test_a_boolean_is_warned_of_once() -> None:
    with pytest.warns(FutureWarning) as seen:
        labels_masker(standardize=True).fit().transform(image())
    assert ["boolean values" in str(w.message) for w in seen] == [True]


def test_frames_of_polars_are_confounds() -> None:
    confounds = np.random.default_rng(3).normal(size=(N, 2))
    frames = [pl.DataFrame(confounds[:, :1], schema=["a"]), pd.DataFrame(confounds[:, 1:])]
    expected = theirs.NiftiLabelsMasker(atlas(), standardize=None).fit_transform(
        image(), confounds=confounds
    )
    whole = labels_masker().fit_transform(image(), confounds=pl.DataFrame(confounds))
    np.testing.assert_allclose(whole, expected, rtol=1e-6)
    parts = labels_masker().fit_transform(image(), confounds=frames)
    np.testing.assert_allclose(parts, expected, rtol=1e-6)
    with pytest.raises(TableError, match="column 'a', volume 0: must be a number, got 'x'"):
        labels_masker().fit_transform(image(), confounds=pl.DataFrame({"a": ["x"] * N}))


@pytest.mark.parametrize("mask", [5, "abc", np.zeros((3, 2), int)])
def test_what_is_no_sample_mask_is_named(mask: Any) -> None:
    with pytest.raises(ParameterError, match=r"`sample_mask` must be volumes, or True and False"):
        labels_masker().fit_transform(image(), sample_mask=mask)


@pytest.mark.parametrize(("name", "hint"), [("filtre", "'filter'"), ("detrend", "got 'detrend'")])
def test_arguments_of_cleaning_that_do_not_exist(name: str, hint: str) -> None:
    with pytest.raises(ParameterError, match=f"`clean_args` must be among filter.*{hint}"):
        labels_masker(clean_args={name: 1}).fit_transform(image())


@pytest.mark.parametrize("dtype", [None, "auto", "f8"])
@pytest.mark.parametrize("name", ["a.mgz", "a.img"])
def test_formats_beside_nifti(name: str, dtype: str | None, tmp_path: Path) -> None:
    one = image((*SHAPE, 4) if name == "a.mgz" else SHAPE)
    kind = nib.MGHImage if name == "a.mgz" else nib.Nifti1Pair
    kind(np.asarray(one.dataobj), AFFINE).to_filename(tmp_path / name)
    for masker in ("NiftiLabelsMasker", "NiftiMasker"):
        options = {"dtype": dtype, "standardize": None, "smoothing_fwhm": 5.0}
        got = getattr(ours, masker)(atlas(), **options).fit_transform(tmp_path / name)
        expected = getattr(theirs, masker)(atlas(), **options).fit_transform(one)
        np.testing.assert_allclose(got, expected, rtol=1e-5)
        assert got.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=") or not dtype


def test_formats_beside_nifti_of_real_images(shared_data: Path) -> None:
    for name in ("odd/example4d+orig.HEAD", "odd/test.mgz", "conmaps/sub-01_con_0006.hdr"):
        path = shared_data / name
        loaded: Any = nib.load(path)
        twin = nib.Nifti1Image(np.asarray(loaded.dataobj), loaded.affine)
        regions = atlas(loaded.shape[:3], loaded.affine)
        options = {"standardize": None, "nan_policy": "zero"}
        got = ours.NiftiLabelsMasker(regions, **options).fit_transform(path)
        expected = ours.NiftiLabelsMasker(regions, **options).fit_transform(twin)
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_every_image_of_many_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    ours.MultiNiftiLabelsMasker(atlas(), standardize=None, verbose=1).fit().transform([image()] * 2)
    said = capsys.readouterr().out
    assert said.count("Loading data from") == said.count("Extracting region signals") == 2
