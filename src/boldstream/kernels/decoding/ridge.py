"""Ridge regression of any number of targets: one matrix maps a target to what folds predict.

With X centred, K = XXᵀ and H = 11ᵀ/n + K(K + λI)⁻¹, the residuals of held-out
samples B are (I − H_BB)⁻¹ (y − Hy)_B (Treder, arXiv 1803.10016). None of it
depends on the target, so a labelling is a column of one product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.linalg import factor, invert, put, solve, solve_factored_many
from boldstream.kernels.decoding.spheres import centre, gather, gram, standardise

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

# Values beside a mean that float32 holds to a ten-thousandth.
_BESIDE_MEAN = 1e-3


@jit
def from_hat(k: Floats, alpha: float, intercept: bool, test: Rows, test_at: Rows) -> Any:
    """Decision matrix (tests, samples) where each fold trains on all samples it does not test.

    `k` holds the products of samples, centred if there is an intercept.
    """
    n = len(k)
    shift = 0.0
    if intercept:
        # K knows nothing of the mean, so (K + λI)⁻¹ has the eigenvalue 1/λ
        # there, beside which all else would drown: lift it out of the way.
        shift = np.trace(k) / n + alpha
    a = k + shift
    for i in range(n):
        a[i, i] += alpha
    # I − H, by λ.
    m = invert(a)
    if intercept:
        m -= 1.0 / (n * (n * shift + alpha))
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
def from_fold(k: Floats, alpha: float, intercept: bool, train: Rows, test: Rows, out: Any) -> None:
    """Rows of the decision matrix (tests, samples) for one fold; others than `train` become 0.

    `k` holds the products of samples, centred on those of `train` if there is an intercept.
    """
    n = len(train)
    a = np.empty((n, n))
    b = np.empty((n, len(test)))
    for i in range(n):
        for j in range(n):
            a[i, j] = k[train[i], train[j]]
        a[i, i] += alpha
        for j in range(len(test)):
            b[i, j] = k[train[i], test[j]]
    b = solve(a, b)
    out[:] = 0.0
    for j in range(len(test)):
        mean = (1.0 - b[:, j].sum()) / n if intercept else 0.0
        for i in range(n):
            # A sample that is trained on twice has a weight for each time.
            out[j, train[i]] += b[i, j] + mean


@jit
def centred_on(k: Floats, train: Rows) -> Any:
    """Products of samples (n, n) once the mean of those of `train` is taken out of all."""
    n = len(k)
    mean = np.zeros(n)
    for t in train:
        for i in range(n):
            mean[i] += k[t, i]
    mean /= len(train)
    total = 0.0
    for t in train:
        total += mean[t]
    total /= len(train)
    out = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            out[i, j] = k[i, j] - mean[i] - mean[j] + total
    return out


@jit
def _train_means(targets: NDArray[np.float32], train: Rows, train_at: Rows) -> Any:
    """Mean of each target over what each fold trains on (folds, targets)."""
    n_folds = len(train_at) - 1
    out = np.zeros((n_folds, len(targets)))
    for f in range(n_folds):
        for t in range(len(targets)):
            for i in range(train_at[f], train_at[f + 1]):
                out[f, t] += targets[t, train[i]]
            out[f, t] /= train_at[f + 1] - train_at[f]
    return out


@jit
def below_largest(means: Floats, n_classes: int) -> None:
    """Of more than two classes, take from means (labellings × classes,) a labelling's largest.

    Only differences between classes count. What is small beside a mean, where
    the penalty is large, float32 holds of classes to which nothing is added.
    """
    if n_classes < 3:
        return
    for first in range(0, len(means), n_classes):
        largest = means[first]
        for c in range(1, n_classes):
            largest = max(largest, means[first + c])
        for c in range(n_classes):
            means[first + c] -= largest


@jit
def add_mean(mean: float, n_classes: int, values: Any) -> None:
    """Add to `values` (tests,) of a fold, float32, the mean of its target.

    Beside a large penalty values may be so small that float32 would hold the
    mean alone. Those of two classes then differ by its last digits, in their
    order, of which ROC AUC is made.
    """
    if mean == 0.0:
        return
    total = 0.0
    for j in range(len(values)):
        total += abs(values[j])
    if n_classes != 2 or not total < _BESIDE_MEAN * abs(mean) * len(values):
        for j in range(len(values)):
            values[j] += mean
        return
    order = np.argsort(values)
    before, last = np.float32(0.0), np.float32(-np.inf)
    for j in order:
        value = np.float32(mean + values[j])
        if values[j] == before:
            value = last
        elif not value > last:
            value = np.nextafter(last, np.float32(np.inf))
        before, last = values[j], value
        values[j] = value


@jit
def _take_means(d: Floats, train: Rows, train_at: Rows, test_at: Rows) -> None:
    """Take out of the decision matrix (tests, samples) what gives the mean of a target."""
    for f in range(len(train_at) - 1):
        share = 1.0 / (train_at[f + 1] - train_at[f])
        for j in range(test_at[f], test_at[f + 1]):
            for i in range(train_at[f], train_at[f + 1]):
                d[j, train[i]] -= share


@jit
def _add_means(means: Floats, n_classes: int, test_at: Rows, out: Any) -> None:
    for t in range(len(out)):
        for f in range(len(means)):
            add_mean(means[f, t], n_classes, out[t, test_at[f] : test_at[f + 1]])


@jit
def decide_ridge(
    values: NDArray[np.float32],
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    targets: NDArray[np.float32],
    n_classes: int,
    alpha: float,
    intercept: bool,
    scaled: bool,
    by_hat: bool,
    out: NDArray[np.float32],
) -> None:
    """What folds predict of targets (n_targets, samples): `out` (spheres, n_targets, tests).

    `n_classes` is 0 where targets are values.
    """
    n = values.shape[1]
    means = _train_means(targets, train, train_at)
    for f in range(len(means)):
        below_largest(means[f], n_classes)
    for s in range(len(starts) - 1):
        x = gather(values, members[starts[s] : starts[s + 1]])
        # Also without an intercept the products below are of what is given.
        if intercept:
            centre(x)
        d = np.empty((len(test), n))
        if by_hat:
            d = from_hat(gram(x), alpha, intercept, test, test_at)
        else:
            k = gram(x)
            for f in range(len(test_at) - 1):
                inside = train[train_at[f] : train_at[f + 1]]
                fold = k
                if scaled:
                    fold = gram(standardise(x, inside))
                elif intercept:
                    fold = centred_on(k, inside)
                held_out = test[test_at[f] : test_at[f + 1]]
                from_fold(fold, alpha, intercept, inside, held_out, d[test_at[f] : test_at[f + 1]])
        if intercept:
            # Where the penalty is large, float32 would not hold the rest beside the mean's part.
            _take_means(d, train, train_at, test_at)
        np.dot(targets, d.astype(np.float32).T, out[s])
        if intercept:
            _add_means(means, n_classes, test_at, out[s])
