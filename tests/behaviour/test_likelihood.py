"""The likelihood and its derivatives against the formula, a trial at a time, and differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from boldstream.behaviour.likelihood import (
    Choices,
    hessian,
    log_indifference,
    log_likelihood,
    log_of_delay,
    on_grid,
    p_of_delayed,
    subjective_value,
)
from tests.behaviour.made_up import Subject, make_subject, naive_log_likelihood

points = st.tuples(st.floats(-9, 1), st.floats(-4, 1))


def choices_of(subject: Subject) -> Choices:
    choice, amount, delay, immediate = subject.arguments
    return Choices(choice == 1, amount, log_of_delay(delay), immediate)


@pytest.fixture
def subject(rng: np.random.Generator) -> Subject:
    made = make_subject(rng, n_trials=40)
    made.delay[:3] = 0
    return made


@given(points, st.integers(0, 100))
def test_likelihood_is_that_of_the_formula(point: tuple[float, float], seed: int) -> None:
    subject = make_subject(np.random.default_rng(seed), n_trials=25)
    expected = naive_log_likelihood(subject, point[0], math.exp(point[1]))
    found, _ = log_likelihood(choices_of(subject), np.array(point))
    assert found == pytest.approx(expected, rel=1e-9)


def test_grid_holds_the_likelihood_of_every_pair(subject: Subject) -> None:
    log_k, log_beta = np.linspace(-8, 0, 5), np.linspace(-3, 0, 4)
    heights = on_grid(choices_of(subject), log_k, log_beta)
    expected = [[naive_log_likelihood(subject, k, math.exp(b)) for b in log_beta] for k in log_k]
    np.testing.assert_allclose(heights, expected, rtol=1e-10)


@given(points, st.integers(0, 100))
def test_gradient_is_that_of_differences(point: tuple[float, float], seed: int) -> None:
    trials = choices_of(make_subject(np.random.default_rng(seed), n_trials=25))
    _, gradient = log_likelihood(trials, np.array(point))
    expected = approx_fprime(np.array(point), lambda x: log_likelihood(trials, x)[0], 1e-6)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-3)


@given(points, st.integers(0, 100))
def test_hessian_is_that_of_differences(point: tuple[float, float], seed: int) -> None:
    trials = choices_of(make_subject(np.random.default_rng(seed), n_trials=25))
    found = hessian(trials, np.array(point))
    expected = approx_fprime(np.array(point), lambda x: log_likelihood(trials, x)[1], 1e-6)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("log_k", [-800.0, 0.0, 800.0])
@pytest.mark.parametrize("log_beta", [-300.0, 0.0, 300.0])
def test_nothing_overflows(subject: Subject, log_k: float, log_beta: float) -> None:
    trials, point = choices_of(subject), np.array([log_k, log_beta])
    height, gradient = log_likelihood(trials, point)
    assert height <= 0
    assert np.isfinite([height, *gradient]).all()
    assert np.isfinite(hessian(trials, point)).all()


def test_large_values_times_beta_keep_their_logarithm() -> None:
    # 1 - p is 0 in float64 here, and its logarithm is not.
    trials = Choices(np.array([False]), np.array([5000.0]), np.array([-np.inf]), np.array([1000.0]))
    assert log_likelihood(trials, np.zeros(2))[0] == pytest.approx(-4000)


def test_values_and_probabilities() -> None:
    amounts, delays = np.array([40.0, 40.0, 30.0]), np.array([0.0, 50.0, 100.0])
    values = subjective_value(math.log(0.02), amounts, delays)
    np.testing.assert_allclose(values, [40, 20, 10])
    np.testing.assert_allclose(p_of_delayed(0.5, values - 20), 1 / (1 + np.exp([-10, 0, 5])))


def test_indifference_is_where_both_are_worth_the_same(subject: Subject) -> None:
    trials = choices_of(subject)
    points = log_indifference(trials)
    later = subject.delay > 0
    values = subject.delayed_amount / (1 + np.exp(points) * np.where(later, subject.delay, np.nan))
    np.testing.assert_allclose(values[later], subject.immediate_amount[later])
    assert (points[~later] == np.inf).all()


def test_indifference_of_offers_that_no_k_makes_equal() -> None:
    amount, immediate = np.array([10.0, 20.0, 20.0, 10.0]), np.array([20.0, 20.0, 20.0, 20.0])
    delay = np.array([30.0, 30.0, 0.0, 0.0])
    trials = Choices(np.ones(4, bool), amount, log_of_delay(delay), immediate)
    np.testing.assert_array_equal(log_indifference(trials), [-np.inf, -np.inf, np.nan, -np.inf])
