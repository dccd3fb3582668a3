"""Ridge regression whose penalty each fold chooses by leaving out one sample at a time.

With M = (K + λI)⁻¹, the mean's part taken out where there is an intercept, the
residuals of samples left out are My / diag(M) (Rifkin & Lippert 2007): for
each penalty a matrix that no label enters, so labellings are products with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.linalg import invert, put
from boldstream.kernels.decoding.ridge import write_decisions
from boldstream.kernels.decoding.ridge_matrix import few_voxels, weigh_voxels
from boldstream.kernels.decoding.spheres import fold_samples, gather, gram, standardise

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@jit
def _by_samples(k: Floats, alpha: float, centred: bool) -> Any:
    """λM (samples, samples) from products of samples `k`."""
    n = len(k)
    # As in ridge.py: what the mean alone would blow up is lifted, then taken out.
    shift = np.trace(k) / n + alpha if centred else 0.0
    a = k + shift
    for i in range(n):
        a[i, i] += alpha
    m = invert(a) * alpha
    if centred:
        m -= alpha / (n * (n * shift + alpha))
    return m


@jit
def _by_voxels(x: Floats, covariance: Floats, alpha: float, centred: bool, diagonal: Floats) -> Any:
    """What makes weights of voxels from targets (voxels, samples): (XXᵀ + λI)⁻¹X.

    From samples `x` (voxels, samples) and products of voxels; fills the `diagonal` of λM.
    """
    n = x.shape[1]
    weigh = weigh_voxels(covariance, alpha, x)
    for i in range(n):
        diagonal[i] = 1.0 - 1.0 / n if centred else 1.0
    for v in range(len(x)):
        for i in range(n):
            diagonal[i] -= x[v, i] * weigh[v, i]
    return weigh


@jit
def _keep_best(
    left: Floats, residuals: Floats, diagonal: Floats, found: Floats, at: int, n_columns: int,
    least: Floats, best: Any, solution: Floats,
) -> None:  # fmt: skip
    """Take a penalty where its squared residuals are less than those of the ones before it.

    `residuals` (labellings × columns, samples) are λMy; `found` is what
    `solution` then takes, a row for each of theirs.
    """
    for label in range(len(least)):
        missed = 0.0
        for c in range(label * n_columns, (label + 1) * n_columns):
            for i in range(residuals.shape[1]):
                left[i] = residuals[c, i] / diagonal[i]
                missed += left[i] * left[i]
        # As scikit-learn compares: means, of which the first of equal ones stays.
        missed /= n_columns * residuals.shape[1]
        if at == 0 or missed < least[label]:
            least[label] = missed
            best[label] = at
            for c in range(label * n_columns, (label + 1) * n_columns):
                put(found[c], solution[c])


@jit
def fit_fold(x: Floats, y: Floats, alphas: Floats, centred: bool, n_columns: int, best: Any) -> Any:
    """Choose a penalty for each labelling (its number in `best`); gives what predicts with it.

    `x` (voxels, samples) is centred if there is an intercept; `y` is (labellings
    × columns, samples). Given are weights (rows of `y`, voxels) where there are
    `few_voxels`; else weights of samples, whose rounding large products of few
    voxels would multiply.
    """
    n = x.shape[1]
    few = few_voxels(x, n, centred)
    products = np.dot(x, x.T) if few else gram(x)
    least, left, diagonal = np.empty(len(best)), np.empty(n), np.empty(n)
    solution = np.empty((len(y), len(x) if few else n))
    for at in range(len(alphas)):
        if few:
            weigh = _by_voxels(x, products, alphas[at], centred, diagonal)
            found = np.dot(y, weigh.T)
            residuals = y - np.dot(found, x)
        else:
            m = _by_samples(products, alphas[at], centred)
            found = residuals = np.dot(y, m)
            for i in range(n):
                diagonal[i] = m[i, i]
        _keep_best(left, residuals, diagonal, found, at, n_columns, least, best, solution)
    if not few:
        for row in range(len(y)):
            for i in range(n):
                solution[row, i] /= alphas[best[row // n_columns]]
    return solution


@jit
def _train_targets(targets: Floats, train: Rows, centred: bool, y: Floats, means: Floats) -> None:
    for row in range(len(targets)):
        means[row] = 0.0
        for i in range(len(train)):
            y[row, i] = targets[row, train[i]]
            means[row] += y[row, i]
        means[row] = means[row] / len(train) if centred else 0.0
        for i in range(len(train)):
            y[row, i] -= means[row]


@jit
def decide_ridge_cv(
    values: NDArray[np.float32],
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    targets: Floats,
    n_classes: int,
    alphas: Floats,
    intercept: bool,
    scaled: bool,
    out: NDArray[np.float32],
    chosen: NDArray[np.int32],
) -> None:
    """What folds predict of `targets` (labellings × columns, samples).

    Fills `out` (spheres, labellings, tests, columns) and `chosen` (spheres,
    folds, labellings), which penalty was taken. `n_classes` is 0 where targets are values.
    """
    n_columns = out.shape[3]
    for f in range(len(test_at) - 1):
        inside = train[train_at[f] : train_at[f + 1]]
        held_out = test[test_at[f] : test_at[f + 1]]
        y, means = np.empty((len(targets), len(inside))), np.empty(len(targets))
        _train_targets(targets, inside, intercept, y, means)
        for s in range(len(starts) - 1):
            x = gather(values, members[starts[s] : starts[s + 1]])
            if scaled:
                x = standardise(x, inside)
            fitted = fold_samples(x, inside, inside, intercept)
            tested = fold_samples(x, held_out, inside, intercept)
            solution = fit_fold(fitted, y, alphas, intercept, n_columns, chosen[s, f])
            if not few_voxels(x, len(inside), intercept):
                tested = np.dot(fitted.T, tested)
            predicted = np.dot(solution, tested)
            to = out[s, :, test_at[f] : test_at[f + 1]].transpose(0, 2, 1)
            write_decisions(predicted, means, n_classes, to)
