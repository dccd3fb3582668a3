"""Choices that do not tell the parameters, and ones that do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream.behaviour import fit_discounting
from boldstream.behaviour.identifiability import standard_errors, why_not_identifiable
from boldstream.behaviour.likelihood import Choices, hessian, log_likelihood, log_of_delay
from boldstream.behaviour.maximum import Bounds
from tests.behaviour.made_up import Subject, make_subject, quick_log_likelihood


def deterministic(seed: int, log_k: float = -4.0, n_trials: int = 60) -> Subject:
    """A subject without errors."""
    subject = make_subject(np.random.default_rng(seed), n_trials)
    value = subject.delayed_amount / (1 + math.exp(log_k) * subject.delay)
    return subject.with_choice((value > subject.immediate_amount).astype(float))


def test_a_usual_subject_is_identifiable(rng: np.random.Generator) -> None:
    fit = fit_discounting(*make_subject(rng).arguments)
    assert fit.identifiable
    assert fit.reason == ""
    assert fit.at_bound == ()


@pytest.mark.parametrize(("choice", "which", "end"), [(1.0, "delayed", 0), (0.0, "immediate", 1)])
def test_choices_that_are_all_alike(
    rng: np.random.Generator, choice: float, which: str, end: int
) -> None:
    fit = fit_discounting(*make_subject(rng).with_choice(np.full(120, choice)).arguments)
    assert not fit.identifiable
    assert fit.reason == f"all 120 choices are {which}"
    assert fit.at_bound == ("log_k", "inverse_temperature")
    assert fit.log_k == fit.log_k_bounds[end]
    assert math.isnan(fit.log_k_se)
    assert math.isnan(fit.inverse_temperature_se)
    assert fit.mcfadden_r2 == pytest.approx(1)


@pytest.mark.parametrize("seed", range(4))
def test_choices_without_an_error(seed: int) -> None:
    fit = fit_discounting(*deterministic(seed).arguments)
    assert not fit.identifiable
    assert fit.reason.startswith("one k predicts every choice")
    assert fit.at_bound == ("inverse_temperature",)
    assert fit.inverse_temperature == pytest.approx(fit.inverse_temperature_bounds[1])
    # The k that predicts them is found all the same.
    assert fit.log_k == pytest.approx(-4, abs=0.3)
    assert fit.log_likelihood == pytest.approx(0, abs=1e-6)


def test_one_wrong_choice_among_offers_of_equal_value_is_no_error() -> None:
    # Two offers with the same indifference point, taken once and not the other time.
    choice = np.array([1.0, 0, 1, 0])
    subject = Subject(
        choice, np.array([40.0, 40, 80, 25]), np.array([20.0, 20, 20, 20]), np.full(4, 20.0)
    )
    assert fit_discounting(*subject.arguments).reason.startswith("one k predicts every choice")


def test_an_error_that_no_k_explains_makes_beta_finite() -> None:
    subject = deterministic(0)
    # Less money, later: worth less whatever k is.
    subject.delayed_amount[0], subject.immediate_amount[0] = 10, 30
    choice = subject.choice.copy()
    choice[0] = 1
    fit = fit_discounting(*subject.with_choice(choice).arguments)
    assert "predicts every choice" not in fit.reason
    assert fit.at_bound == ()


@given(st.integers(0, 10_000), st.integers(3, 8))
def test_separable_is_what_a_search_over_k_finds(seed: int, n_trials: int) -> None:
    subject = make_subject(np.random.default_rng(seed), n_trials, beta=0.3)
    choice, amount, delay, immediate = subject.arguments
    if len(set(choice)) < 2:
        return
    # Where some k predicts all choices, so does one at which two amounts are worth the same.
    k = ((amount / immediate - 1) / delay)[:, np.newaxis]
    gain = amount / (1 + k * delay) - immediate
    is_wrong = np.where(choice == 1, gain < -1e-9, gain > 1e-9)
    predicts = ~is_wrong.any(axis=1)
    fit = fit_discounting(*subject.arguments)
    assert fit.reason.startswith("one k predicts every choice") == predicts.any()


@pytest.mark.parametrize("log_k", [-10.0, 3.0])
def test_k_beyond_what_the_trials_probe(log_k: float) -> None:
    subject = make_subject(np.random.default_rng(2), 100, log_k, beta=5.0)
    points = (subject.delayed_amount / subject.immediate_amount - 1) / subject.delay
    # A few errors where offers differ most, so that choices are not all alike.
    wrong = np.argsort(points)[-3:] if log_k < -4 else np.argsort(points)[:3]
    choice = subject.choice.copy()
    choice[wrong] = 1 - choice[wrong]
    fit = fit_discounting(*subject.with_choice(choice).arguments)
    assert not points.min() < fit.k < points.max()
    assert "outside the indifference points of the trials" in fit.reason
    assert f"{points.min():.3g} to {points.max():.3g}" in fit.reason


def test_choices_at_random_do_not_tell_k() -> None:
    reasons = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        fit = fit_discounting(*make_subject(rng, beta=0.0).arguments)
        assert ("no better than choices at random" in fit.reason) == (
            fit.aic >= -2 * fit.null_log_likelihood
        )
        reasons.append(fit.reason)
    assert sum("at random" in reason for reason in reasons) >= 15


@pytest.fixture
def trials(rng: np.random.Generator) -> Choices:
    """Those of a subject with k = exp(-4) and β = 0.4."""
    choice, amount, delay, immediate = make_subject(rng).arguments
    return Choices(choice == 1, amount, log_of_delay(delay), immediate)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (0.1, ""),
        (math.nan, "the likelihood is flat at its maximum"),
        (50.0, "the standard error of log k, 50, exceeds the range that the trials probe"),
    ],
)
def test_a_likelihood_without_curvature(trials: Choices, error: float, reason: str) -> None:
    point, bounds = np.array([-4.0, np.log(0.4)]), Bounds((-9, 2), (0.01, 10))
    height, _ = log_likelihood(trials, point)
    errors = np.array([error, 0.1])
    assert why_not_identifiable(trials, point, height, errors, bounds) == reason


def test_there_are_no_errors_where_the_likelihood_does_not_curve_down(trials: Choices) -> None:
    bounds = Bounds((-9, 2), (0.01, 10))
    assert np.isfinite(standard_errors(trials, np.array([-4.0, np.log(0.4)]), bounds)).all()
    away = np.array([1.9, np.log(0.02)])
    assert np.linalg.eigvalsh(hessian(trials, away))[1] > 0
    np.testing.assert_array_equal(standard_errors(trials, away, bounds), [np.nan, np.nan])
    assert np.isnan(standard_errors(trials, np.array([-9.0, np.log(0.4)]), bounds)).all()


def test_offers_that_no_k_makes_equal(rng: np.random.Generator) -> None:
    subject = make_subject(rng, 40)
    choice, amount, _, immediate = subject.arguments
    fit = fit_discounting(choice, amount, np.zeros(40), immediate)
    assert "no k makes both amounts of a trial worth the same" in fit.reason
    fit = fit_discounting(choice, immediate, subject.delay, amount)
    assert "no k makes both amounts of a trial worth the same" in fit.reason


def test_no_choice_at_all(rng: np.random.Generator) -> None:
    subject = make_subject(rng, 10)
    fit = fit_discounting(*subject.with_choice(np.full(10, np.nan)).arguments)
    assert (fit.n_trials, fit.n_missing) == (10, 10)
    assert fit.reason == "no trial has a choice"
    for name in ("log_k", "k", "inverse_temperature", "log_likelihood", "mcfadden_r2", "bic"):
        assert math.isnan(getattr(fit, name))
    assert np.isnan(fit.p_delayed([30.0], [3.0], 20)).all()


def test_few_trials_say_little() -> None:
    fit = fit_discounting([1, 0, 1, 0], [22, 60, 41, 40], [10, 20, 30, 40], 20)
    assert not fit.identifiable


def test_the_likelihood_reported_is_that_of_the_point_reported() -> None:
    for seed in range(10):
        subject = deterministic(seed, n_trials=8)
        fit = fit_discounting(*subject.arguments)
        expected = quick_log_likelihood(subject, fit.log_k, fit.inverse_temperature)
        assert fit.log_likelihood == pytest.approx(expected, abs=1e-9)
