"""Newton steps on products of samples, solved for the active ones: any costs, any condition."""

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
Rows = NDArray[np.int64]
States = NDArray[np.int8]


@jit
def _step(
    k: Floats,
    border: Floats,
    rest: float,
    cost: Floats,
    state: States,
    t: Floats,
    a: Floats,
    beta: Floats,
    f: Floats,
) -> None:
    """Solve for β of the active samples, and predict all samples.

    The products of samples are ``k + rest · border borderᵀ``; `rest` may be large.
    """
    n = len(k)
    active = np.empty(n, np.int64)
    m = 0
    for i in range(n):
        if state[i] != 0:
            active[m] = i
            m += 1
    u, z = np.empty(m), np.empty(m)
    for i in range(m):
        row = k[active[i]]
        for j in range(i + 1):
            a[i, j] = row[active[j]]
        a[i, i] += 0.5 / cost[active[i]]
        u[i] = t[active[i]]
        z[i] = border[active[i]]
    factor(a, m)
    solve_factored(a, u, m)
    b = 0.0
    if rest > 0.0:
        solve_factored(a, z, m)
        over, under = 0.0, 1.0 / rest
        for i in range(m):
            over += border[active[i]] * u[i]
            under += border[active[i]] * z[i]
        b = over / under
    for i in range(n):
        f[i] = border[i] * b
    beta[:] = 0.0
    for i in range(m):
        weight, row = u[i] - b * z[i], k[active[i]]
        beta[active[i]] = weight
        for j in range(n):
            f[j] += weight * row[j]
    _hold(active[:m], beta, cost, t, f)


@jit
def _hold(active: Rows, beta: Floats, cost: Floats, t: Floats, f: Floats) -> None:
    """Predictions of active samples: known, with digits that a sum of large terms has lost."""
    for i in active:
        f[i] = t[i] - 0.5 * beta[i] / cost[i]


@jit
def fit_active(
    k: Floats,
    border: Floats,
    rest: float,
    lo: Floats,
    hi: Floats,
    cost: Floats,
    state: States,
    t: Floats,
    a: Floats,
    f: Floats,
) -> None:
    """Predictions `f` of all samples, NaN if steps do not end; `a` is a scratch as large as `k`."""
    n = len(k)
    near = nearness(t, cost, np.diag(k))
    beta, beta_new, f_new = np.zeros(n), np.zeros(n), np.zeros(n)
    for step in range(MOST_STEPS):
        _step(k, border, rest, cost, state, t, a, beta_new, f_new)
        if consistent(f_new, lo, hi, cost, near, state):
            put(f_new, f)
            return
        whole = advance(beta, beta_new, f, f_new, lo, hi, cost, step == 0)
        if not update_states(f, lo, hi, cost, near, state, t) and not whole:
            return
    f[:] = np.nan


@jit
def advance(
    beta: Floats,
    beta_new: Floats,
    f: Floats,
    f_new: Floats,
    lo: Floats,
    hi: Floats,
    cost: Floats,
    first: bool,
) -> bool:
    """Move β and f, in place, to the new ones or as far towards them as the objective falls.

    Gives whether the step is whole. The `first` one is, as it starts from nowhere.
    """
    by = 1.0
    if not first:
        # The new ones become the step.
        for i in range(len(f)):
            beta_new[i] -= beta[i]
            f_new[i] -= f[i]
        by = length(inner(beta, f_new), inner(beta_new, f_new), f, f_new, lo, hi, cost)
        for i in range(len(f)):
            beta[i] += by * beta_new[i]
            f[i] += by * f_new[i]
    else:
        put(beta_new, beta)
        put(f_new, f)
    return by == 1.0


@jit
def inner(a: Floats, b: Floats) -> float:
    """Sum of products."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total
