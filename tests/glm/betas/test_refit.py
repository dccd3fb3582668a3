"""`trial_betas` against a refit with nilearn for each trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.image import smooth_img

import boldstream as bs
from tests.glm.betas.made_up import AFFINE, SHAPE, TR, events, kept_of, off, refit, run
from tests.oracle import load


def betas(*args: Any, **options: Any) -> Any:
    return bs.trial_betas(*args, **{"dtype": "float64", **options})


@pytest.mark.parametrize("others", ["condition", "all"])
@pytest.mark.parametrize("percent", [False, True])
def test_lss(others: Any, percent: bool) -> None:
    image, table = run(), events()
    found = betas(image, table, others=others, signal_scaling=0 if percent else False)
    assert off(found.image, refit(image, table, others=others, percent=percent)) < 1e-8
    assert np.array_equal(found.image.affine, image.affine)
    assert found.path is None
    assert not len(found.excluded)
    assert list(found.trials["onset"]) == list(table["onset"])
    assert list(found.trials["response_time"]) == list(table["response_time"])
    assert (found.trials["run"] == 1).all()
    assert list(found.trials["row"]) == list(range(len(table)))


@pytest.mark.parametrize("percent", [False, True])
def test_lsa(percent: bool) -> None:
    image, table = run(), events()
    found = betas(image, table, method="lsa", signal_scaling=0 if percent else False)
    assert off(found.image, refit(image, table, lsa=True, percent=percent)) < 1e-8


@pytest.mark.parametrize(
    "design",
    [
        {"hrf_model": "spm"},
        {"hrf_model": "glover + derivative"},
        {"hrf_model": None},
        {"drift_model": None},
        {"drift_model": "polynomial", "drift_order": 3},
        {"high_pass": 0.02},
        {"min_onset": -2},
    ],
    ids=str,
)
def test_designs(design: dict[str, Any]) -> None:
    image, table = run(), events()
    # Without a response, what lies between two volumes is not seen.
    table["duration"] += TR
    assert off(betas(image, table, **design).image, refit(image, table, **design)) < 1e-8


def test_several_runs_with_their_own() -> None:
    images = [run(seed, n) for seed, n in enumerate((80, 90, 76))]
    tables = [
        events(seed, n_trials, n) for seed, n_trials, n in ((0, 8, 80), (1, 5, 90), (2, 9, 76))
    ]
    rng = np.random.default_rng(1)
    confounds = [rng.normal(size=(80, 3)), None, pd.DataFrame(rng.normal(size=(76, 2)))]
    masks: list[Any] = [None, kept_of(90), np.isin(np.arange(76), kept_of(76))]
    found = betas(images, tables, confounds=confounds, sample_mask=masks)
    kept = [slice(None), kept_of(90), kept_of(76)]
    wanted = [
        refit(image, table, confounds=regressors, kept=some)
        for image, table, regressors, some in zip(images, tables, confounds, kept, strict=True)
    ]
    assert off(found.image, np.concatenate(wanted, axis=3)) < 1e-8
    assert list(found.trials["run"]) == [1] * 8 + [2] * 5 + [3] * 9
    assert list(found.trials["row"]) == [*range(8), *range(5), *range(9)]

    # In another order each run keeps its betas, to the bit.
    order = [2, 0, 1]
    turned = betas(
        *([each[i] for i in order] for each in (images, tables)),
        confounds=[confounds[i] for i in order],
        sample_mask=[masks[i] for i in order],
    )
    data = np.asarray(found.image.dataobj)
    moved = np.concatenate([data[..., 13:], data[..., :13]], axis=3)
    assert np.array_equal(np.asarray(turned.image.dataobj), moved)
    assert list(turned.trials["run"]) == [1] * 9 + [2] * 8 + [3] * 5


def test_censored_volumes_are_not_looked_at() -> None:
    image, table = run(), events()
    data = image.get_fdata()
    left_out = np.setdiff1d(np.arange(80), kept_of())
    clean = refit(image, table, kept=kept_of(), percent=True)
    data[..., left_out] = np.nan
    spoiled = nib.Nifti1Image(data, AFFINE)
    found = betas(
        spoiled, table, t_r=TR, sample_mask=kept_of(), signal_scaling=0, nan_policy="raise"
    )
    assert off(found.image, clean) < 1e-8


def test_volumes_in_files_of_their_own_are_one_run(tmp_path: Path) -> None:
    image, table = run(), events()
    paths = []
    for t, volume in enumerate(np.moveaxis(image.get_fdata(), 3, 0)):
        paths.append(tmp_path / f"vol-{t:03d}.nii.gz")
        nib.save(nib.Nifti1Image(volume, AFFINE), paths[-1])
    with pytest.raises(bs.ParameterError, match="`t_r` must be given"):
        betas(paths, table)
    found = betas(paths, table, t_r=TR)
    assert off(found.image, refit(image, table)) < 1e-8
    assert (found.trials["run"] == 1).all()
    assert off(betas([image], table).image, refit(image, table)) < 1e-8


@pytest.mark.parametrize("kind", ["path", "image", "array"])
def test_masks(kind: str, tmp_path: Path) -> None:
    image, table = run(), events()
    inside = np.random.default_rng(4).random(SHAPE) > 0.5
    masks: dict[str, Any] = {
        "path": tmp_path / "mask.nii.gz",
        "image": nib.Nifti1Image(inside.astype("u1"), AFFINE),
        "array": inside,
    }
    nib.save(masks["image"], masks["path"])
    found = betas(image, table, mask=masks[kind])
    wanted = refit(image, table)
    wanted[~inside] = 0
    assert off(found.image, wanted) < 1e-8
    assert np.array_equal(found.mask, inside)


@pytest.mark.parametrize("fwhm", [6.0, [4.0, None, 5.0], "fast"])
def test_smoothing_comes_first(fwhm: Any) -> None:
    image, table = run(), events()
    found = betas(image, table, smoothing_fwhm=fwhm)
    assert off(found.image, refit(smooth_img(image, fwhm), table)) < 1e-8
    # What smoothing spreads into the mask comes from outside of it.
    inside = np.zeros(SHAPE, bool)
    inside[1:3, 2:4, 1] = True
    some = betas(image, table, smoothing_fwhm=fwhm, mask=inside).image.get_fdata()
    np.testing.assert_allclose(some[inside], found.image.get_fdata()[inside], rtol=1e-9)


def test_conditions_that_are_wanted() -> None:
    image, table = run(), events()
    wanted = np.flatnonzero(table["trial_type"] == "face")
    found = betas(image, table, conditions=["face"])
    assert off(found.image, refit(image, table)[..., wanted]) < 1e-8
    assert list(found.trials["row"]) == list(wanted)


@pytest.mark.parametrize("stored", ["f4", "i2"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types(stored: str, dtype: Any, tmp_path: Path) -> None:
    """Sums are float64, also of integers with a slope, and rounded once."""
    image = run(dtype=stored)
    if stored == "i2":
        image = nib.Nifti1Image(image.get_fdata(), AFFINE, image.header)
        image.header.set_data_dtype("i2")
    path = tmp_path / "bold.nii.gz"
    nib.save(image, path)
    written = load(path)
    assert (written.dataobj.slope != 1) == (stored == "i2")
    wanted = refit(written, events())
    found = betas(path, events(), dtype=dtype).image
    assert found.get_data_dtype() == np.dtype(dtype)
    assert off(found, wanted) < (1e-8 if dtype == "float64" else 1e-7)


def test_ridge_and_fractional_ridge() -> None:
    image, table = run(), events()
    plain, none = (
        betas(image, table, method="lsa", **how).image.get_fdata() for how in ({}, {"penalty": 0.0})
    )
    assert np.array_equal(plain, none)
    lengths = np.linalg.norm(plain, axis=3)
    ridge = betas(image, table, method="lsa", penalty=1.0).image.get_fdata()
    assert (np.linalg.norm(ridge, axis=3) < lengths).all()
    for fraction in (0.2, 0.7, 1.0):
        for percent in (False, 0):
            shrunk = betas(
                image, table, method="lsa", fraction=fraction, signal_scaling=percent
            ).image.get_fdata()
            whole = betas(image, table, method="lsa", signal_scaling=percent).image.get_fdata()
            ratio = np.linalg.norm(shrunk, axis=3) / np.linalg.norm(whole, axis=3)
            np.testing.assert_allclose(ratio, fraction, rtol=1e-9)


def test_ridge_is_the_minimum_of_its_penalised_squares() -> None:
    """By a fit to data with rows of zeros for the penalty, drift left alone."""
    from nilearn.glm.first_level import make_first_level_design_matrix

    image, table = run(), events()
    named = table[["onset", "duration"]].assign(trial_type=[f"t{i}" for i in range(8)])
    matrix = make_first_level_design_matrix(TR * np.arange(80), named, high_pass=0.01)
    names = [f"t{i}" for i in range(8)]
    design = matrix[[*names, *(name for name in matrix if name not in names)]].to_numpy()
    rows = np.vstack([design, 0.8 * np.eye(8, design.shape[1])])
    values = np.vstack([image.get_fdata().reshape(-1, 80).T, np.zeros((8, 60))])
    wanted = np.linalg.lstsq(rows, values, rcond=None)[0][:8].T.reshape(*SHAPE, 8)
    assert off(betas(image, table, method="lsa", penalty=0.64).image, wanted) < 1e-8


def test_the_table_stays_with_the_betas() -> None:
    image, table = run(), events()
    table.loc[2, "onset"], table.loc[5, "duration"], table.loc[6, "trial_type"] = 1e4, np.nan, None
    with pytest.raises(bs.TableError, match="got 2 without: row 5 "):
        betas(image, table)
    found = betas(image, table, unestimable="exclude")
    assert list(found.trials["row"]) == [0, 1, 3, 4, 7]
    assert list(found.excluded["row"]) == [2, 5, 6]
    assert (found.excluded["run"] == 1).all()
    assert found.excluded["reason"].str.len().min() > 10
    assert found.image.shape[3] == 5
    wanted = refit(image, table.drop(index=[2, 5, 6]).reset_index(drop=True))
    assert off(found.image, wanted) < 1e-8
    both = betas([image, image], [events(), table], unestimable="exclude")
    assert list(both.excluded["run"]) == [2, 2, 2]
    assert list(both.trials["run"]) == [1] * 8 + [2] * 5
    assert off(np.asarray(both.image.dataobj)[..., 8:], wanted) < 1e-8


@pytest.mark.parametrize("policy", ["nilearn", "zero", "propagate", "raise"])
def test_what_is_not_finite(policy: Any) -> None:
    image, table = run(), events()
    data = image.get_fdata()
    data[1, 2, 1, 40] = np.nan
    spoiled = nib.Nifti1Image(data, AFFINE)
    if policy == "raise":
        with pytest.raises(bs.NonFiniteError, match=r"volume 40 at voxel \(1, 2, 1\)"):
            betas(spoiled, table, t_r=TR, nan_policy=policy)
        return
    found = betas(spoiled, table, t_r=TR, nan_policy=policy).image.get_fdata()
    wanted = refit(nib.Nifti1Image(np.nan_to_num(data), AFFINE), table)
    if policy == "propagate":
        assert np.isnan(found[1, 2, 1]).all()
        found[1, 2, 1] = wanted[1, 2, 1]
    assert off(found, wanted) < 1e-8


def test_percent_of_nothing() -> None:
    image = run()
    data = image.get_fdata()
    data[0, 0, 0] = 0
    with pytest.warns(UserWarning, match="Mean values of 0 observed") as caught:
        found = betas(nib.Nifti1Image(data, AFFINE), events(), t_r=TR, signal_scaling=0)
    assert caught[0].filename == __file__
    assert not found.image.get_fdata()[0, 0, 0].any()
