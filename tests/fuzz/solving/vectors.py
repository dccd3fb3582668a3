"""Support vector machines with squared losses: who pulls, by nonnegative least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import nnls

from tests.fuzz.solving.costs import costs_of, turned, with_constant
from tests.fuzz.solving.fold import (
    SOLVED,
    Exact,
    Fold,
    against_rest,
    columns_of,
)


def by_svr(estimator: Any, fold: Fold) -> Exact | None:
    """Squared distances from bands about values."""
    given = turned(*with_constant(estimator, fold))
    cost = np.full(len(fold.y), float(estimator.C))
    found = _by_bands(given, fold.y - estimator.epsilon, fold.y + estimator.epsilon, cost)
    if found is None:
        return None
    decisions, condition = found
    return Exact(decisions[:, None], condition)


def by_svc(estimator: Any, fold: Fold) -> Exact | None:
    """Each class is the band above 1; liblinear weighs it, but never the rest."""
    given = turned(*with_constant(estimator, fold))
    costs = costs_of(estimator, fold)
    found = []
    for target in against_rest(fold):
        cost = np.array([costs[c] for c in fold.y])
        if len(costs) > 2:
            cost = np.where(target > 0, cost, estimator.C)
        lo, hi = np.where(target > 0, 1.0, -np.inf), np.where(target > 0, np.inf, -1.0)
        solution = _by_bands(given, lo, hi, cost)
        if solution is None:
            return None
        found.append(solution)
    decisions, conditions = zip(*found, strict=True)
    return Exact(columns_of(np.array(decisions)), max(conditions))


def _by_bands(
    given: tuple[np.ndarray, np.ndarray, np.ndarray], lo: np.ndarray, hi: np.ndarray,
    cost: np.ndarray,
) -> tuple[np.ndarray, float] | None:  # fmt: skip
    """Decisions of tests with least ½‖w‖² + Σ cost · dist(f, [lo, hi])²; and the condition."""
    u, s, tests = given
    if not len(s):
        return np.zeros(len(tests)), 1.0
    features = u * s
    # Both edges as Gw ≥ h. With pulls a ≥ 0 the Lagrangian's least is at w = Gᵀa and distances
    # a / 2c: the dual is least ½‖Gᵀa‖² + ½‖a / √2c‖² − aᵀh, ½‖[Gᵀ; 1/√2c] a − [0; h√2c]‖² but for
    # a constant.
    below, above = np.isfinite(lo), np.isfinite(hi)
    g = np.vstack([features[below], -features[above]])
    h = np.concatenate([lo[below], -hi[above]])
    root = np.sqrt(2 * np.concatenate([cost[below], cost[above]]))
    try:
        pulls, _ = nnls(np.vstack([g.T, np.diag(1 / root)]), np.append(np.zeros(len(s)), h * root))
    except RuntimeError:
        return None
    # Where costs are high w is a small difference of pulls: from who pulls it has all its digits.
    first, _ = _by_pulling(g, h, root, pulls > 0)
    last, condition = _by_pulling(g, h, root, g @ first < h)
    moved = np.abs(tests @ (last - first)).max()
    return (tests @ last, condition) if moved <= SOLVED * np.abs(tests @ last).max() else None


def _by_pulling(
    g: np.ndarray, h: np.ndarray, root: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, float]:
    """Least ½‖w‖² + ½‖√2c (h − Gw)‖² of some rows; and the condition of its normal equations."""
    size = g.shape[1]
    rows = np.vstack([g[active] * root[active, None], np.eye(size)])
    aim = np.append(root[active] * h[active], np.zeros(size))
    solution, _, _, sizes = np.linalg.lstsq(rows, aim)
    return solution, float((sizes.max() / sizes.min()) ** 2)
