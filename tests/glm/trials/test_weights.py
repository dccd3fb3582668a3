"""Weights of trials against a refit of nilearn's design for each."""

from __future__ import annotations

import warnings
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.glm import OLSModel
from nilearn.glm.first_level import FirstLevelModel, glover_hrf, spm_hrf

from boldstream.core.errors import TableError
from boldstream.glm.trials import make_trial_design
from boldstream.glm.trials.options import Sampling
from tests.glm.trials.refit import (
    Floats,
    design_of_all,
    design_of_trial,
    made_up_events,
    off,
    pseudo_inverse,
    refit_lsa,
    refit_lss,
)

MODELS = ["glover", "spm + derivative", "glover + derivative + dispersion", [spm_hrf, glover_hrf]]
N, T_R = 150, 1.7


def frames_of(n_volumes: int = N, t_r: float = T_R, slice_time_ref: float = 0.0) -> Floats:
    return Sampling(n_volumes, t_r, slice_time_ref, -24, 50).frames


@pytest.fixture
def events(rng: np.random.Generator) -> pd.DataFrame:
    return made_up_events(rng, 18, N * T_R)


@pytest.fixture
def confounds(rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(1e4 + 1e3 * rng.normal(size=(N, 4)), columns=list("abcd"))


@pytest.mark.parametrize("others", ["condition", "all"])
@pytest.mark.parametrize("model", MODELS, ids=["one", "two", "three", "functions"])
def test_lss(events: pd.DataFrame, confounds: pd.DataFrame, model: Any, others: Any) -> None:
    kept = np.setdiff1d(np.arange(N), [0, 1, 40, 41, 90])
    found = make_trial_design(
        events, N, T_R, others=others, hrf_model=model, slice_time_ref=0.5,
        confounds=confounds, sample_mask=kept,
    )  # fmt: skip
    expected = refit_lss(
        events, frames_of(slice_time_ref=0.5), others, kept, hrf_model=model, add_regs=confounds
    )
    assert off(found.weights[:, kept], expected) < 1e-10
    assert not found.weights[:, [0, 1, 40, 41, 90]].any()
    pd.testing.assert_frame_equal(found.table.drop(columns="row"), events)
    assert list(found.table["row"]) == list(range(18))
    assert found.excluded.empty


@pytest.mark.parametrize("model", MODELS, ids=["one", "two", "three", "functions"])
def test_lsa(events: pd.DataFrame, confounds: pd.DataFrame, model: Any) -> None:
    keeps = np.ones(N, dtype=bool)
    keeps[[3, 70]] = False
    found = make_trial_design(
        events, N, T_R, method="lsa", hrf_model=model, confounds=confounds, sample_mask=keeps
    )
    expected = refit_lsa(events, frames_of(), keeps, hrf_model=model, add_regs=confounds)
    assert off(found.weights[:, keeps], expected) < 1e-10


@pytest.mark.parametrize("method", ["lss", "lsa"])
@pytest.mark.parametrize(
    "drift",
    [
        {"drift_model": None},
        {"drift_model": "polynomial", "drift_order": 3},
        {"drift_model": "cosine", "high_pass": 0.02},
    ],
    ids=str,
)
def test_drift(events: pd.DataFrame, drift: dict[str, Any], method: Any) -> None:
    found = make_trial_design(events, N, T_R, method=method, **drift)
    expected = (
        refit_lss(events, frames_of(), "condition", **drift)
        if method == "lss"
        else refit_lsa(events, frames_of(), **drift)
    )
    assert off(found.weights, expected) < 1e-10


@given(
    st.lists(
        st.tuples(
            st.floats(-20, 150) | st.sampled_from([10.0, 10.01, 40.0]),
            st.sampled_from([0.0, 0.5, 3.0, 30.0]),
            st.sampled_from(["a", "b"]),
            st.floats(0.2, 3),
        ),
        min_size=1,
        max_size=10,
    ),
    st.sampled_from([0.8, 1.5, 2.2]),
    st.sampled_from(["glover", "spm", "glover + derivative"]),
    st.sampled_from(["condition", "all"]),
)
def test_any_events(rows: list[tuple], t_r: float, model: str, others: Any) -> None:
    """A trial has a beta where its regressor is not made up of the rest, and the refit's then."""
    events = pd.DataFrame(rows, columns=["onset", "duration", "trial_type", "modulation"])
    n_volumes = int(200 / t_r)
    refits, digits_lost = {}, {}
    for row in range(len(events)):
        design, column = design_of_trial(
            events, row, frames_of(n_volumes, t_r), others, hrf_model=model
        )
        beside = np.delete(design, column, axis=1)
        rest = design[:, column] - beside @ (pseudo_inverse(beside) @ design[:, column])
        if np.linalg.norm(rest) > 1e-7 * np.linalg.norm(design[:, column]):
            refits[row] = pseudo_inverse(design)[column]
            digits_lost[row] = np.linalg.cond(design / np.linalg.norm(design, axis=0))
    options: dict[str, Any] = {"hrf_model": model, "others": others, "unestimable": "exclude"}
    if not refits:
        with pytest.raises(TableError, match="must have at least one trial with a beta"):
            make_trial_design(events, n_volumes, t_r, **options)
        return
    found = make_trial_design(events, n_volumes, t_r, **options)
    assert list(found.table["row"]) == list(refits)
    for weights, (row, expected) in zip(found.weights, refits.items(), strict=True):
        close = np.abs(weights - expected).max() / np.abs(expected).max()
        assert close < 1e-10 + 1e-12 * min(digits_lost[row], 1e8)


def test_betas_of_nilearns_model(
    events: pd.DataFrame, confounds: pd.DataFrame, rng: np.random.Generator
) -> None:
    """FirstLevelModel, from an image on, one trial renamed at a time."""
    series = rng.normal(100, 5, (2, 2, 1, N))
    image = nib.Nifti1Image(series, np.eye(4))
    kept = np.arange(5, N)
    design = make_trial_design(
        events, N, T_R, hrf_model="glover + derivative", slice_time_ref=0.5,
        confounds=confounds, sample_mask=kept,
    )  # fmt: skip
    betas = design.weights @ series.reshape(4, N).T
    for row in (0, 9, 17):
        named = events.copy()
        named.loc[row, "trial_type"] = "trial"
        model = FirstLevelModel(
            T_R, slice_time_ref=0.5, hrf_model="glover + derivative", noise_model="ols",
            mask_img=nib.Nifti1Image(np.ones((2, 2, 1), np.uint8), np.eye(4)),
            signal_scaling=False, minimize_memory=True, standardize=False,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(image, events=named, confounds=confounds, sample_masks=kept)
            effect = model.compute_contrast("trial", output_type="effect_size")
        np.testing.assert_allclose(betas[row], effect.get_fdata().ravel(), rtol=1e-8)


def test_betas_of_ols(events: pd.DataFrame, rng: np.random.Generator) -> None:
    series = rng.normal(size=(N, 3))
    design, first, _ = design_of_all(events, frames_of())
    expected = OLSModel(design).fit(series).theta[first]
    found = make_trial_design(events, N, T_R, method="lsa")
    np.testing.assert_allclose(found.weights @ series, expected, rtol=1e-9)


def test_conditions_choose_trials_and_others_stay(events: pd.DataFrame) -> None:
    found = make_trial_design(events, N, T_R, conditions=["house"])
    rows = np.flatnonzero(events["trial_type"] == "house")
    assert list(found.table["row"]) == list(rows)
    assert off(found.weights, refit_lss(events, frames_of(), "condition")[rows]) < 1e-10

    named = events.copy()
    named.loc[rows, "trial_type"] = [f"trial {row:03}" for row in rows]
    lsa = make_trial_design(events, N, T_R, conditions=["house"], method="lsa")
    # Every other condition as it is.
    expected = make_trial_design(named, N, T_R)
    assert off(lsa.weights, expected.weights[rows]) < 1e-10


def test_conditions_share_one_regressor_and_others_keep_theirs(events: pd.DataFrame) -> None:
    found = make_trial_design(events, N, T_R, conditions=["house", "face"], others="all")
    merged = events.copy()
    merged.loc[merged["trial_type"] != "chair", "trial_type"] = "one"
    expected = make_trial_design(merged, N, T_R, conditions=["one"])
    assert off(found.weights, expected.weights) < 1e-10


def test_dependent_columns_of_a_model_add_nothing(events: pd.DataFrame) -> None:
    def twice(t_r: float, oversampling: int) -> Floats:
        return 2 * np.asarray(spm_hrf(t_r, oversampling))

    for method in ("lss", "lsa"):
        one = make_trial_design(events, N, T_R, method=method, hrf_model=spm_hrf)
        two = make_trial_design(events, N, T_R, method=method, hrf_model=[spm_hrf, twice])
        assert off(two.weights, one.weights) < 1e-9


def test_weights_know_nothing_of_nuisance_and_give_each_trial_once(
    events: pd.DataFrame, confounds: pd.DataFrame
) -> None:
    for method in ("lss", "lsa"):
        found = make_trial_design(events, N, T_R, method=method, confounds=confounds)
        design, first, _ = design_of_all(events, frames_of(), add_regs=confounds)
        lengths = np.linalg.norm(found.weights, axis=1, keepdims=True)
        nuisance = confounds.to_numpy()
        assert np.abs(found.weights @ nuisance / lengths).max() < 1e-9 * np.linalg.norm(nuisance)
        assert np.abs(found.weights.sum(axis=1, keepdims=True) / lengths).max() < 1e-11
        np.testing.assert_allclose(np.diag(found.weights @ design[:, first]), 1, rtol=1e-10)


@pytest.mark.parametrize("model", ["glover", "glover + derivative"])
@pytest.mark.parametrize("penalty", [1e-3, 0.5, 100.0])
def test_ridge(events: pd.DataFrame, model: str, penalty: float, rng: np.random.Generator) -> None:
    """Against least squares with a row for each penalised coefficient."""
    found = make_trial_design(events, N, T_R, method="lsa", hrf_model=model, penalty=penalty)
    design, first, of_trials = design_of_all(events, frames_of(), hrf_model=model)
    more = np.zeros((len(of_trials), design.shape[1]))
    more[np.arange(len(of_trials)), of_trials] = np.sqrt(penalty)
    series = rng.normal(size=(N, 4))
    expected = np.linalg.lstsq(
        np.vstack([design, more]), np.vstack([series, np.zeros((len(more), 4))]), rcond=None
    )[0]
    np.testing.assert_allclose(found.weights @ series, expected[first], rtol=1e-9, atol=1e-11)


def test_ridge_tells_trials_that_coincide_apart_by_half() -> None:
    events = pd.DataFrame(
        {"onset": [10.0, 10.0, 50.0], "duration": 1.0, "trial_type": ["a", "b", "a"]}
    )
    found = make_trial_design(events, 60, 2.0, method="lsa", penalty=0.1)
    np.testing.assert_allclose(found.weights[0], found.weights[1], rtol=1e-10)
    assert found.weights.any(axis=1).all()


def test_order_of_events_does_not_matter(events: pd.DataFrame) -> None:
    order = np.random.default_rng(3).permutation(len(events))
    for method in ("lss", "lsa"):
        found = make_trial_design(events, N, T_R, method=method)
        mixed = make_trial_design(events.iloc[order], N, T_R, method=method)
        assert off(mixed.weights, found.weights[order]) < 1e-11
