"""Logistic regression, by Newton's method on a whole Hessian."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.fuzz.solving.costs import costs_of, turned, with_constant
from tests.fuzz.solving.fold import SOLVED, Exact, Fold, two_columns


def by_logistic(estimator: Any, fold: Fold) -> Exact | None:
    """Two classes by their difference, more by a softmax."""
    x, tests, free = fold.x, fold.tests, False
    if estimator.solver == "liblinear":
        x, tests = with_constant(estimator, fold)
    elif estimator.fit_intercept:
        x, tests, free = x - x.mean(axis=0), tests - x.mean(axis=0), True
    u, s, tests = turned(x, tests)
    tests = tests / s
    penalty = 1 / s**2
    if free:
        u = np.hstack([u, np.full((len(u), 1), len(u) ** -0.5)])
        tests = np.hstack([tests, np.full((len(tests), 1), len(u) ** -0.5)])
        penalty = np.append(penalty, 0.0)
    costs = costs_of(estimator, fold)
    cost = np.array([costs[c] for c in fold.y])
    hot = (fold.y[:, None] == fold.classes).astype(float)
    if hot.shape[1] == 2:
        # The softmax of two classes that differ by w, which alone is penalised.
        hot = hot[:, 1:]
    found = _by_newton(u, tests, penalty, cost, hot)
    if found is None:
        return None
    columns, h = found
    # As engines have it: of features of their own sizes.
    size = np.tile(np.append(s, np.ones(len(penalty) - len(s))), hot.shape[1])
    condition = float(np.linalg.cond(h * size * size[:, None])) if h.size else 1.0
    return Exact(two_columns(columns[:, 0]) if hot.shape[1] == 1 else columns, condition)


def _loss(f: np.ndarray, cost: np.ndarray, hot: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Of decisions (samples, columns); probabilities; and these less those of the right class.

    What is next to nothing is never taken from 1, so it keeps its digits.
    """
    whole = np.hstack([np.zeros((len(f), 1)), f]) if f.shape[1] == 1 else f
    right = np.hstack([1 - hot, hot]) if f.shape[1] == 1 else hot
    apart = whole - (whole * right).sum(axis=1, keepdims=True)
    top = apart.max(axis=1, keepdims=True)
    terms = np.exp(apart - top)
    others = np.sort(terms, axis=1)[:, :-1].sum(axis=1)
    loss = float(cost @ (top[:, 0] + np.log1p(others)))
    p = terms / terms.sum(axis=1, keepdims=True)
    away = p * (1 - right)
    away -= right * away.sum(axis=1, keepdims=True)
    return (loss, p[:, 1:], away[:, 1:]) if f.shape[1] == 1 else (loss, p, away)


def _hessian(u: np.ndarray, p: np.ndarray, cost: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    m, k = u.shape[1], p.shape[1]
    h = np.empty((k, m, k, m))
    for c in range(k):
        for d in range(k):
            weight = cost * p[:, c] * (float(c == d) - p[:, d])
            h[c, :, d] = u.T * weight @ u
            if c == d:
                h[c, :, d] += np.diag(penalty)
            if k > 1:
                # A constant that all columns share is free: it is held at 0.
                h[c, :, d] += np.diag(np.where(penalty == 0, cost.mean(), 0))
    return h.reshape(k * m, k * m)


def _by_newton(
    u: np.ndarray, tests: np.ndarray, penalty: np.ndarray, cost: np.ndarray, hot: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Decisions (tests, columns), and the Hessian; None if none are found."""
    m, k = u.shape[1], hot.shape[1]
    w = np.zeros((k, m))
    value, p, away = _loss(u @ w.T, cost, hot)
    for _ in range(400):
        slope = (cost[:, None] * away).T @ u + penalty * w
        if k > 1:
            slope += np.where(penalty == 0, cost.mean(), 0) * w.sum(axis=0)
        h = _hessian(u, p, cost, penalty)
        size = np.sqrt(np.maximum(np.diag(h), 1e-300))
        try:
            step = -np.linalg.solve(h / size / size[:, None], slope.ravel() / size) / size
        except np.linalg.LinAlgError:
            return None
        step = step.reshape(k, m)
        gain = float(-(slope * step).sum())
        by = 1.0
        while by > 1e-12:
            new, p, away = _loss(u @ (w + by * step).T, cost, hot)
            new += 0.5 * float((penalty * (w + by * step) ** 2).sum())
            if new <= value - 1e-4 * by * gain or gain <= 1e-9 * value:
                break
            by /= 2
        w, value = w + by * step, new
        if by == 1.0 and np.abs(tests @ step.T).max() <= SOLVED * np.abs(tests @ w.T).max():
            return tests @ w.T, h
    return None
