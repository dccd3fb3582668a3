"""Ridge, by singular values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge

from tests.fuzz.solving.fold import (
    EPS,
    SINGLE,
    Exact,
    Fold,
    against_rest,
    columns_of,
    singular_values,
)


def by_ridge(estimator: Any, fold: Fold) -> Exact:
    """With the penalty that was given; values that are fitted are held in float32."""
    found = _with_penalty(estimator, fold, estimator.alpha)
    held = SINGLE * float(np.ptp(fold.y)) if fold.values else 0.0
    return replace(found, least=max(found.least, held))


def _with_penalty(estimator: Any, fold: Fold, alpha: float) -> Exact:
    """scikit-learn's solver by singular values."""
    y = against_rest(fold)
    exact = Ridge(alpha=alpha, fit_intercept=estimator.fit_intercept, solver="svd")
    found = exact.fit(fold.x, y.T).predict(fold.tests).reshape(len(fold.tests), -1)
    squares = singular_values(fold.x, centred=estimator.fit_intercept) ** 2
    condition = (squares.max() + alpha) / (squares.min() + alpha)
    # Without an intercept it is the whole value that is predicted, not what is beside the offset.
    least = float(np.abs(found).max()) if fold.values and not estimator.fit_intercept else 0.0
    return Exact(found if fold.values else columns_of(found.T), condition, least=least)


def left_out_errors(estimator: Any, fold: Fold) -> tuple[np.ndarray, float]:
    """Mean squared error of samples left out in turn, for each penalty (Rifkin & Lippert 2007).

    And the least share of a sample's value that is not its own doing.
    """
    n = len(fold.x)
    basis = np.eye(n)
    if estimator.fit_intercept:
        # An orthonormal basis of what has no mean.
        basis = np.linalg.qr(np.hstack([np.ones((n, 1)), np.eye(n)[:, 1:]]))[0][:, 1:]
    u, s, _ = np.linalg.svd(basis.T @ fold.x)
    squares = np.concatenate([s**2, np.zeros(u.shape[0])])[: u.shape[0]]
    u = basis @ u
    y = against_rest(fold)
    errors, own = [], []
    for alpha in estimator.alphas:
        share = alpha / (squares + alpha)
        residuals = (y @ u * share) @ u.T
        own.append((u**2 @ share).min())
        errors.append(np.mean((residuals / (u**2 @ share)) ** 2))
    return np.array(errors), min(own)


def by_ridge_cv(estimator: Any, fold: Fold) -> Exact | None:
    """With the penalty that was chosen, if none has less error."""
    errors, own = left_out_errors(estimator, fold)
    found = [_with_penalty(estimator, fold, alpha) for alpha in estimator.alphas]
    worst = max(each.condition for each in found)
    # With fewer voxels than samples, that share is what is left of 1.
    slack = 100 * EPS * worst / (own if fold.x.shape[1] < len(fold.x) else 1)
    if slack > 1e-2:
        return None
    assert errors[fold.chosen] <= errors.min() * (1 + 1e-6 + slack), (errors, fold.chosen)
    taken = found[fold.chosen]
    return Exact(taken.columns, worst, least=taken.least)
