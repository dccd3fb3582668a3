"""What nilearn gets wrong, right here: each fault of nilearn 0.14 beside what the drop-in does."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import nilearn.maskers as theirs
import numpy as np
import pytest
from nilearn.image import smooth_img

import boldstream as bs
import boldstream.maskers as ours
from tests.oracle import load

SHAPE = (12, 11, 10)
N = 12
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def image(dtype: str, low: int = 0, high: int = 250) -> Any:
    data = np.random.default_rng(0).integers(low, high, (*SHAPE, N)).astype(dtype)
    return nib.Nifti1Image(data, AFFINE)


def many_labels(dtype: str) -> Any:
    labels = np.arange(np.prod(SHAPE)).reshape(SHAPE) % 201
    return nib.Nifti1Image(labels.astype(dtype), AFFINE)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "f4"])
def test_labels_over_127(dtype: str) -> None:
    masker = ours.NiftiLabelsMasker(many_labels(dtype), standardize=None)
    signals = masker.fit_transform(image("f8"))
    labels, data = many_labels("i4").get_fdata(), image("f8").get_fdata()
    wanted = np.stack([data[labels == i].mean(axis=0) for i in range(1, 201)], axis=1)
    np.testing.assert_allclose(signals, wanted, rtol=1e-12)
    assert list(masker.region_ids_.values())[1:] == list(range(1, 201))
    assert np.array_equal(masker.region_atlas_.get_fdata(), labels)
    back = masker.inverse_transform(signals[0])
    assert np.array_equal(back.get_fdata() != 0, labels != 0)


def test_small_scaled_integers_are_not_rounded(tmp_path: Path) -> None:
    real = np.random.default_rng(1).normal(0, 0.4, (*SHAPE, N))
    stored = nib.Nifti1Image(real, AFFINE)
    stored.set_data_dtype("i2")
    path = tmp_path / "scaled.nii.gz"
    nib.save(stored, path)
    data = load(path).get_fdata()
    assert len(np.unique(data)) > 1000
    spheres = ours.NiftiSpheresMasker([(9, 9, 9)], radius=4, standardize=None)
    far = ((np.argwhere(np.ones(SHAPE)) * 3 - 9) ** 2).sum(1).reshape(SHAPE)
    wanted = data[far <= 16].mean(axis=0)
    np.testing.assert_allclose(spheres.fit_transform(path)[:, 0], wanted, rtol=1e-12)
    mask = nib.Nifti1Image((far <= 16).astype("u1"), AFFINE)
    voxels = ours.NiftiMasker(mask, standardize=None).fit_transform(path)
    np.testing.assert_allclose(voxels, data[far <= 16].T, rtol=1e-12)


def test_the_mean_of_integers_in_a_sphere_is_no_integer() -> None:
    options: dict[str, Any] = {"seeds": [(9, 9, 9)], "radius": 4, "standardize": None}
    given = image("i2")
    signals = ours.NiftiSpheresMasker(**options).fit_transform(given)
    exact = theirs.NiftiSpheresMasker(**options).fit_transform(image("f8"))
    rounded = theirs.NiftiSpheresMasker(**options).fit_transform(given)
    np.testing.assert_allclose(signals, exact, rtol=1e-12)
    assert np.abs(rounded - exact).max() > 0.1


def test_smoothed_bytes_are_not_truncated() -> None:
    given = image("u1")
    mask = nib.Nifti1Image(np.ones(SHAPE, "u1"), AFFINE)
    signals = ours.NiftiMasker(mask, smoothing_fwhm=6, standardize=None).fit_transform(given)
    exact = smooth_img(nib.Nifti1Image(given.get_fdata(), AFFINE), 6).get_fdata()
    np.testing.assert_allclose(signals, exact.reshape(-1, N).T, rtol=1e-5)


def test_resampled_bytes_are_not_rounded() -> None:
    given = image("u1", 0, 255)
    moved = AFFINE.copy()
    moved[:3, 3] = 1.3
    mask = nib.Nifti1Image(np.ones((8, 8, 8), "u1"), moved)
    signals = ours.NiftiMasker(mask, standardize=None).fit_transform(given)
    exact = theirs.NiftiMasker(mask, standardize=None).fit_transform(
        nib.Nifti1Image(given.get_fdata(), AFFINE)
    )
    rounded = theirs.NiftiMasker(mask, standardize=None).fit_transform(given)
    np.testing.assert_allclose(signals, exact, rtol=1e-5)
    assert np.abs(rounded - exact).max() > 0.4


def test_confounds_of_runs_are_not_standardized_when_asked_not_to() -> None:
    rng = np.random.default_rng(2)
    given = nib.Nifti1Image(rng.normal(size=(*SHAPE, N)), AFFINE)
    mask = nib.Nifti1Image(np.ones(SHAPE, "u1"), AFFINE)
    confounds = 5 + rng.normal(size=(N, 1))
    runs = np.repeat([0, 1], N // 2)
    options: dict[str, Any] = {
        "mask_img": mask,
        "standardize": None,
        "standardize_confounds": False,
    }
    whole = ours.NiftiMasker(runs=runs, **options).fit_transform(given, confounds=confounds)
    for run in (0, 1):
        part = nib.Nifti1Image(given.get_fdata()[..., runs == run], AFFINE)
        alone = theirs.NiftiMasker(**options).fit_transform(part, confounds=confounds[runs == run])
        np.testing.assert_allclose(whole[runs == run], alone, atol=1e-10)
    wrong = theirs.NiftiMasker(runs=runs, **options).fit_transform(given, confounds=confounds)
    assert np.abs(wrong - whole).max() > 0.1


def test_spheres_are_set_up_in_the_time_of_their_number() -> None:
    rng = np.random.default_rng(3)
    seeds = rng.uniform(20, 120, size=(2000, 3))
    large = nib.Nifti1Image(np.zeros((72, 72, 72, 1), "f4"), np.diag([2.0, 2.0, 2.0, 1.0]))
    masker = ours.NiftiSpheresMasker(
        seeds, radius=8, allow_overlap=True, standardize=None, reports=False
    )
    began = time.perf_counter()
    masker.fit_transform(large)
    # nilearn needs minutes: it looks for each seed in a list of all 373 248 voxels.
    assert time.perf_counter() - began < 10


def on_a_coarse_grid() -> tuple[Any, Any]:
    """An atlas of which resampling to the image loses a label, and the image."""
    labels = np.zeros((24, 22, 20), "i4")
    labels[2:10] = 1
    labels[10:20] = 2
    labels[20, 5, 5] = 7
    fine = np.diag([1.5, 1.5, 1.5, 1.0])
    return nib.Nifti1Image(labels, fine), image("f8")


def test_labels_that_vanish_in_resampling() -> None:
    atlas, given = on_a_coarse_grid()
    atlas.get_fdata()
    inside = np.asarray(atlas.dataobj)
    inside[20, 5, 5], inside[21, 5, 5] = 0, 7
    default = ours.NiftiLabelsMasker(atlas, standardize=None)
    assert default.fit_transform(given).shape == (N, 2)
    nilearns = theirs.NiftiLabelsMasker(atlas, standardize=None)
    assert nilearns.fit_transform(given).shape == (N, 2)

    kept = ours.NiftiLabelsMasker(atlas, standardize=None, keep_all_labels=True)
    signals = kept.fit_transform(given)
    assert signals.shape == (N, 3)
    assert kept.n_elements_ == 3
    assert np.isnan(signals[:, 2]).all()
    assert np.array_equal(signals[:, :2], default.transform(given))
    assert kept.region_ids_ == {"background": 0, 0: 1, 1: 2, 2: 7}
    zeroed = ours.NiftiLabelsMasker(atlas, standardize=None, keep_masked_labels=True)
    assert not zeroed.fit_transform(given)[:, 2].any()
    (regions,) = bs.stream(given, bs.Labels(atlas, resample="mask"))
    assert regions.labels == (1, 2, 7)


def test_kept_labels_stay_out_of_cleaning_and_come_back_in_place() -> None:
    atlas, given = on_a_coarse_grid()
    np.asarray(atlas.dataobj)[20, 5, 5] = 0
    np.asarray(atlas.dataobj)[1, 5, 5] = -3  # a label before the others, lost too
    options: dict[str, Any] = {"standardize": "psc", "detrend": True}
    default = ours.NiftiLabelsMasker(atlas, **options)
    kept = ours.NiftiLabelsMasker(atlas, keep_all_labels=True, **options)
    signals, wanted = kept.fit_transform(given), default.fit_transform(given)
    assert np.isnan(signals[:, 0]).all()
    np.testing.assert_allclose(signals[:, 1:], wanted, rtol=1e-12)
    back, plain = kept.inverse_transform(signals), default.inverse_transform(wanted)
    np.testing.assert_allclose(back.get_fdata(), plain.get_fdata(), rtol=1e-6)


MASKERS: dict[str, dict[str, Any]] = {
    "NiftiMasker": {"mask_img": nib.Nifti1Image(np.ones(SHAPE, "u1"), AFFINE)},
    "NiftiLabelsMasker": {"labels_img": many_labels("i4")},
    "NiftiMapsMasker": {"maps_img": nib.Nifti1Image(np.ones((*SHAPE, 1), "f4"), AFFINE)},
    "NiftiSpheresMasker": {"seeds": [(9, 9, 9)], "radius": 4},
}


@pytest.mark.parametrize("kind", MASKERS)
@pytest.mark.parametrize("smoothing_fwhm", [None, 5])
def test_nan_policies(kind: str, smoothing_fwhm: float | None) -> None:
    data = image("f4").get_fdata(dtype="f4")
    data[3, 3, 3, 4] = np.nan
    holey = nib.Nifti1Image(data, AFFINE)
    filled = nib.Nifti1Image(np.nan_to_num(data), AFFINE)

    def signals(policy: str, given: Any) -> Any:
        masker = getattr(ours, kind)(
            **MASKERS[kind], standardize=None, smoothing_fwhm=smoothing_fwhm, nan_policy=policy
        )
        return masker.fit_transform(given)

    exact = signals("raise", filled)
    assert np.array_equal(signals("zero", holey), exact)
    assert np.array_equal(signals("nilearn", holey), exact)
    propagated = signals("propagate", holey)
    assert np.isnan(propagated[4]).any()
    assert np.isfinite(np.delete(propagated, 4, axis=0)).all()
    with pytest.raises(bs.NonFiniteError, match=r"volume 4.*\(3, 3, 3\)"):
        signals("raise", holey)
    with pytest.raises(bs.ParameterError, match="nan_policy"):
        signals("none", filled)


@pytest.mark.parametrize("kind", ["NiftiLabelsMasker", "NiftiMapsMasker"])
def test_nilearns_warning_of_nan(kind: str) -> None:
    data = image("f4").get_fdata(dtype="f4")
    data[3, 3, 3, 4] = np.nan
    holey = nib.Nifti1Image(data, AFFINE)
    masker = getattr(ours, kind)(**MASKERS[kind], standardize=None)
    with pytest.warns(UserWarning, match="Non-finite values detected"):
        masker.fit_transform(holey)
    assert np.isnan(holey.get_fdata()).sum() == 1, "the user's image must stay as it was"
