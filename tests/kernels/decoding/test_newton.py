"""Parts of Newton's method: sides of a band, how far to go along a step, what rounding left."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from boldstream.kernels.decoding.linalg import factor
from boldstream.kernels.decoding.newton import consistent, length, nearness, side, update_states
from boldstream.kernels.decoding.newton_active import advance
from boldstream.kernels.decoding.newton_primal import _refine

NEAR = 0.1


@pytest.mark.parametrize("was", [-1, 0, 1])
@pytest.mark.parametrize("apart", [-0.2, -0.05, 0.0, 0.05, 0.2])
def test_near_an_edge_a_sample_stays_where_it_was(was: int, apart: float) -> None:
    if abs(apart) < NEAR:
        assert side(1 + apart, 1.0, 5.0, was if was < 1 else 0, NEAR) == (was if was < 1 else 0)
        assert side(5 + apart, 1.0, 5.0, was if was > -1 else 0, NEAR) == (was if was > -1 else 0)
    else:
        assert side(1 + apart, 1.0, 5.0, was, NEAR) == (-1 if apart < 0 else 0)
        assert side(5 + apart, 1.0, 5.0, was, NEAR) == (1 if apart > 0 else 0)


def test_states_follow_the_samples() -> None:
    f = np.array([0.0, 0.95, 3.0, 6.0, 0.0, -9.0])
    lo, hi, cost = np.ones(6), np.full(6, 5.0), np.array([1.0, 1, 1, 1, 1, 0])
    state, t = np.array([-1, 0, -1, 0, 1, 0], np.int8), np.array([1.0, 5, 1, 1, 5, 1])
    assert not consistent(f, lo, hi, cost, NEAR, state)
    assert update_states(f, lo, hi, cost, NEAR, state, t)
    np.testing.assert_array_equal(state, [-1, 0, 0, 1, -1, 0])
    np.testing.assert_array_equal(t, [1, 5, 1, 5, 1, 1])
    assert consistent(f, lo, hi, cost, NEAR, state)
    assert not update_states(f, lo, hi, cost, NEAR, state, t)


def test_nearness_goes_with_targets_and_shrinks_with_what_a_sample_moves() -> None:
    cost, squares = np.array([0.5, 2.0]), np.array([3.0, 10.0])
    assert nearness(np.array([0.2, -0.5]), cost, squares) == pytest.approx(1e-10 / 41)
    assert nearness(np.array([2.0, -7.0]), cost, squares) == pytest.approx(7e-10 / 41)
    assert nearness(np.ones(2), cost * 1e12, squares) == pytest.approx(4e-16)


@pytest.mark.parametrize("seed", range(30))
def test_the_objective_is_least_there(seed: int) -> None:
    """½ square s² + linear s, and costs of what lies outside a band, for s from 0 to 1."""
    rng = np.random.default_rng(seed)
    f, step, cost = rng.normal(size=8), 3 * rng.normal(size=8), rng.exponential(size=8)
    lo = rng.normal(size=8)
    hi = lo + rng.choice([0.0, 0.5, np.inf], 8)
    square, linear = rng.exponential() * 5, rng.normal() * 5

    def objective(s: float) -> float:
        value = f + s * step
        away = np.maximum(lo - value, 0) + np.maximum(value - hi, 0)
        return float(linear * s + square * s * s / 2 + (cost * away**2).sum())

    found = length(linear, square, f, step, lo, hi, cost)
    wanted = minimize_scalar(objective, bounds=(0, 1), method="bounded", options={"xatol": 1e-9})
    assert 0 <= found <= 1
    assert objective(found) <= min(wanted.fun, objective(0), objective(1)) + 1e-10


def test_a_step_is_whole_where_the_objective_falls_all_the_way() -> None:
    lo, hi, cost = np.array([1.0, -np.inf]), np.array([np.inf, -1.0]), np.ones(2)
    for goal, first, whole in ((0.5, False, True), (50.0, False, False), (50.0, True, True)):
        beta, f = np.zeros(2), np.zeros(2)
        new = np.array([goal, -goal])
        assert advance(beta, new.copy(), f, new.copy(), lo, hi, cost, first) == whole
        assert (f[0] == goal) == whole
        np.testing.assert_array_equal(beta, f)


def test_a_solution_is_refined_until_it_stays() -> None:
    """With a factor that is a tenth off, each time leaves a tenth; four times leave 1e-4."""
    rng = np.random.default_rng(1)
    features, precision = rng.normal(size=(4, 30)), np.ones(4)
    cost, state, t = np.full(30, 0.5), np.ones(30, np.int8), rng.normal(size=30)
    hessian = features @ features.T + np.eye(4)
    exact = np.linalg.solve(hessian, features @ t)
    for wrong, left in ((1.1, 2e-4), (1.0 + 1e-9, 1e-13)):
        lower = wrong * hessian
        assert factor(lower, 4)
        w = np.zeros(4)
        f, pull, slope = np.zeros(30), np.empty(30), np.empty(4)
        _refine(features, precision, cost, state, t, lower, pull, slope, w, f)
        np.testing.assert_allclose(w, exact, rtol=0, atol=left * abs(exact).max())
        np.testing.assert_allclose(f, w @ features, rtol=1e-12)
