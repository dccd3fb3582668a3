"""Linear discriminant analysis with a penalty that no label enters: one matrix for all labellings.

The scatter within classes is that of all samples less that between them, which
has as many dimensions as there are classes (Treder 2018). With K the products of
the samples of a fold, λ = n·alpha, Q = λ(K + λI)⁻¹ less the mean's part, and u
the indicators of classes divided by the roots of their sizes, uᵀQu holds all
that the labels add.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.centroid import one_hot, write_columns
from boldstream.kernels.decoding.linalg import factor, invert, solve_factored_many
from boldstream.kernels.decoding.spheres import centre, centred_on, gather, gram, standardise

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Rows = NDArray[np.int64]
Codes = NDArray[np.int16]


@jit
def _fold_matrices(
    k: Floats, alpha: float, train: Rows, test: Rows, residual: Singles, fitted: Singles
) -> None:
    """Q (samples, samples), and what Q leaves of samples, for tests (tests, samples).

    `k` is centred on `train`; other samples are 0 in both.
    """
    n = len(train)
    penalty = n * alpha
    a, cross = np.empty((n, n)), np.empty((len(test), n))
    trace = 0.0
    for i in range(n):
        trace += k[train[i], train[i]]
    # As in ridge.py: the mean's part of the inverse would drown all else.
    shift = trace / n + penalty
    for i in range(n):
        for j in range(n):
            a[i, j] = k[train[i], train[j]] + shift
        a[i, i] += penalty
        for j in range(len(test)):
            cross[j, i] = k[test[j], train[i]]
    m = invert(a) - 1.0 / (n * (n * shift + penalty))
    product = np.dot(cross, m)
    residual[:] = 0.0
    fitted[:] = 0.0
    for i in range(n):
        for j in range(n):
            residual[train[i], train[j]] += np.float32(penalty * m[i, j])
        for j in range(len(test)):
            fitted[j, train[i]] += np.float32(product[j, i])


@jit
def _line(zero: float, one: float, left: float) -> Any:
    """Slope and start of decision values over products with class 0, and `left`, its square in Q.

    `zero` and `one` are sizes of the classes.
    """
    total = zero + one
    share = total / (zero * one)
    slope = -total / left
    if zero == one:
        return slope, 0.0
    bend = 0.5 * (one - zero) * share * (1.0 / (left * share) - 1.0)
    return slope, bend + np.log(one / zero)


@jit
def _metric(left: Any, codes: Any, n: Floats, h: Floats, w: Floats) -> None:
    """What the labels add, inverted, in `w` (classes, classes); an absent class stays apart.

    `left` (classes − 1, samples) are rows of Q summed over each class but the last.
    """
    n_classes = len(n)
    last, total = n_classes - 1, n.sum()
    h[:] = 0.0
    for i in range(len(codes)):
        for k in range(last):
            h[k, codes[i]] += left[k, i]
            h[last, codes[i]] -= left[k, i]
    w[:] = 0.0
    for k in range(n_classes):
        for j in range(n_classes):
            root = np.sqrt(n[k] * n[j])
            h[k, j] = (h[k, j] / root if root > 0 else 0.0) + root / total
        if n[k] == 0:
            h[k, k] = 1.0
        w[k, k] = 1.0
    factor(h, n_classes)
    solve_factored_many(h, w, n_classes)


@jit
def _classes(products: Any, n: Floats, w: Floats, columns: Floats) -> None:
    """Scores of each class (classes, tests) from products with all but the last one."""
    last, total = len(n) - 1, n.sum()
    for k in range(len(n)):
        size = max(n[k], 1.0)
        columns[k] = -0.5 * total / size * (w[k, k] - 1.0) + np.log(size / total)
        # Products with the last class are less the sum of the others.
        of_last = w[last, k] / np.sqrt(max(n[last], 1.0))
        for j in range(last):
            by = total / np.sqrt(size) * (w[j, k] / np.sqrt(max(n[j], 1.0)) - of_last)
            for t in range(columns.shape[1]):
                columns[k, t] += by * products[j, t]


@jit
def _decide_two(
    ones: Singles, sizes: Floats, fold: int, residual: Singles, products: Singles, tests: Rows,
    out: Any,
) -> None:  # fmt: skip
    """Decision values `out` (labellings, tests, 1) of one sphere in the tests of one fold.

    Where classes are of equal size, all that Q gives is a positive factor: only
    the labelling that was given is worth the product.
    """
    needed = 1
    for label in range(len(ones)):
        if sizes[label, fold, 0] != sizes[label, fold, 1]:
            needed = len(ones)
    left = np.dot(ones[:needed], residual)
    for label in range(len(ones)):
        square = 1.0
        if label < needed:
            square = 0.0
            for i in range(left.shape[1]):
                square += left[label, i] * ones[label, i]
        slope, start = _line(sizes[label, fold, 0], sizes[label, fold, 1], square)
        for t in range(tests[0], tests[1]):
            out[label, t, 0] = slope * products[label, t] + start


@jit
def _decide_many(
    ones: Singles, codes: Codes, sizes: Floats, fold: int, residual: Singles, products: Singles,
    tests: Rows, out: Any,
) -> None:  # fmt: skip
    """As `_decide_two`, for more classes: `out` (labellings, tests, classes)."""
    n_classes = sizes.shape[2]
    last = n_classes - 1
    a, b = tests
    left = np.dot(ones, residual)
    h, w = np.empty((n_classes, n_classes)), np.empty((n_classes, n_classes))
    columns = np.empty((n_classes, b - a))
    for label in range(len(codes)):
        rows = slice(label * last, (label + 1) * last)
        _metric(left[rows], codes[label], sizes[label, fold], h, w)
        _classes(products[rows, a:b], sizes[label, fold], w, columns)
        write_columns(columns, sizes[label, fold], out[label, a:b])


@jit
def decide_lda_shared(
    values: NDArray[np.float32],
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    codes: Codes,
    sizes: Floats,
    alpha: float,
    scaled: bool,
    out: NDArray[np.float32],
) -> None:
    """Decision values (spheres, labellings, tests, columns) with `alpha` added to variances.

    `sizes` of classes in training are (labellings, folds, classes).
    """
    n, n_folds = values.shape[1], len(test_at) - 1
    ones = one_hot(codes, sizes.shape[2])
    residual = np.empty((n_folds, n, n), np.float32)
    fitted = np.empty((len(test), n), np.float32)
    for s in range(len(starts) - 1):
        x = gather(values, members[starts[s] : starts[s + 1]])
        centre(x)
        k = gram(x)
        for f in range(n_folds):
            inside = train[train_at[f] : train_at[f + 1]]
            a, b = test_at[f], test_at[f + 1]
            in_fold = gram(standardise(x, inside)) if scaled else centred_on(k, inside)
            _fold_matrices(in_fold, alpha, inside, test[a:b], residual[f], fitted[a:b])
        products = np.dot(ones, fitted.T)
        for f in range(n_folds):
            tests = test_at[f : f + 2]
            if sizes.shape[2] == 2:
                _decide_two(ones, sizes, f, residual[f], products, tests, out[s])
            else:
                _decide_many(ones, codes, sizes, f, residual[f], products, tests, out[s])
