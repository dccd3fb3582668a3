"""Newton steps from one inverse that serves all folds and labellings: equal costs.

With B = (K + I/2C)⁻¹ over all samples, let S be those that do not pull: the
ones not trained on, and the ones inside their band. Then β = B(t − λ), where λ
is 0 outside S and B_SS λ = (Bt)_S, so that β_S = 0; and the predictions of
S are t − λ, of the others t − β/2C. What is solved has the size of S, and the
first rows of its factor, those not trained on, do not depend on labels. With S
no more than them it is cross-validation by the hat matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.linalg import put, sweep
from boldstream.kernels.decoding.newton import MOST_STEPS, consistent, nearness, side
from boldstream.kernels.decoding.newton_active import advance

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
States = NDArray[np.int8]

# With a larger share of samples that do not pull, those that do are the smaller system.
_MANY = 0.6


@jit
def inverse(k: Floats, border: Floats, rest: float, ridge: float) -> Any:
    """Inverse of ``k + rest · border borderᵀ + ridge · I``; `rest` may be large."""
    n = len(k)
    b = k.copy()
    for i in range(n):
        b[i, i] += ridge
    sweep(b)
    if rest > 0.0:
        z = np.zeros(n)
        for i in range(n):
            for j in range(n):
                z[j] += border[i] * b[i, j]
        under = 1.0 / rest
        for i in range(n):
            under += border[i] * z[i]
        for i in range(n):
            by = z[i] / under
            for j in range(n):
                b[i, j] -= by * z[j]
    return b


@jit
def append_rows(b: Floats, s: Rows, start: int, stop: int, lower: Floats) -> None:
    """Rows from `start` to `stop` of the Cholesky factor of ``b`` at `s`."""
    for i in range(start, stop):
        row, mine = b[s[i]], lower[i]
        for j in range(i):
            other = lower[j]
            total = row[s[j]]
            for p in range(j):
                total -= mine[p] * other[p]
            mine[j] = total * other[j]
        pivot = row[s[i]]
        for p in range(i):
            pivot -= mine[p] * mine[p]
        # The diagonal is kept inverted: divisions are slow.
        mine[i] = 1.0 / np.sqrt(pivot)


@jit
def _solve(lower: Floats, x: Floats, k: int) -> None:
    for i in range(k):
        total, row = x[i], lower[i]
        for p in range(i):
            total -= row[p] * x[p]
        x[i] = total * row[i]
    for i in range(k - 1, -1, -1):
        row = lower[i]
        by = x[i] * row[i]
        x[i] = by
        for p in range(i):
            x[p] -= row[p] * by


@jit
def _step(
    b: Floats,
    bt: Floats,
    t: Floats,
    ridge: float,
    s: Rows,
    k: int,
    lower: Floats,
    x: Floats,
    beta: Floats,
    f: Floats,
) -> None:
    for j in range(k):
        x[j] = bt[s[j]]
    _solve(lower, x, k)
    n = len(b)
    for i in range(n):
        beta[i] = bt[i]
    for j in range(k):
        by, row = x[j], b[s[j]]
        for i in range(n):
            beta[i] -= by * row[i]
    for j in range(k):
        beta[s[j]] = 0.0
    for i in range(n):
        f[i] = t[i] - ridge * beta[i]
    for j in range(k):
        f[s[j]] -= x[j]


@jit
def _change(
    b: Floats,
    f: Floats,
    lo: Floats,
    hi: Floats,
    cost: Floats,
    state: States,
    t: Floats,
    bt: Floats,
    s: Rows,
    fixed: int,
    k: int,
    near: float,
) -> Any:
    """Who is active now: how many rows of the factor stay, how many there are, who changed."""
    n = len(f)
    kept = fixed
    stay, changed = -1, False
    for i in range(n):
        if cost[i] == 0.0:
            continue
        now = side(f[i], lo[i], hi[i], state[i], near)
        if now == state[i]:
            continue
        changed = True
        if now == 0:
            s[k] = i
            k += 1
        else:
            by = (lo[i] if now == -1 else hi[i]) - t[i]
            if by != 0.0:
                t[i] += by
                for j in range(n):
                    bt[j] += by * b[i, j]
        state[i] = now
    for p in range(fixed, k):
        if state[s[p]] == 0:
            s[kept] = s[p]
            kept += 1
        elif stay < 0:
            stay = p
    return stay, kept, changed


@jit
def fit_inverse(
    b: Floats,
    k: Floats,
    ridge: float,
    lo: Floats,
    hi: Floats,
    cost: Floats,
    state: States,
    t: Floats,
    bt: Floats,
    s: Rows,
    fixed: int,
    lower: Floats,
    f: Floats,
) -> bool:
    """Predictions `f` of all samples; False if it is better to go on with the active ones.

    `b` is the inverse of the products `k`, with a ridge. All that are trained on
    are active at first. `s` starts with the `fixed`
    samples that are not trained on, and `lower` with their factor.
    """
    n = len(b)
    near = nearness(t, cost, np.diag(k))
    x, beta, beta_new, f_new = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    size, done = fixed, fixed
    for step in range(MOST_STEPS):
        append_rows(b, s, done, size, lower)
        _step(b, bt, t, ridge, s, size, lower, x, beta_new, f_new)
        if consistent(f_new, lo, hi, cost, near, state):
            put(f_new, f)
            return True
        whole = advance(beta, beta_new, f, f_new, lo, hi, cost, step == 0)
        stay, kept, changed = _change(b, f, lo, hi, cost, state, t, bt, s, fixed, size, near)
        if not changed and not whole:
            return True
        if kept > _MANY * n:
            return False
        done = size if stay < 0 else min(stay, size)
        size = kept
    return False
