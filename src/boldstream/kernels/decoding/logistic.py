"""Logistic regression: every fold and labelling of some spheres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.newton_logistic import fit_logistic
from boldstream.kernels.decoding.spheres import (
    centre,
    gather,
    split_constant,
    standardise,
    with_border,
)

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Codes = NDArray[np.int16]


@jit
def _reduced(x: Floats) -> Any:
    """Features with the same products of samples, and no more of them than samples."""
    d, n = x.shape
    # Of the products alone, a root would have half the digits.
    return x if d <= n else np.linalg.qr(x)[1].copy()


@jit
def _decide_folds(
    features: Floats,
    rows: Floats,
    precision: Floats,
    folds: tuple[int, int],
    test: Rows,
    test_at: Rows,
    counts: Floats,
    codes: Codes,
    costs: Floats,
    out: NDArray[np.float32],
) -> None:
    m, n = features.shape
    columns = out.shape[2]
    f, cost, lower = np.empty((columns, n)), np.empty(n), np.empty((columns, m, m))
    for fold in range(folds[0], folds[1]):
        for label in range(len(codes)):
            weights = costs[label, fold]
            for i in range(n):
                cost[i] = counts[fold, i] * weights[codes[label, i]]
            fit_logistic(features, rows, precision, codes[label], cost, weights, lower, f)
            for j in range(test_at[fold], test_at[fold + 1]):
                mean = 0.0
                for c in range(columns if columns > 1 else 0):
                    mean += f[c, test[j]] / columns
                for c in range(columns):
                    out[label, j, c] = f[c, test[j]] - mean


@jit
def decide_logistic(
    values: NDArray[np.float32],
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    counts: Floats,
    codes: Codes,
    costs: Floats,
    scaling: float,
    scaled: bool,
    out: NDArray[np.float32],
) -> None:
    """Decision values `out` (spheres, labellings, tests, columns).

    `codes` (labellings, samples) are of classes, `costs` (labellings, folds,
    classes) 0 for a class that a fold has not. The constant voxel has the value
    `scaling`; infinity for an intercept that is not penalised.
    """
    n_folds = len(test_at) - 1
    free = scaling == np.inf
    for sphere in range(len(starts) - 1):
        x = gather(values, members[starts[sphere] : starts[sphere + 1]])
        for fold in range(n_folds if scaled else 1):
            z, folds = x, (0, n_folds)
            if scaled:
                z = standardise(x, train[train_at[fold] : train_at[fold + 1]])
                folds = (fold, fold + 1)
            border, weight = np.ones(z.shape[1]), np.inf
            if free:
                centre(z)
            else:
                border, weight = split_constant(z, scaling)
            features, rows = with_border(_reduced(z), border)
            precision = np.ones(len(features))
            if weight > 0.0:
                precision[-1] = 1.0 / weight
            _decide_folds(
                features,
                rows,
                precision,
                folds,
                test,
                test_at,
                counts,
                codes,
                costs,
                out[sphere],
            )
