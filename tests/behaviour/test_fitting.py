"""Fits against other optimisers, other packages, and what was planted."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import differential_evolution
from statsmodels.discrete.discrete_model import Logit
from statsmodels.tools.numdiff import approx_hess

from boldstream.behaviour import Discounting, fit_discounting
from boldstream.core.errors import ParameterError
from tests.behaviour.made_up import (
    Subject,
    make_subject,
    naive_log_likelihood,
    quick_log_likelihood,
)


@pytest.fixture
def subject(rng: np.random.Generator) -> Subject:
    return make_subject(rng)


@pytest.mark.parametrize("beta", [0.02, 0.3, 3.0, 30.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_other_optimiser_finds_more(seed: int, beta: float) -> None:
    rng = np.random.default_rng(seed)
    subject = make_subject(rng, n_trials=60, log_k=rng.uniform(-6, -2), beta=beta)
    fit = fit_discounting(*subject.arguments)

    def cost(point: Any) -> float:
        return -quick_log_likelihood(subject, point[0], math.exp(point[1]))

    bounds = [fit.log_k_bounds, tuple(np.log(fit.inverse_temperature_bounds))]
    other = differential_evolution(cost, bounds, seed=0, tol=1e-10, popsize=30)
    assert fit.log_likelihood >= -other.fun - 1e-6
    naive = naive_log_likelihood(subject, fit.log_k, min(fit.inverse_temperature, 50.0))
    if fit.inverse_temperature <= 50:
        assert fit.log_likelihood == pytest.approx(naive, abs=1e-8)


def test_fits_are_maxima_whatever_the_subject(rng: np.random.Generator) -> None:
    for _ in range(60):
        subject = make_subject(
            rng, int(rng.integers(20, 200)), rng.uniform(-7, -1), float(np.exp(rng.uniform(-4, 2)))
        )
        fit = fit_discounting(*subject.arguments)
        if not fit.identifiable:
            continue
        for step in (1e-3, 0.1, 1.0):
            for log_k, log_beta in [(step, 0), (-step, 0), (0, step), (0, -step), (step, -step)]:
                beside = quick_log_likelihood(
                    subject, fit.log_k + log_k, fit.inverse_temperature * math.exp(log_beta)
                )
                assert beside <= fit.log_likelihood


@pytest.mark.parametrize(
    ("amounts", "choices", "lower"),
    [
        # Each has two maxima; `lower` is the log k and log β of the one to pass over.
        ([55, 34, 22, 24, 78, 79], [1, 1, 0, 0, 1, 1], (-2.325, -3.515)),
        ([21, 79, 48, 24, 38, 77], [1, 1, 0, 0, 0, 1], (-8.075, -3.817)),
    ],
)
def test_the_lower_of_two_peaks_does_not_mislead(
    amounts: list[float], choices: list[float], lower: tuple[float, float]
) -> None:
    delay = np.array([1.0, 1, 30, 30, 1000, 1000])
    subject = Subject(np.array(choices), np.array(amounts), delay, np.full(6, 20.0))
    at_lower = quick_log_likelihood(subject, lower[0], math.exp(lower[1]))
    for step in (-0.2, 0.2):
        assert at_lower > quick_log_likelihood(subject, lower[0] + step, math.exp(lower[1]))
    fit = fit_discounting(*subject.arguments)
    low, high = np.log(fit.inverse_temperature_bounds)
    grid = [
        quick_log_likelihood(subject, log_k, math.exp(log_beta))
        for log_k in np.linspace(*fit.log_k_bounds, 600)
        for log_beta in np.linspace(low, high, 100)
    ]
    assert fit.log_likelihood >= max(grid) > at_lower + 0.1


def test_beta_is_that_of_a_logit_model_with_the_values(subject: Subject) -> None:
    fit = fit_discounting(*subject.arguments)
    value = subject.delayed_amount / (1 + fit.k * subject.delay)
    other = Logit(subject.choice, value - subject.immediate_amount).fit(disp=0)
    assert fit.inverse_temperature == pytest.approx(other.params[0], rel=1e-5)
    assert fit.log_likelihood == pytest.approx(other.llf)


def test_standard_errors_are_those_of_the_curvature_in_log_k_and_beta(subject: Subject) -> None:
    fit = fit_discounting(*subject.arguments)
    curvature = approx_hess(
        [fit.log_k, fit.inverse_temperature], lambda x: quick_log_likelihood(subject, *x)
    )
    expected = np.sqrt(np.diag(np.linalg.inv(-curvature)))
    found = [fit.log_k_se, fit.inverse_temperature_se]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_planted_parameters_are_recovered_with_honest_errors() -> None:
    rng = np.random.default_rng(5)
    off = []
    for _ in range(200):
        log_k, beta = rng.uniform(-5.5, -2.5), rng.uniform(0.2, 0.8)
        fit = fit_discounting(*make_subject(rng, 160, log_k, beta).arguments)
        assert fit.identifiable
        off.append(
            [
                (fit.log_k - log_k) / fit.log_k_se,
                (fit.inverse_temperature - beta) / fit.inverse_temperature_se,
                fit.log_k - log_k,
            ]
        )
    errors = np.array(off)
    inside = (np.abs(errors[:, :2]) < 1.96).mean(axis=0)
    assert (inside > 0.9).all()
    assert abs(errors[:, 2].mean()) < 0.03
    assert errors[:, 2].std() < 0.2


def test_criteria(subject: Subject) -> None:
    fit = fit_discounting(*subject.arguments)
    null = 120 * math.log(0.5)
    assert fit.null_log_likelihood == pytest.approx(null)
    assert fit.null_log_likelihood == pytest.approx(naive_log_likelihood(subject, 0.0, 0.0))
    assert fit.mcfadden_r2 == pytest.approx(1 - fit.log_likelihood / null)
    assert 0 < fit.mcfadden_r2 < 1
    assert fit.aic == pytest.approx(2 * 2 - 2 * fit.log_likelihood)
    assert fit.bic == pytest.approx(2 * math.log(120) - 2 * fit.log_likelihood)
    assert fit.k == pytest.approx(math.exp(fit.log_k))


@settings(max_examples=15)
@given(st.floats(1e-4, 1e4), st.floats(1e-4, 1e4), st.integers(0, 50))
def test_units_do_not_matter(of_amounts: float, of_delays: float, seed: int) -> None:
    subject = make_subject(np.random.default_rng(seed), n_trials=80)
    choice, amount, delay, immediate = subject.arguments
    fit = fit_discounting(choice, amount, delay, immediate)
    other = fit_discounting(choice, amount * of_amounts, delay * of_delays, immediate * of_amounts)
    assert other.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-6)
    assert other.identifiable == fit.identifiable
    if fit.identifiable:
        assert other.log_k + math.log(of_delays) == pytest.approx(fit.log_k, abs=1e-4)
        assert other.inverse_temperature * of_amounts == pytest.approx(
            fit.inverse_temperature, rel=1e-4
        )


def test_order_of_trials_does_not_matter(subject: Subject, rng: np.random.Generator) -> None:
    order = rng.permutation(120)
    fit = fit_discounting(*subject.arguments)
    other = fit_discounting(*(values[order] for values in subject.arguments))
    assert other.log_k == pytest.approx(fit.log_k, abs=1e-5)
    assert other.inverse_temperature == pytest.approx(fit.inverse_temperature, rel=1e-5)


@pytest.mark.parametrize(
    "encode",
    [
        lambda c: c.astype(bool),
        lambda c: c.astype(int).astype(str),
        lambda c: np.where(c == 1, "delayed", "immediate"),
        lambda c: np.where(c == 1, " Later", "NOW"),
        lambda c: [bool(x) if i % 2 else x for i, x in enumerate(c)],
    ],
)
def test_all_ways_to_say_what_was_chosen(subject: Subject, encode: Any) -> None:
    fit = fit_discounting(*subject.arguments)
    assert fit_discounting(*subject.with_choice(encode(subject.choice)).arguments) == fit


def test_missing_choices_are_left_out_and_counted(subject: Subject) -> None:
    choice = subject.choice.astype(object)
    choice[[0, 5, 9, 30]] = [None, "n/a", np.nan, " "]
    subject.delayed_amount[0] = np.nan
    kept = np.delete(np.arange(120), [0, 5, 9, 30])
    fit = fit_discounting(*subject.with_choice(choice).arguments)
    other = fit_discounting(*(values[kept] for values in subject.arguments))
    assert (fit.n_trials, fit.n_missing) == (120, 4)
    assert (other.n_trials, other.n_missing) == (116, 0)
    for name in ("log_k", "inverse_temperature", "log_likelihood", "null_log_likelihood", "bic"):
        assert getattr(fit, name) == getattr(other, name)


def test_one_immediate_amount_is_that_of_all_trials(subject: Subject) -> None:
    choice, amount, delay, _ = subject.arguments
    many = fit_discounting(choice, amount, delay, np.full(120, 20.0))
    assert fit_discounting(choice, amount, delay, 20) == many


def test_bounds_are_kept_and_said(subject: Subject) -> None:
    free = fit_discounting(*subject.arguments)
    assert free.at_bound == ()
    low = free.log_k + 0.5
    fit = fit_discounting(
        *subject.arguments, log_k_bounds=(low, 0), inverse_temperature_bounds=(0.01, 0.05)
    )
    assert fit.log_k_bounds == (low, 0)
    assert fit.inverse_temperature_bounds == (0.01, 0.05)
    assert set(fit.at_bound) <= {"log_k", "inverse_temperature"}
    assert "inverse_temperature" in fit.at_bound
    assert fit.inverse_temperature == pytest.approx(0.05)
    assert "inverse_temperature lies on its upper bound" in fit.reason
    assert math.isnan(fit.log_k_se)


def test_values_of_offers() -> None:
    fit = fit_discounting(*make_subject(np.random.default_rng(0)).arguments)
    amounts, delays = np.array([40.0, 30.0, np.nan]), np.array([0.0, 60.0, 7.0])
    expected = amounts / (1 + fit.k * delays)
    np.testing.assert_allclose(fit.subjective_value(amounts, delays), expected)
    p_delayed = 1 / (1 + np.exp(-fit.inverse_temperature * (expected - 20)))
    np.testing.assert_allclose(fit.p_delayed(amounts, delays, 20), p_delayed)
    assert fit.subjective_value(30, 60) == pytest.approx(expected[1])
    assert fit.p_delayed(1e9, 1, 1) == 1
    assert fit.p_delayed(1, 1, 1e9) == 0


def test_a_fit_cannot_be_changed(subject: Subject) -> None:
    fit = fit_discounting(*subject.arguments)
    assert isinstance(fit, Discounting)
    with pytest.raises(FrozenInstanceError):
        fit.log_k = 0.0  # type: ignore[misc]


GOOD: dict[str, Any] = {
    "choice": [1, 0, 1],
    "delayed_amount": [30, 30, 30],
    "delay": [1, 2, 3],
    "immediate_amount": [20, 20, 20],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"delay": [1, -2, 3]}, "`delay` must be finite and at least 0, got -2 in row 1"),
        ({"delay": [1, np.inf, 3]}, "`delay` must hold finite numbers, got inf in row 1"),
        ({"delay": [1, "soon", 3]}, "`delay` must hold finite numbers, got 'soon' in row 1"),
        ({"delay": [1, 2]}, "`delay` must have a cell for each of 3 trials, got 2"),
        ({"delay": [[1], [2], [3]]}, "`delay` must have one dimension"),
        ({"delayed_amount": [30, 0, 1]}, "`delayed_amount` must be finite and positive, got 0"),
        ({"immediate_amount": -20}, "`immediate_amount` must be finite and positive, got -20"),
        ({"immediate_amount": [20, None, 2]}, "`immediate_amount` must be there wherever .* row 1"),
        ({"choice": [1, 2, 0]}, "`choice` must hold 1 and 0 or 'delayed', .*, got 2 in row 1"),
        ({"choice": ["now", "latter", 0]}, "got 'latter' in row 1; did you mean 'later'?"),
        ({"log_k_bounds": (1, -1)}, "`log_k_bounds` must be two increasing numbers between -700"),
        ({"log_k_bounds": (1, 2, 3)}, "two increasing numbers between -700 and 700, got"),
        ({"log_k_bounds": (1, 1000)}, "two increasing numbers between -700 and 700, got"),
        ({"inverse_temperature_bounds": (0, 1)}, "increasing numbers between 0 and 1e"),
    ],
)
def test_what_cannot_be_used(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        fit_discounting(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("offer", "message"),
    [
        ((-1, 3), "`amount` must be finite and positive, got -1"),
        ((5, -3), "`delay` must be finite and at least 0, got -3"),
        (([5, 6], [1, -3]), "`delay` must be finite and at least 0, got -3 in row 1"),
        (("much", 3), "`amount` must be finite and positive, got 'much'"),
    ],
)
def test_offers_without_a_value(offer: tuple[Any, Any], message: str) -> None:
    fit = fit_discounting(**GOOD)
    with pytest.raises(ParameterError, match=message):
        fit.subjective_value(*offer)
