"""Logistic regression, of two classes or many, by Newton's method.

    ½ Σ_a precision_a w_a² + Σ costᵢ (−log pᵢ(yᵢ)),   f = Xw

With many classes, each has weights of its own and p is the softmax of their f.
Its Hessian couples them, so each step is found by conjugate gradients,
preconditioned with the Hessian's block of each class. For two classes, of which
only the difference has weights, that is the Hessian itself, and one iteration
is a Newton step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.linalg import factor, put_rows, solve_factored

Floats = NDArray[np.float64]
Codes = NDArray[np.int16]

_MOST_STEPS = 200
# Of the objective: what a last step, taken, would gain by its own account.
_GAIN = 1e-13
# Of the objective: a step that is to gain less cannot be judged by it, beside its rounding. So near
# to the end Newton's steps are good, until some of them have brought nothing nearer.
_ROUNDING = 1e-9
_MOST_STALLS = 3
# Of a gradient: when a step is good enough, at last.
_EXACT = 1e-6
# A sample that is all but certain still holds its row of the Hessian.
_CERTAIN = 1e-12


@jit
def _of_two(f: Floats, own: int, cost: float, i: int, p: Floats, slope: Floats) -> Any:
    """As `_probabilities`, of one sample and its own of two classes."""
    small = np.exp(-abs(f[0, i]))
    p[0, i] = (1.0 if f[0, i] > 0.0 else small) / (1.0 + small)
    right = (f[0, i] > 0.0) == (own == 1)
    missed = cost * (small if right else 1.0) / (1.0 + small)
    slope[0, i] = -missed if own == 1 else missed
    loss = cost * np.log1p(small)
    return loss if right else loss + cost * abs(f[0, i])


@jit
def _of_many(
    f: Floats, own: int, cost: float, present: Floats, i: int, p: Floats, slope: Floats
) -> Any:
    """As `_probabilities`, of one sample and its own of many classes."""
    best = own
    for c in range(len(f)):
        if present[c] > 0.0 and f[c, i] > f[best, i]:
            best = c
    others, missed = 0.0, 0.0
    for c in range(len(f)):
        p[c, i] = np.exp(f[c, i] - f[best, i]) if present[c] > 0.0 else 0.0
        others += p[c, i] if c != best else 0.0
        missed += p[c, i] if c != own else 0.0
    for c in range(len(f)):
        p[c, i] /= 1.0 + others
        slope[c, i] = cost * p[c, i]
    slope[own, i] = -cost * missed / (1.0 + others)
    loss = cost * np.log1p(others)
    return loss if best == own else loss + cost * (f[best, i] - f[own, i])


@jit
def _probabilities(
    f: Floats, codes: Codes, cost: Floats, present: Floats, p: Floats, slope: Floats
) -> float:
    """Fill `p` with the probabilities of classes (columns, samples); gives the loss.

    And `slope` with its derivatives by `f`, cost · (p − 1) for a sample's own
    class. What is left of 1, as of a loss, keeps its digits however small it is.
    """
    columns, n = f.shape
    loss = 0.0
    for i in range(n):
        if cost[i] == 0.0:
            for c in range(columns):
                p[c, i] = slope[c, i] = 0.0
        elif columns == 1:
            loss += _of_two(f, codes[i], cost[i], i, p, slope)
        else:
            loss += _of_many(f, codes[i], cost[i], present, i, p, slope)
    return loss


@jit
def _times(a: Floats, b: Floats, by: Floats) -> float:
    """Sum of products of weights (columns, features), each feature times `by`."""
    total = 0.0
    for c in range(a.shape[0]):
        for i in range(a.shape[1]):
            total += by[i] * a[c, i] * b[c, i]
    return total


@jit
def _pull(slope: Floats, rows: Floats, precision: Floats, w: Floats) -> Any:
    """Slope of the objective (columns, features), of that of the loss by f."""
    out = np.dot(slope, rows)
    for c in range(out.shape[0]):
        for a in range(len(precision)):
            out[c, a] += precision[a] * w[c, a]
    return out


@jit
def _bend(
    p: Floats,
    cost: Floats,
    features: Floats,
    rows: Floats,
    precision: Floats,
    d: Floats,
    r: Floats,
) -> Any:
    """Hessian of the objective times `d` (columns, features)."""
    columns, n = p.shape
    np.dot(d, features, r)
    for i in range(n):
        if columns == 1:
            r[0, i] *= cost[i] * p[0, i] * (1.0 - p[0, i])
            continue
        mean = 0.0
        for c in range(columns):
            mean += p[c, i] * r[c, i]
        for c in range(columns):
            r[c, i] = cost[i] * p[c, i] * (r[c, i] - mean)
    out = np.dot(r, rows)
    for c in range(columns):
        for a in range(len(precision)):
            out[c, a] += precision[a] * d[c, a]
    return out


@jit
def _precondition(
    p: Floats, cost: Floats, features: Floats, rows: Floats, precision: Floats, lower: Floats
) -> bool:
    """Factors of the Hessian's blocks, one for each column."""
    columns, n = p.shape
    m = len(precision)
    weighted = np.empty((m, n))
    weights = np.empty(n)
    for c in range(columns):
        for i in range(n):
            weights[i] = cost[i] * max(p[c, i] * (1.0 - p[c, i]), _CERTAIN)
        for a in range(m):
            for i in range(n):
                weighted[a, i] = weights[i] * features[a, i]
        np.dot(weighted, rows, lower[c])
        for a in range(m):
            lower[c, a, a] += precision[a]
        if not factor(lower[c], m):
            return False
    return True


@jit
def _find_step(
    g: Floats,
    p: Floats,
    cost: Floats,
    features: Floats,
    rows: Floats,
    precision: Floats,
    lower: Floats,
    near: float,
    r: Floats,
) -> Any:
    """Newton step, by conjugate gradients until the residual is `near` that of the start."""
    columns, m = g.shape
    ones = np.ones(m)
    step, residual = np.zeros((columns, m)), -g
    z = residual.copy()
    for c in range(columns):
        solve_factored(lower[c], z[c], m)
    d = z.copy()
    first = rho = _times(residual, z, ones)
    for _ in range(4 * columns * m + 10):
        bent = _bend(p, cost, features, rows, precision, d, r)
        under = _times(d, bent, ones)
        if not under > 0.0:
            break
        by = rho / under
        for c in range(columns):
            for a in range(m):
                step[c, a] += by * d[c, a]
                residual[c, a] -= by * bent[c, a]
                z[c, a] = residual[c, a]
            solve_factored(lower[c], z[c], m)
        following = _times(residual, z, ones)
        if not following > near * near * first:
            break
        for c in range(columns):
            for a in range(m):
                d[c, a] = z[c, a] + following / rho * d[c, a]
        rho = following
    return step


@jit
def _advance(
    w: Floats,
    step: Floats,
    slope: float,
    value: float,
    features: Floats,
    codes: Codes,
    cost: Floats,
    present: Floats,
    precision: Floats,
    tried: Floats,
    f_new: Floats,
    p: Floats,
    of_f: Floats,
) -> float:
    """Fill `tried`, and what belongs to it, with weights that are better; gives their objective.

    NaN where a part of the step, however small, is not better.
    """
    columns, m = w.shape
    by = 1.0
    for _ in range(40):
        for c in range(columns):
            for a in range(m):
                tried[c, a] = w[c, a] + by * step[c, a]
        np.dot(tried, features, f_new)
        new = _probabilities(f_new, codes, cost, present, p, of_f)
        new += 0.5 * _times(tried, tried, precision)
        if -slope <= _ROUNDING * value or new <= value + 1e-4 * by * slope:
            return new
        by *= 0.5
    return np.nan


@jit
def fit_logistic(
    features: Floats,
    rows: Floats,
    precision: Floats,
    codes: Codes,
    cost: Floats,
    present: Floats,
    lower: Floats,
    f: Floats,
) -> None:
    """Decision values `f` (columns, samples), NaN if steps do not end.

    `rows` are `features` (features, samples) transposed; `present` says which
    classes there are; `lower` is a scratch (columns, features, features).
    """
    columns, n = f.shape
    m = len(precision)
    ones = np.ones(m)
    w, tried = np.zeros((columns, m)), np.empty((columns, m))
    p, r, f_new = np.empty((columns, n)), np.empty((columns, n)), np.empty((columns, n))
    of_f = np.empty((columns, n))
    f[:] = 0.0
    value = _probabilities(f, codes, cost, present, p, of_f)
    near, least, stalls = 0.1, np.inf, 0
    for _ in range(_MOST_STEPS):
        g = _pull(of_f, rows, precision, w)
        if not _precondition(p, cost, features, rows, precision, lower):
            break
        step = _find_step(g, p, cost, features, rows, precision, lower, near, r)
        slope = _times(g, step, ones)
        if -slope <= _ROUNDING * value and not -slope < 0.5 * least:
            stalls += 1
            if stalls > _MOST_STALLS:
                return
        new = _advance(
            w, step, slope, value, features, codes, cost, present, precision, tried, f_new, p, of_f
        )
        if np.isnan(new):
            break
        put_rows(tried, w)
        put_rows(f_new, f)
        if -slope <= _GAIN * value:
            return
        least = min(least, -slope)
        # The nearer the end, the more exactly it pays to solve.
        near = max(_EXACT, min(0.1, np.sqrt(-slope / value)))
        value = new
    f[:] = np.nan
