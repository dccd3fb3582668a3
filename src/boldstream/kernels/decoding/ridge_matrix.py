"""What ridge regression takes of each sample's target for each test, of which no target knows.

With X centred, K = XXᵀ and H = 11ᵀ/n + K(K + λI)⁻¹, the residuals of held-out
samples B are (I − H_BB)⁻¹ (y − Hy)_B (Treder, arXiv 1803.10016).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.linalg import factor, invert, put, solve, solve_factored_many
from boldstream.kernels.decoding.spheres import centred_on, fold_samples, gram, standardise

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@jit
def few_voxels(x: Floats, n: int, centred: bool) -> bool:
    """Whether `x` (voxels, ...) has fewer dimensions than `n` samples, less their mean if centred.

    Else nothing is left of samples once voxels have had their share, for any
    digit of it to be found as a difference.
    """
    return len(x) < n - (1 if centred else 0)


@jit
def weigh_voxels(products: Floats, alpha: float, x: Floats) -> Any:
    """(P + λI)⁻¹X (voxels, samples) from `products` P of voxels."""
    a = products.copy()
    for v in range(len(a)):
        a[v, v] += alpha
    return solve(a, x.copy())


@jit
def _left_over(x: Floats, alpha: float, intercept: bool, by_voxels: bool) -> Any:
    """I − H, by some number, from samples `x` (voxels, samples), centred if there is an intercept.

    By voxels, where there are few, nothing is lost beside large raw values.
    """
    n = x.shape[1]
    if by_voxels:
        h = np.dot(x.T, weigh_voxels(np.dot(x, x.T), alpha, x))
        mean = 1.0 / n if intercept else 0.0
        for i in range(n):
            for j in range(n):
                h[i, j] = (1.0 if i == j else 0.0) - mean - h[i, j]
        return h
    k = gram(x)
    shift = 0.0
    if intercept:
        # K knows nothing of the mean, so (K + λI)⁻¹ has the eigenvalue 1/λ
        # there, beside which all else would drown: lift it out of the way.
        shift = np.trace(k) / n + alpha
    a = k + shift
    for i in range(n):
        a[i, i] += alpha
    m = invert(a)
    if intercept:
        m -= 1.0 / (n * (n * shift + alpha))
    return m


@jit
def _from_hat(m: Floats, test: Rows, test_at: Rows) -> Any:
    """Decision matrix (tests, samples) where each fold trains on all samples it does not test.

    `m` is I − H, by any number.
    """
    n = len(m)
    out = np.empty((len(test), n))
    for f in range(len(test_at) - 1):
        rows = test[test_at[f] : test_at[f + 1]]
        size = len(rows)
        block = np.empty((size, size))
        part = out[test_at[f] : test_at[f + 1]]
        for i in range(size):
            for j in range(size):
                block[i, j] = m[rows[i], rows[j]]
            put(m[rows[i]], part[i])
        factor(block, size)
        solve_factored_many(block, part, size)
        for i in range(size):
            for t in range(n):
                part[i, t] = -part[i, t]
            for j in range(size):
                part[i, rows[j]] = 0.0
    return out


@jit
def _by_samples(k: Floats, alpha: float, train: Rows, test: Rows) -> Any:
    """What tests take of training samples (train, tests), from products `k` of samples."""
    n = len(train)
    a = np.empty((n, n))
    b = np.empty((n, len(test)))
    for i in range(n):
        for j in range(n):
            a[i, j] = k[train[i], train[j]]
        a[i, i] += alpha
        for j in range(len(test)):
            b[i, j] = k[train[i], test[j]]
    return solve(a, b)


@jit
def _by_voxels(x: Floats, alpha: float, intercept: bool, train: Rows, test: Rows) -> Any:
    """As `_by_samples`, from samples `x` (voxels, samples)."""
    fitted = fold_samples(x, train, train, intercept)
    tested = fold_samples(x, test, train, intercept)
    return np.dot(fitted.T, weigh_voxels(np.dot(fitted, fitted.T), alpha, tested))


@jit
def _write_fold(b: Floats, intercept: bool, train: Rows, out: Any) -> None:
    """Rows of the decision matrix (tests, samples) for one fold; others than `train` become 0."""
    out[:] = 0.0
    for j in range(b.shape[1]):
        mean = (1.0 - b[:, j].sum()) / len(train) if intercept else 0.0
        for i in range(len(train)):
            # A sample that is trained on twice has a weight for each time.
            out[j, train[i]] += b[i, j] + mean


@jit
def decision_matrix(
    x: Floats, train: Rows, train_at: Rows, test: Rows, test_at: Rows,
    alpha: float, intercept: bool, scaled: bool | None,
) -> Any:  # fmt: skip
    """What each test takes of each sample's target (tests, samples).

    `x` (voxels, samples) is centred if there is an intercept. `scaled` is None
    where nothing is standardised and each fold trains on all that it does not
    test: one matrix serves all folds then, and the rest is not even compiled.
    """
    least = x.shape[1]
    for f in range(len(train_at) - 1):
        least = min(least, train_at[f + 1] - train_at[f])
    few = few_voxels(x, least, intercept)
    if scaled is None:
        return _from_hat(_left_over(x, alpha, intercept, few), test, test_at)
    d = np.empty((len(test), x.shape[1]))
    k = np.empty((0, 0)) if few or scaled else gram(x)
    for f in range(len(test_at) - 1):
        inside = train[train_at[f] : train_at[f + 1]]
        held_out = test[test_at[f] : test_at[f + 1]]
        given = standardise(x, inside) if scaled else x
        if few:
            b = _by_voxels(given, alpha, intercept, inside, held_out)
        else:
            fold = k
            if scaled:
                fold = gram(given)
            elif intercept:
                fold = centred_on(k, inside)
            b = _by_samples(fold, alpha, inside, held_out)
        _write_fold(b, intercept, inside, d[test_at[f] : test_at[f + 1]])
    return d
