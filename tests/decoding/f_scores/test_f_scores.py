"""F maps against nilearn's masker and scikit-learn's f_classif."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.maskers import NiftiMasker
from numpy.typing import NDArray
from sklearn.feature_selection import f_classif

import boldstream as bs
from boldstream.core.errors import GridMismatchError, MaskError, NonFiniteError, ParameterError
from boldstream.decoding.f_scores import f_scores

SHAPE = (4, 3, 5)
AFFINE = np.diag([3.0, 3.0, 3.5, 1.0])
Y = np.tile(["face", "house", "cat"], 16)
RUNS = np.repeat([1, 2, 3, 4], 12)


def image_of(data: NDArray[Any]) -> nib.Nifti1Image:
    return nib.Nifti1Image(data, AFFINE)


def made_up(seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    data = rng.normal(10_000, 100, (*SHAPE, len(Y)))
    data += rng.normal(0, 300, (*SHAPE, 4))[..., RUNS - 1]
    data[1, 1, 1, Y == "face"] += 200
    return data


def expected(
    img: Any, y: Any, mask: Any, runs: Any, *, standardize: bool = True
) -> tuple[NDArray[Any], NDArray[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        masker = NiftiMasker(
            mask, runs=runs, standardize="zscore_sample" if standardize else None, dtype="f8"
        )
        return f_classif(masker.fit_transform(img), y)  # type: ignore[no-any-return]


def whole(img: Any) -> nib.Nifti1Image:
    return nib.Nifti1Image(np.ones(img.shape[:3], "u1"), img.affine)


@pytest.mark.parametrize("standardize", [True, False])
def test_scores_are_those_of_nilearn_and_scikit_learn(standardize: bool) -> None:
    img = image_of(made_up())
    found = f_scores(img, Y, runs=RUNS, standardize=standardize)
    f, p = expected(img, Y, whole(img), RUNS, standardize=standardize)
    np.testing.assert_allclose(found.f, f, rtol=1e-6)
    np.testing.assert_allclose(found.p, p, rtol=1e-6)
    np.testing.assert_allclose(found.neg_log10_p, np.minimum(-np.log10(p), 10), rtol=1e-6)
    assert found.n_samples == (16, 16, 16)
    assert found.classes.tolist() == ["cat", "face", "house"]


def test_haxby_as_in_the_example_of_nilearn(shared_data: Path) -> None:
    folder = shared_data / "haxby_pymvpa"
    table = pd.read_csv(folder / "attributes_literal.txt", sep=" ", names=["label", "run"])
    taken = table.label.isin(["face", "house"]).to_numpy()
    img: Any = nib.load(folder / "bold.nii.gz")
    subset = nib.Nifti1Image(img.get_fdata()[..., taken], img.affine)
    f, p = expected(subset, table.label[taken], folder / "mask.nii.gz", table.run[taken])
    found = f_scores(
        folder / "bold.nii.gz",
        table.label,
        mask=folder / "mask.nii.gz",
        runs=table.run,
        conditions=["face", "house"],
    )
    assert len(f) == 530
    np.testing.assert_allclose(found.f, f, rtol=1e-6)
    capped = np.minimum(-np.log10(p), 10)
    np.testing.assert_allclose(found.neg_log10_p, capped, rtol=1e-6)
    assert (capped == 10).sum() > 20
    image = found.neg_log10_p_img
    inside = nib.load(folder / "mask.nii.gz").get_fdata() > 0  # type: ignore[attr-defined]
    np.testing.assert_allclose(image.get_fdata()[inside], capped, rtol=1e-5)
    assert not image.get_fdata()[~inside].any()
    np.testing.assert_allclose(image.affine, img.affine)


def test_runs_of_a_list_are_read_side_by_side(tmp_path: Path) -> None:
    data = made_up()
    paths = []
    for run in range(4):
        paths.append(tmp_path / f"{run}.nii.gz")
        nib.save(image_of(data[..., run + 1 == RUNS]), paths[-1])
    img = image_of(data)
    f, _ = expected(img, Y, whole(img), RUNS)
    for n_jobs in (1, 3):
        found = f_scores(paths, Y, n_jobs=n_jobs)
        np.testing.assert_allclose(found.f, f, rtol=1e-6)
    # Runs of a user's own cut across files.
    other = np.repeat([0, 1, 2], [10, 20, 18])
    f, _ = expected(img, Y, whole(img), other)
    np.testing.assert_allclose(f_scores(paths, Y, runs=other, n_jobs=4).f, f, rtol=1e-6)


def test_a_voxel_that_does_not_vary_has_documented_values() -> None:
    data = made_up().astype("f4")
    data[0, 0, 0] = 12345.678  # everywhere
    data[2, 0, 0, RUNS == 2] = 7.0  # in one run
    found = f_scores(image_of(data), Y, runs=RUNS)
    assert np.isnan(found.f[0])
    assert np.isnan(found.p[0])
    assert found.neg_log10_p[0] == 0
    assert not np.signbit(found.neg_log10_p).any()
    assert np.isfinite(np.delete(found.f, 0)).all()
    z = data[2, 0, 0].astype("f8")
    for run in range(1, 5):
        z[run == RUNS] -= z[run == RUNS].mean()
        z[run == RUNS] /= z[run == RUNS].std(ddof=1) or 1
    f, _ = f_classif(z[:, None], Y)
    voxel = 2 * SHAPE[1] * SHAPE[2]
    np.testing.assert_allclose(found.f[voxel], f[0], rtol=1e-6)
    assert found.f_img.get_fdata()[0, 0, 0] == 0
    assert found.p_img.get_fdata()[0, 0, 0] == 1


def test_a_perfect_difference_is_capped() -> None:
    data = np.zeros((1, 1, 2, len(Y)))
    data[0, 0, :] = np.unique(Y, return_inverse=True)[1]
    data[0, 0, 1] += np.random.default_rng(0).normal(0, 1, len(Y))
    for cap, most in ((10.0, 10.0), (4, 4.0)):
        assert f_scores(image_of(data), Y, cap=cap).neg_log10_p[0] == most
    assert f_scores(image_of(data), Y, cap=None).neg_log10_p[0] > 300


def test_nan_is_zero_as_in_nilearn_or_refused() -> None:
    data = made_up()
    data[0, 0, 0, 5] = np.nan
    img = image_of(data)
    f, _ = expected(image_of(np.nan_to_num(data)), Y, whole(img), RUNS)
    np.testing.assert_allclose(f_scores(img, Y, runs=RUNS).f, f, rtol=1e-6)
    with pytest.raises(NonFiniteError, match=r"volume 5 at voxel \(0, 0, 0\)"):
        f_scores(img, Y, nan_policy="raise")
    found = f_scores(img, Y, runs=RUNS, nan_policy="propagate")
    assert np.isnan(found.f[0])
    assert np.isfinite(found.f[1:]).all()


def test_volumes_that_are_left_out_count_nowhere() -> None:
    data = made_up()
    taken = Y != "cat"
    found = f_scores(image_of(data), Y, runs=RUNS, conditions=["house", "face"])
    data[..., ~taken] = np.nan
    alone = image_of(data[..., taken])
    f, _ = expected(alone, Y[taken], whole(alone), RUNS[taken])
    np.testing.assert_allclose(found.f, f, rtol=1e-6)
    again = f_scores(image_of(data), Y, runs=RUNS, conditions=["house", "face"], nan_policy="raise")
    np.testing.assert_allclose(again.f, f, rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "kwargs", "message"),
    [
        (Y[:-1], {}, "`y` must have one entry for each of the 48 samples, got 47"),
        (Y, {"runs": RUNS[1:]}, "`runs` must have one entry for each of the 48"),
        (Y, {"runs": np.arange(48)}, "`runs` must have at least two volumes each"),
        (np.linspace(0, 1, 48), {}, "got continuous values"),
        (["a"] * 48, {}, "`y` must hold at least two classes"),
        (np.arange(48), {}, "more volumes than classes, got 48 volumes of 48 classes"),
        (Y, {"conditions": ["face", "hause"]}, "got 'hause'; did you mean 'house'"),
        (Y, {"conditions": "face"}, "`conditions` must be a list of labels, got 'face'"),
        (Y, {"conditions": []}, "`conditions` must be a list of labels"),
        (Y, {"conditions": ["face"]}, "`y` must hold at least two classes, got only 'face'"),
        (Y, {"cap": -1}, "`cap` must be a positive number"),
        (Y, {"nan_policy": "nan"}, "`nan_policy` must be one of"),
    ],
)
def test_what_cannot_be(y: Any, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        f_scores(image_of(made_up()), y, **kwargs)


def test_a_mask_of_another_grid() -> None:
    with pytest.raises(GridMismatchError, match="resample it to the image first") as caught:
        f_scores(image_of(made_up()), Y, mask=nib.Nifti1Image(np.ones((4, 3, 6), "u1"), AFFINE))
    assert "resample=" not in str(caught.value)


def test_betas_in_every_form(tmp_path: Path) -> None:
    onsets = np.arange(12) * 13.0
    events = pd.DataFrame({"onset": onsets, "duration": 2.0, "trial_type": list("abba") * 3})
    data = np.random.default_rng(3).normal(100, 5, (*SHAPE, 90))
    inside = np.ones(SHAPE, bool)
    inside[0] = False
    given: dict[str, Any] = {"t_r": 2.0, "mask": inside}
    held = bs.trial_betas(image_of(data), events, **given)
    bs.trial_betas(image_of(data), events, output=tmp_path / "betas", **given)
    y, runs = events["trial_type"], np.repeat([1, 2], 6)
    # In float64: nilearn standardises float32 in float32.
    betas_img = image_of(np.asarray(held.image.dataobj, "f8"))
    f, _ = expected(betas_img, y, nib.Nifti1Image(inside.astype("u1"), AFFINE), runs)
    for betas in (held, bs.open_betas(tmp_path / "betas"), tmp_path / "betas"):
        found = f_scores(betas, y, runs=runs)
        np.testing.assert_allclose(found.f, f, rtol=1e-6)
        np.testing.assert_array_equal(found.mask, inside)
        with pytest.raises(MaskError, match="`mask` must lie inside the mask of the samples"):
            f_scores(betas, y, mask=np.ones(SHAPE, bool))
