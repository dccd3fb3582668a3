"""Newton steps on weights of features: for fewer features than samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.linalg import factor, put, solve_factored
from boldstream.kernels.decoding.newton import (
    MOST_STEPS,
    consistent,
    length,
    nearness,
    update_states,
)

Floats = NDArray[np.float64]
States = NDArray[np.int8]

# Samples that change sides one by one; more of them are faster all at once.
_FEW = 40
# Of the Hessian: beyond this condition a solution is refined, at most so often, until it stays.
_STIFF = 1e5
_REFINED = 4
_STAYS = 1e-11


@jit
def add_product(h: Floats, x: Floats, weight: float) -> None:
    """Add weight · xxᵀ to the lower triangle of `h`."""
    for a in range(len(x)):
        by = weight * x[a]
        for b in range(a + 1):
            h[a, b] += by * x[b]


@jit
def hessian(features: Floats, rows: Floats, precision: Floats, weights: Floats, h: Floats) -> None:
    """diag(precision) + Σ weightᵢ xᵢxᵢᵀ over samples, the `rows`."""
    p, n = features.shape
    weighted = np.empty((p, n))
    for a in range(p):
        for i in range(n):
            weighted[a, i] = weights[i] * features[a, i]
    np.dot(weighted, rows, h)
    for a in range(p):
        h[a, a] += precision[a]


@jit
def _keep_hessian(
    features: Floats,
    rows: Floats,
    precision: Floats,
    cost: Floats,
    old: States,
    new: States,
    weights: Floats,
    h: Floats,
) -> None:
    """From the samples active before to those active now, by the shorter way."""
    changed, active = 0, 0
    for i in range(len(new)):
        changed += (old[i] == 0) != (new[i] == 0)
        active += new[i] != 0
        weights[i] = 2.0 * cost[i] if new[i] != 0 else 0.0
    # Taken out of many, few would keep the rounding of the many.
    if changed > _FEW or 2 * changed > active:
        hessian(features, rows, precision, weights, h)
        return
    for i in range(len(new)):
        if (old[i] == 0) != (new[i] == 0):
            add_product(h, rows[i], 2.0 * cost[i] if new[i] != 0 else -2.0 * cost[i])


@jit
def evaluate(features: Floats, w: Floats, f: Floats) -> None:
    """Sum of features (features, samples) times weights."""
    f[:] = 0.0
    for a in range(len(w)):
        row, by = features[a], w[a]
        for i in range(len(f)):
            f[i] += by * row[i]


@jit
def _add_samples(features: Floats, pull: Floats, total: Floats) -> None:
    """Add Σ pullᵢ xᵢ to `total`."""
    for a in range(len(total)):
        row, added = features[a], 0.0
        for i in range(len(pull)):
            added += pull[i] * row[i]
        total[a] += added


@jit
def _step(
    features: Floats,
    cost: Floats,
    state: States,
    t: Floats,
    h: Floats,
    lower: Floats,
    pull: Floats,
    w: Floats,
) -> bool:
    """Weights for which the slope is 0 with these samples active."""
    p, n = features.shape
    for i in range(n):
        pull[i] = 2.0 * cost[i] * t[i] if state[i] != 0 else 0.0
    for a in range(p):
        w[a] = 0.0
        for b in range(a + 1):
            lower[a, b] = h[a, b]
    _add_samples(features, pull, w)
    if not factor(lower, p):
        return False
    solve_factored(lower, w, p)
    return True


@jit
def _stiffness(precision: Floats, h: Floats) -> float:
    """Bound of the condition of the Hessian."""
    most, least = 0.0, np.inf
    for a in range(len(precision)):
        most += h[a, a]
        least = min(least, precision[a])
    return most / least


@jit
def _refine(
    features: Floats,
    precision: Floats,
    cost: Floats,
    state: States,
    t: Floats,
    lower: Floats,
    pull: Floats,
    slope: Floats,
    w: Floats,
    f: Floats,
) -> None:
    """Take the slope that rounding has left from weights, and so from predictions.

    A solution is as exact as its largest terms, which cost weighs. Where no
    active sample has voxels of such size, it is off by more than its own size.
    """
    p, n = features.shape
    for _ in range(_REFINED):
        for i in range(n):
            pull[i] = 2.0 * cost[i] * (t[i] - f[i]) if state[i] != 0 else 0.0
        for a in range(p):
            slope[a] = -precision[a] * w[a]
        _add_samples(features, pull, slope)
        solve_factored(lower, slope, p)
        for a in range(p):
            w[a] += slope[a]
        put(f, pull)
        evaluate(features, w, f)
        moved, most = 0.0, 0.0
        for i in range(n):
            moved, most = max(moved, abs(f[i] - pull[i])), max(most, abs(f[i]))
        if not moved > _STAYS * most:
            break


@jit
def _penalty(precision: Floats, a: Floats, b: Floats) -> float:
    total = 0.0
    for i in range(len(a)):
        total += precision[i] * a[i] * b[i]
    return total


@jit
def _advance(
    precision: Floats,
    w: Floats,
    w_new: Floats,
    f: Floats,
    f_new: Floats,
    lo: Floats,
    hi: Floats,
    cost: Floats,
    first: bool,
) -> bool:
    """As `newton_active.advance`, of weights."""
    by = 1.0
    if not first:
        # The new ones become the step.
        for a in range(len(w)):
            w_new[a] -= w[a]
        for i in range(len(f)):
            f_new[i] -= f[i]
        linear, square = _penalty(precision, w, w_new), _penalty(precision, w_new, w_new)
        by = length(linear, square, f, f_new, lo, hi, cost)
        for a in range(len(w)):
            w[a] += by * w_new[a]
        for i in range(len(f)):
            f[i] += by * f_new[i]
    else:
        put(w_new, w)
        put(f_new, f)
    return by == 1.0


@jit
def fit_primal(
    features: Floats,
    rows: Floats,
    precision: Floats,
    lo: Floats,
    hi: Floats,
    cost: Floats,
    state: States,
    t: Floats,
    h: Floats,
    lower: Floats,
    f: Floats,
) -> None:
    """Predictions `f` of all samples, NaN if steps do not end.

    `rows` are `features` transposed; `h` is the Hessian where the samples that
    `state` names are active, and is changed, as `lower`, a scratch of its shape.
    """
    p, n = features.shape
    squares = np.zeros(n)
    for a in range(p):
        for i in range(n):
            squares[i] += features[a, i] * features[a, i]
    near = nearness(t, cost, squares)
    w, w_new, slope = np.zeros(p), np.zeros(p), np.zeros(p)
    f_new, pull = np.zeros(n), np.zeros(n)
    old = np.empty(n, np.int8)
    for step in range(MOST_STEPS):
        if not _step(features, cost, state, t, h, lower, pull, w_new):
            break
        evaluate(features, w_new, f_new)
        if _stiffness(precision, h) > _STIFF:
            _refine(features, precision, cost, state, t, lower, pull, slope, w_new, f_new)
        if consistent(f_new, lo, hi, cost, near, state):
            put(f_new, f)
            return
        whole = _advance(precision, w, w_new, f, f_new, lo, hi, cost, step == 0)
        put(state, old)
        if not update_states(f, lo, hi, cost, near, state, t) and not whole:
            return
        _keep_hessian(features, rows, precision, cost, old, state, pull, h)
    f[:] = np.nan
