"""Linear support vector machines with squared loss: every fold and labelling of some spheres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.linalg import put, put_rows
from boldstream.kernels.decoding.newton_active import fit_active
from boldstream.kernels.decoding.newton_inverse import append_rows, fit_inverse, inverse
from boldstream.kernels.decoding.newton_primal import fit_primal, hessian
from boldstream.kernels.decoding.spheres import (
    gather,
    gram,
    shorter,
    split_constant,
    standardise,
    with_border,
)

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
States = NDArray[np.int8]

# Beyond this condition what `sweep` gives has lost more than nine of its sixteen digits.
_CONDITION = 2e5


@jit
def lifted(x: Floats, border: Floats, weight: float) -> Any:
    """Products of samples, with as much of the border as is of their size; and the rest of it."""
    k = gram(x)
    n = len(k)
    part = 0.0
    for i in range(n):
        part += k[i, i] / n
    part = min(weight, max(part, 1.0))
    for i in range(n):
        by = part * border[i]
        for j in range(n):
            k[i, j] += by * border[j]
    return k, weight - part


@jit
def sound(k: Floats, b: Floats, ridge: float) -> bool:
    """Whether the inverse `b` of `k` with a ridge, about, is as good as its use needs."""
    of_k, of_b = 0.0, 0.0
    for i in range(len(k)):
        # One that has lost all digits may have any sign.
        if not b[i, i] > 0.0:
            return False
        of_k += k[i, i] + ridge
        of_b += b[i, i]
    return of_k * of_b < _CONDITION


@jit
def _most(k: Floats) -> float:
    most = 0.0
    for i in range(len(k)):
        most = max(most, k[i, i])
    return most


@jit
def _begin(
    counts: Floats,
    of_two: Floats,
    start: States,
    target: Floats,
    cost: Floats,
    state: States,
    t: Floats,
) -> None:
    """Cost of each sample; all that are trained on pull at first."""
    for i in range(len(cost)):
        cost[i] = counts[i] * of_two[0 if start[i] == 1 else 1]
        state[i] = start[i] if cost[i] > 0.0 else 0
        t[i] = target[i]


@jit
def _outside(counts: Floats, s: Rows) -> int:
    """Samples that are not trained on, in `s`; how many."""
    found = 0
    for i in range(len(counts)):
        if counts[i] == 0.0:
            s[found] = i
            found += 1
    return found


@jit
def _write(
    f: Floats, test: Rows, start: int, stop: int, offset: float, out: NDArray[np.float32]
) -> None:
    for j in range(start, stop):
        out[j] = f[test[j]] - offset


@jit
def _by_products(
    k: Floats,
    border: Floats,
    rest: float,
    folds: tuple[int, int],
    test: Rows,
    test_at: Rows,
    counts: Floats,
    lo: Floats,
    hi: Floats,
    start: States,
    target: Floats,
    costs: Floats,
    equal: bool,
    offset: float,
    out: NDArray[np.float32],
) -> None:
    n = len(k)
    state, t, cost, f = np.empty(n, np.int8), np.empty(n), np.empty(n), np.empty(n)
    lower, scratch = np.empty((n, n)), np.empty((n, n))
    s, pull = np.empty(n, np.int64), np.empty(n)
    ridge = 0.5 / costs[0, 0, 0]
    b, pulls = k, target
    if equal:
        b = inverse(k, border, rest, ridge)
        equal = sound(k, b, ridge)
        pulls = np.dot(target, b)
    for fold in range(folds[0], folds[1]):
        fixed = _outside(counts[fold], s)
        by_inverse = equal and 2 * fixed < n
        if by_inverse:
            append_rows(b, s, 0, fixed, lower)
        for label in range(len(lo)):
            _begin(counts[fold], costs[label, fold], start[label], target[label], cost, state, t)
            found = False
            if by_inverse:
                put(pulls[label], pull)
                found = fit_inverse(
                    b, k, ridge, lo[label], hi[label], cost, state, t, pull, s, fixed, lower, f
                )
            if not found:
                fit_active(k, border, rest, lo[label], hi[label], cost, state, t, scratch, f)
            _write(f, test, test_at[fold], test_at[fold + 1], offset, out[label])


@jit
def decide_by_products(
    values: NDArray[np.float32],
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    counts: Floats,
    lo: Floats,
    hi: Floats,
    start: States,
    target: Floats,
    costs: Floats,
    equal: bool,
    scaling: float,
    scaled: bool,
    offset: float,
    largest: float,
    left: NDArray[np.bool_],
    out: NDArray[np.float32],
) -> None:
    """Predictions of tests, `out` (spheres, targets, tests), less `offset`.

    Parameters are those of folds, then for each target and sample the band
    (`lo`, `hi`), the side of it (`start`) and its edge (`target`) to begin
    with; `costs` (targets, folds, 2) of samples that begin above and below;
    whether all of them are `equal`. A sphere of which a
    sample has a product with itself above `largest` is `left` (spheres,) to
    `decide_by_features`.
    """
    n_folds = len(test_at) - 1
    for sphere in range(len(starts) - 1):
        x = gather(values, members[starts[sphere] : starts[sphere + 1]])
        for fold in range(n_folds if scaled else 1):
            z, folds = x, (0, n_folds)
            if scaled:
                z = standardise(x, train[train_at[fold] : train_at[fold + 1]])
                folds = (fold, fold + 1)
            border, weight = split_constant(z, scaling)
            k, rest = lifted(z, border, weight)
            if _most(k) > largest:
                left[sphere] = True
                break
            _by_products(
                k,
                border,
                rest,
                folds,
                test,
                test_at,
                counts,
                lo,
                hi,
                start,
                target,
                costs,
                equal,
                offset,
                out[sphere],
            )


@jit
def _by_features(
    x: Floats,
    border: Floats,
    weight: float,
    folds: tuple[int, int],
    test: Rows,
    test_at: Rows,
    counts: Floats,
    lo: Floats,
    hi: Floats,
    start: States,
    target: Floats,
    costs: Floats,
    equal: bool,
    offset: float,
    out: NDArray[np.float32],
) -> None:
    # The Hessian is features × features: of a whole brain it would be gigabytes.
    features, rows = with_border(shorter(x), border)
    d, n = len(features) - 1, len(rows)
    precision = np.ones(d + 1)
    if weight > 0.0:
        precision[d] = 1.0 / weight
    state, t, cost, f = np.empty(n, np.int8), np.empty(n), np.empty(n), np.empty(n)
    whole, h, lower = np.empty((d + 1, d + 1)), np.empty((d + 1, d + 1)), np.empty((d + 1, d + 1))
    for fold in range(folds[0], folds[1]):
        for label in range(len(lo)):
            _begin(counts[fold], costs[label, fold], start[label], target[label], cost, state, t)
            if label == 0 or not equal:
                for i in range(n):
                    f[i] = 2.0 * cost[i]
                hessian(features, rows, precision, f, whole)
            put_rows(whole, h)
            fit_primal(features, rows, precision, lo[label], hi[label], cost, state, t, h, lower, f)
            _write(f, test, test_at[fold], test_at[fold + 1], offset, out[label])


@jit
def decide_by_features(
    values: NDArray[np.float32],
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    counts: Floats,
    lo: Floats,
    hi: Floats,
    start: States,
    target: Floats,
    costs: Floats,
    equal: bool,
    scaling: float,
    scaled: bool,
    offset: float,
    out: NDArray[np.float32],
) -> None:
    """As `decide_by_products`; faster where samples are more than voxels, sound at any cost."""
    n_folds = len(test_at) - 1
    for sphere in range(len(starts) - 1):
        x = gather(values, members[starts[sphere] : starts[sphere + 1]])
        for fold in range(n_folds if scaled else 1):
            z, folds = x, (0, n_folds)
            if scaled:
                z = standardise(x, train[train_at[fold] : train_at[fold + 1]])
                folds = (fold, fold + 1)
            border, weight = split_constant(z, scaling)
            _by_features(
                z,
                border,
                weight,
                folds,
                test,
                test_at,
                counts,
                lo,
                hi,
                start,
                target,
                costs,
                equal,
                offset,
                out[sphere],
            )
