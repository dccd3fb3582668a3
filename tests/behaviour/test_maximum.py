"""Where a fit is looked for: bounds, the grid, and its peaks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from boldstream.behaviour.likelihood import Choices, log_of_delay
from boldstream.behaviour.maximum import (
    Bounds,
    _grid_of_log_k,
    _peaks,
    default_inverse_temperature,
    default_log_k,
    maximise,
    probed_log_k,
)


def trials_of(amount: list[float], delay: list[float], immediate: float = 20.0) -> Choices:
    n = len(amount)
    delays = log_of_delay(np.array(delay))
    return Choices(np.ones(n, bool), np.array(amount), delays, np.full(n, immediate))


def probing(probed: np.ndarray) -> Choices:
    """Trials whose indifference points are these."""
    return trials_of([40.0] * len(probed), (1 / probed).tolist())


def test_k_may_lie_a_hundred_times_beyond_what_is_probed() -> None:
    """20 now or 40 after a delay D are worth the same where k = 1 / D."""
    trials = trials_of([40, 40, 40, 30, 10], [5, 50, 0, 10, 7])
    np.testing.assert_allclose(np.exp(probed_log_k(trials)), [1 / 50, 1 / 20, 1 / 5])
    np.testing.assert_allclose(np.exp(default_log_k(trials)), [1 / 5000, 20])


@pytest.mark.parametrize(
    ("delay", "expected"), [([10.0, 90.0, 0.0], [1 / 9000, 10]), ([0.0] * 3, [0.01, 100])]
)
def test_choices_that_no_k_decides_have_bounds_about_their_delays(
    delay: list[float], expected: list[float]
) -> None:
    trials = trials_of([20.0, 10.0, 15.0], delay)
    np.testing.assert_allclose(np.exp(default_log_k(trials)), expected)


def test_beta_goes_with_the_median_amount() -> None:
    trials = trials_of([10, 50, 1000], [1, 1, 1])
    np.testing.assert_allclose(default_inverse_temperature(trials), [0.01 / 50, 10_000 / 50])


def test_the_grid_holds_its_ends_and_a_point_of_every_interval() -> None:
    probed = np.array([0.001, 0.1, 0.11, 0.3])
    trials = probing(np.append(probed, 0.1))
    grid = _grid_of_log_k(trials, Bounds((math.log(0.01), math.log(0.2)), (0.1, 1.0)))
    regular = np.linspace(math.log(0.01), math.log(0.2), 61)
    middles = (np.log(probed[1:]) + np.log(probed[:-1])) / 2
    expected = np.union1d(regular, middles[(middles > regular[0]) & (middles < regular[-1])])
    np.testing.assert_allclose(grid, expected)


def test_of_many_intervals_some_are_taken_evenly() -> None:
    probed = np.exp(np.sort(np.random.default_rng(0).uniform(-6, -1, 200)))
    bounds = Bounds((-7.0, 0.0), (0.1, 1.0))
    for n, added in ((121, 120), (122, 120), (200, 120)):
        grid = _grid_of_log_k(probing(probed[:n]), bounds)
        assert len(grid) == 61 + added
        middles = (np.log(probed[1:n]) + np.log(probed[: n - 1])) / 2
        between = np.setdiff1d(grid, np.linspace(-7, 0, 61))
        np.testing.assert_allclose(between[[0, -1]], middles[[0, -1]])


@example([0, 1, 1])
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_peaks_are_what_a_walk_over_the_heights_finds(heights: list[int]) -> None:
    found: list[tuple[int, int]] = []
    start = 0
    for stop in range(1, len(heights) + 1):
        if stop < len(heights) and heights[stop] == heights[start]:
            continue
        left = heights[start - 1] if start else -1
        right = heights[stop] if stop < len(heights) else -1
        if left < heights[start] > right:
            at = (start + stop - 1) // 2
            if start == 0 and stop < len(heights):
                at = 0
            if start > 0 and stop == len(heights):
                at = len(heights) - 1
            found.append((-heights[start], at))
        start = stop
    expected = [at for _, at in sorted(found)]
    np.testing.assert_array_equal(_peaks(np.array(heights, float)), expected)


def test_without_errors_beta_has_no_limit_but_its_bound() -> None:
    """From some β on all choices are certain to the last digit: the largest is told."""
    trials = trials_of([21, 22, 25, 35, 60, 90], [30.0] * 6)
    chosen = Choices(
        np.array([False, False, False, True, True, True]),
        trials.delayed_amount,
        trials.log_delay,
        trials.immediate_amount,
    )
    bounds = Bounds((-9.0, 1.0), (1e-3, 1e4))
    point, height = maximise(chosen, bounds)
    assert math.exp(point[1]) == pytest.approx(1e4)
    assert height == 0
