"""Ridge regression of any number of targets: one matrix maps a target to what folds predict.

None of it depends on the target, so a labelling is a column of one product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.ridge_matrix import decision_matrix
from boldstream.kernels.decoding.spheres import centre, gather

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

# How much of the largest value others differ by at least where float32 holds that well.
_BESIDE = 1e-3


@jit
def _order(values: Any) -> Any:
    """Numbers of `values`, the least first, by Shell's sort: ``np.argsort`` is long to compile."""
    n = len(values)
    order = np.empty(n, np.int64)
    for i in range(n):
        order[i] = i
    gap = n // 2
    while gap > 0:
        for i in range(gap, n):
            moved = order[i]
            j = i
            while j >= gap and values[order[j - gap]] > values[moved]:
                order[j] = order[j - gap]
                j -= gap
            order[j] = moved
        gap = 1 if gap == 2 else gap * 5 // 11
    return order


@jit
def _write_in_order(mean: float, values: Any, out: Any) -> None:
    """Values of tests and their `mean` as float32 that differ where values do, if by a digit.

    ROC AUC is made of their order, and float32 would hold no more than what they share.
    """
    before, last = -np.inf, np.float32(-np.inf)
    for j in _order(values):
        value = np.float32(mean + values[j])
        if values[j] == before:
            value = last
        elif not value > last:
            value = np.nextafter(last, np.float32(np.inf))
        before, last = values[j], value
        out[j] = value


@jit
def _write_row(mean: float, values: Floats, in_order: bool, out: Any) -> None:
    apart = 0.0
    for j in range(len(values)):
        out[j] = mean + values[j]
        apart += abs(values[j] - values[0])
    if in_order and apart < _BESIDE * len(values) * abs(mean + values[0]):
        _write_in_order(mean, values, out)


@jit
def write_decisions(predicted: Floats, means: Floats, n_classes: int, out: Any) -> None:
    """Write what is `predicted` (labellings × columns, tests): `out` (labellings, columns, tests).

    To it `means` are added, one for each row. Of more than two classes only
    differences count: each test's values are less its largest, beside which
    float32 might not hold them. `n_classes` is 0 where targets are values.
    """
    n_columns = out.shape[1]
    for label in range(len(out)):
        if n_columns == 1:
            _write_row(means[label], predicted[label], n_classes == 2, out[label, 0])
            continue
        first = label * n_columns
        for j in range(out.shape[2]):
            largest = predicted[first, j] + means[first]
            for c in range(first + 1, first + n_columns):
                largest = max(largest, predicted[c, j] + means[c])
            for c in range(n_columns):
                out[label, c, j] = predicted[first + c, j] + means[first + c] - largest


@jit
def _add_mean(mean: float, n_classes: int, values: Any) -> None:
    """Add to `values` (tests,) of a fold, float32, the mean of its target.

    Beside a large penalty values may be so small that float32 would hold the
    mean alone.
    """
    total = 0.0
    for j in range(len(values)):
        total += abs(values[j])
    if n_classes == 2 and total < _BESIDE * abs(mean) * len(values):
        _write_in_order(mean, values.copy(), values)
        return
    for j in range(len(values)):
        values[j] += mean


@jit
def _add_means(means: Floats, n_classes: int, test_at: Rows, out: Any) -> None:
    for f in range(len(means)):
        for t in range(len(out)):
            # Of as many samples of each of two classes it is 0.
            if means[f, t] != 0.0:
                _add_mean(means[f, t], n_classes, out[t, test_at[f] : test_at[f + 1]])


@jit
def _without_means(d: Floats, train: Rows, train_at: Rows, test_at: Rows, out: Any) -> None:
    """Decision matrix (tests, samples), less what gives the mean of a target, as float32."""
    for f in range(len(train_at) - 1):
        share = 1.0 / (train_at[f + 1] - train_at[f])
        for j in range(test_at[f], test_at[f + 1]):
            for i in range(train_at[f], train_at[f + 1]):
                d[j, train[i]] -= share
    for j in range(len(d)):
        for i in range(d.shape[1]):
            out[j, i] = d[j, i]


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
    means: Floats,
    n_classes: int,
    alpha: float,
    scaled: bool | None,
    out: NDArray[np.float32],
) -> None:
    """What folds predict of `targets` (labellings × columns, samples), with an intercept.

    `means` (folds, labellings × columns) are those of targets in training, as
    far as they count. Fills `out` (spheres, labellings × columns, tests).
    `n_classes` is 0 where targets are values; `scaled` is as in `decision_matrix`.
    """
    matrix = np.empty((len(test), values.shape[1]), np.float32)
    for s in range(len(starts) - 1):
        x = gather(values, members[starts[s] : starts[s + 1]])
        centre(x)
        d = decision_matrix(x, train, train_at, test, test_at, alpha, True, scaled)
        # Where the penalty is large, float32 would not hold the rest beside the mean's part.
        _without_means(d, train, train_at, test_at, matrix)
        np.dot(targets, matrix.T, out[s])
        _add_means(means, n_classes, test_at, out[s])


@jit
def decide_ridge_raw(
    values: NDArray[np.float32],
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    targets: Floats,
    n_classes: int,
    alpha: float,
    scaled: bool | None,
    out: NDArray[np.float32],
) -> None:
    """As `decide_ridge` without an intercept: `out` is (spheres, labellings, columns, tests).

    What voxels' means make of all tests alike may be far above what tells them
    apart, so products are in float64.
    """
    nothing = np.zeros(len(targets))
    predicted = np.empty((len(targets), len(test)))
    for s in range(len(starts) - 1):
        x = gather(values, members[starts[s] : starts[s + 1]])
        d = decision_matrix(x, train, train_at, test, test_at, alpha, False, scaled)
        np.dot(targets, d.T, predicted)
        for f in range(len(test_at) - 1):
            tests = slice(test_at[f], test_at[f + 1])
            write_decisions(predicted[:, tests], nothing, n_classes, out[s, :, :, tests])
