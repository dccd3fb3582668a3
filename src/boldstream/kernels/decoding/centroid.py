"""Products of samples with means of classes: nearest centroid and correlation.

The samples of a sphere are centred on what a fold trains on, so that the sums
of all classes but the last give those of the last, and so that float32 holds
their products: of two classes one product of matrices serves each labelling.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.spheres import gather, shorter, standardise

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Rows = NDArray[np.int64]
Codes = NDArray[np.int16]

CENTROID, CORRELATION = range(2)


@jit
def one_hot(codes: Codes, n_classes: int) -> Any:
    """Samples of each class but the last as 1 (labellings × (classes − 1), samples)."""
    n = n_classes - 1
    out = np.zeros((len(codes) * n, codes.shape[1]), np.float32)
    for label in range(len(codes)):
        for i in range(codes.shape[1]):
            if codes[label, i] < n:
                out[label * n + codes[label, i], i] = 1.0
    return out


@jit
def class_sizes(codes: Any, train: Rows, n: Floats) -> None:
    """How many of `train` each class holds."""
    n[:] = 0.0
    for t in train:
        n[codes[t]] += 1.0


@jit
def without_mean(x: Floats) -> Any:
    """Samples (voxels, samples) less their mean over voxels."""
    out = x.copy()
    for t in range(x.shape[1]):
        mean = x[:, t].sum() / len(x)
        for v in range(len(x)):
            out[v, t] -= mean
    return out


@jit
def _split(x: Floats, train: Rows, test: Rows, mean: Floats, inside: Any, outside: Any) -> None:
    """Samples less the mean of `train`: those it trains on (samples, voxels), and `test`.

    A sample counts as often as it is in `train`; the others are 0.
    """
    inside[:] = 0.0
    for v in range(len(x)):
        mean[v] = 0.0
        for t in train:
            mean[v] += x[v, t]
        mean[v] /= len(train)
        for t in train:
            inside[t, v] += np.float32(x[v, t] - mean[v])
        for i in range(len(test)):
            outside[v, i] = x[v, test[i]] - mean[v]


@jit
def _last(sums: Any, products: Any, part: Any, dots: Any) -> None:
    """Sums and products of each class of one labelling, those of the last from the others."""
    n = len(part) - 1
    for t in range(part.shape[1]):
        part[n, t] = 0.0
        for k in range(n):
            part[k, t] = products[k, t]
            part[n, t] -= products[k, t]
    dots[n] = 0.0
    for k in range(n):
        total = np.float32(0)
        for v in range(sums.shape[1]):
            total += sums[k, v] * sums[k, v]
        dots[k] = total
    if n == 1:
        dots[1] = dots[0]
        return
    for v in range(sums.shape[1]):
        total = np.float32(0)
        for k in range(n):
            total += sums[k, v]
        dots[n] += total * total


@jit
def _distances(part: Any, dots: Any, n: Floats, columns: Any) -> None:
    """Twice the product with each centroid less the square of the centroid."""
    for k in range(len(n)):
        if n[k] > 0:
            square = dots[k] / (n[k] * n[k])
            for t in range(part.shape[1]):
                columns[k, t] = 2.0 * part[k, t] / n[k] - square


@jit
def _lengths(mean: Floats, test: Floats, beside: Floats, inverse: Floats) -> None:
    """Of each test pattern: its product with `mean`, and 1 by its length."""
    base = np.dot(mean, mean)
    for t in range(test.shape[1]):
        product, own = 0.0, 0.0
        for v in range(len(mean)):
            product += mean[v] * test[v, t]
            own += test[v, t] * test[v, t]
        norm = base + 2.0 * product + own
        beside[t] = base + product
        inverse[t] = 1.0 / np.sqrt(norm) if norm > 0 else 0.0


@jit
def _correlations(
    part: Floats, dots: Floats, along: Floats, n: Floats, base: float,
    beside: Floats, inverse: Floats, columns: Floats,
) -> None:  # fmt: skip
    """Correlations with means of classes, from products of what differs from the common mean."""
    for k in range(len(n)):
        if n[k] == 0:
            continue
        share = 1.0 / n[k]
        length = base + 2.0 * along[k] * share + dots[k] * share * share
        scale = 1.0 / np.sqrt(length) if length > 0 else 0.0
        for t in range(part.shape[1]):
            product = beside[t] + (along[k] + part[k, t]) * share
            columns[k, t] = product * scale * inverse[t]


@jit
def write_columns(columns: Floats, sizes: Any, out: Any) -> None:
    """Values of classes (classes, tests) as decision values (tests, columns).

    A class of no samples has no say in the mean: beside it the others' differences
    may be less than the rounding of float32.
    """
    n, n_present = len(columns), np.count_nonzero(sizes)
    for t in range(columns.shape[1]):
        if n == 2:
            out[t, 0] = columns[1, t] - columns[0, t]
            continue
        mean = 0.0
        for k in range(n):
            mean += columns[k, t] / n_present if sizes[k] > 0 else 0.0
        for k in range(n):
            out[t, k] = columns[k, t] - mean


@jit
def _sum_classes(values: Floats, codes: Any, sums: Floats) -> None:
    sums[:] = 0.0
    for i in range(len(values)):
        sums[codes[i]] += values[i]


@jit
def _fold(
    x: Floats, codes: Codes, ones: Singles, sizes: Floats, fold: int, train: Rows, test: Rows,
    kind: int, out: Any,
) -> None:  # fmt: skip
    """Decision values of one sphere in one fold, `out` (labellings, tests, columns)."""
    p, n_samples = x.shape
    n_classes = sizes.shape[2]
    mean, inside = np.empty(p), np.empty((n_samples, p), np.float32)
    outside = np.empty((p, len(test)))
    _split(x, train, test, mean, inside, outside)
    sums = np.dot(ones, inside)
    products = np.dot(sums, outside.astype(np.float32))
    beside, inverse, base = np.empty(len(test)), np.empty(len(test)), 0.0
    # float32 would lose a class's product with the mean beside the mean's own square.
    projected = np.zeros(n_samples)
    if kind == CORRELATION:
        base = np.dot(mean, mean)
        _lengths(mean, outside, beside, inverse)
        for t in range(n_samples):
            for v in range(p):
                projected[t] += inside[t, v] * mean[v]
    along, dots = np.empty(n_classes), np.empty(n_classes)
    part = np.empty((n_classes, len(test)))
    columns = np.empty((n_classes, len(test)))
    for label in range(len(codes)):
        n = sizes[label, fold]
        a, b = label * (n_classes - 1), (label + 1) * (n_classes - 1)
        _last(sums[a:b], products[a:b], part, dots)
        columns[:] = 0.0
        if kind == CENTROID:
            _distances(part, dots, n, columns)
        else:
            _sum_classes(projected, codes[label], along)
            _correlations(part, dots, along, n, base, beside, inverse, columns)
        write_columns(columns, n, out[label])


@jit
def decide_by_means(
    values: Singles,
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    codes: Codes,
    sizes: Floats,
    kind: int,
    scaled: bool,
    out: Singles,
) -> None:
    """Decision values (spheres, labellings, tests, columns) of CENTROID or CORRELATION.

    `sizes` of classes in training are (labellings, folds, classes).
    """
    ones = one_hot(codes, sizes.shape[2])
    for s in range(len(starts) - 1):
        given = gather(values, members[starts[s] : starts[s + 1]])
        ready = given
        if not scaled:
            ready = shorter(without_mean(given) if kind == CORRELATION else given)
        for f in range(len(test_at) - 1):
            inside = train[train_at[f] : train_at[f + 1]]
            if scaled:
                ready = standardise(given, inside)
                ready = shorter(without_mean(ready) if kind == CORRELATION else ready)
            a, b = test_at[f], test_at[f + 1]
            _fold(ready, codes, ones, sizes, f, inside, test[a:b], kind, out[s, :, a:b])
