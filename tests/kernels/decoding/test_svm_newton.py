"""Cases in which full Newton steps go round in circles, against non-negative least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import nnls

from boldstream.kernels.decoding.newton_active import fit_active
from boldstream.kernels.decoding.newton_inverse import append_rows, fit_inverse, inverse
from boldstream.kernels.decoding.newton_primal import fit_primal, hessian
from boldstream.kernels.decoding.spheres import with_border
from boldstream.kernels.decoding.svm import sound


def make_case(seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Samples (samples, voxels) of very different lengths, their classes, and a cost."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(4, 12)), int(rng.integers(1, 4))
    cost = float(10.0 ** rng.integers(0, 7))
    x = rng.standard_normal((n, d)) * rng.choice([0.1, 1, 10, 100], 1)
    x *= np.exp(rng.standard_normal((n, 1)) * rng.choice([0, 1, 2]))
    return x, rng.choice([-1.0, 1.0], n), cost


def cycles(x: np.ndarray, y: np.ndarray, cost: float) -> bool:
    """Whether full steps come back to samples that were active before."""
    k, active = x @ x.T + 1, np.ones(len(y), bool)
    seen: list[bytes] = []
    while active.tobytes() not in seen:
        seen.append(active.tobytes())
        rows = np.flatnonzero(active)
        a = k[np.ix_(rows, rows)] + np.eye(len(rows)) * (0.5 / cost)
        active = y * (k[:, rows] @ np.linalg.solve(a, y[rows])) < 1
    return active.tobytes() != seen[-1]


def by_nnls(x: np.ndarray, y: np.ndarray, cost: float) -> np.ndarray:
    whole = np.hstack([x, np.ones((len(x), 1))])
    stacked = np.vstack([(whole * y[:, None]).T, np.eye(len(y)) * (0.5 / cost) ** 0.5])
    aim = np.concatenate([np.zeros(whole.shape[1]), np.full(len(y), (2 * cost) ** 0.5)])
    alpha, _ = nnls(stacked, aim)
    return np.asarray(whole @ (whole.T @ (y * alpha)))


CYCLING = [15, 61, 70, 82, 148, 153, 222, 229, 249, 360]


@pytest.mark.parametrize("seed", CYCLING)
@pytest.mark.parametrize("way", ["primal", "active", "inverse"])
def test_a_step_that_would_cycle_is_shortened(seed: int, way: str) -> None:
    x, y, cost = make_case(seed)
    assert cycles(x, y, cost)
    n = len(y)
    lo, hi = np.where(y > 0, 1.0, -np.inf), np.where(y > 0, np.inf, -1.0)
    costs, state, t, f = np.full(n, cost), -y.astype(np.int8), y.copy(), np.zeros(n)
    k, ones = np.ascontiguousarray(x @ x.T), np.ones(n)
    if way == "primal":
        features, rows = with_border(np.ascontiguousarray(x.T), ones)
        p = len(features)
        h, lower = np.empty((p, p)), np.empty((p, p))
        hessian(features, rows, np.ones(p), 2 * costs, h)
        fit_primal(features, rows, np.ones(p), lo, hi, costs, state, t, h, lower, f)
    elif way == "inverse":
        # To all digits, which `inverse` does not give at these conditions.
        b: Any = np.linalg.inv(k + np.outer(ones, ones) + 0.5 / cost * np.eye(n))
        s, lower = np.empty(n, np.int64), np.empty((n, n))
        append_rows(b, s, 0, 0, lower)
        if not fit_inverse(b, k, 0.5 / cost, lo, hi, costs, state, t, b @ t, s, 0, lower, f):
            fit_active(k, ones, 1.0, lo, hi, costs, state, t, lower, f)
    else:
        fit_active(k, ones, 1.0, lo, hi, costs, state, t, np.empty((n, n)), f)
    expected = by_nnls(x, y, cost)
    np.testing.assert_allclose(f, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("seed", range(400))
def test_an_inverse_that_has_lost_its_digits_is_not_used(seed: int) -> None:
    x, _, cost = make_case(seed)
    k, ones = np.ascontiguousarray(x @ x.T), np.ones(len(x))
    ridge = 0.5 / cost
    b = inverse(k, ones, 1.0, ridge)
    expected = np.linalg.inv(k + 1 + ridge * np.eye(len(k)))
    away = np.abs(b - expected).max() / np.abs(expected).max()
    if sound(k, b, ridge):
        assert away < 1e-7
    else:
        assert np.linalg.cond(k + ridge * np.eye(len(k))) > 1e4
