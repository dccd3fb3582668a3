"""Gaussian naive Bayes: log-likelihoods of voxels, summed over the members of each sphere.

Voxels are independent given the class, so what a voxel says of a sample is the
same in every sphere that holds it (Ontivero-Ortega 2017; Raizada & Lee 2013).
Only the variance that is added to all voxels of a sphere differs; where it is
not negligible, the sphere is worked out by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.linalg import put
from boldstream.kernels.decoding.spheres import centre, gather, standardise

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

# Of a voxel's variance, what may be left out.
NEGLIGIBLE = 1e-7
# Of a voxel's variance over all samples: below this, a difference of sums has lost its digits.
_KEPT = 1e-9
# Voxels are worked on so many at a time that their values in float64 take 8 MiB.
_TOGETHER = 1 << 20


@jit
def used_rows(members: NDArray[np.int32], n_voxels: int) -> Any:
    """Voxels that spheres hold, and the place of each voxel among them."""
    place = np.full(n_voxels, -1, np.int32)
    rows = np.empty(min(n_voxels, len(members)), np.int32)
    n = 0
    for voxel in members:
        if place[voxel] < 0:
            place[voxel] = n
            rows[n] = voxel
            n += 1
    return rows[:n].copy(), place


@jit
def spread(x: Floats, train: Rows) -> Any:
    """Variance of each voxel (voxels, samples) over `train`; exactly 0 of a constant one."""
    out = np.zeros(len(x))
    for v in range(len(x)):
        mean, constant = 0.0, True
        for t in train:
            mean += x[v, t]
            constant = constant and x[v, t] == x[v, train[0]]
        mean /= len(train)
        if not constant:
            for t in train:
                out[v] += (x[v, t] - mean) ** 2
            out[v] /= len(train)
    return out


@jit
def class_means(
    codes: NDArray[np.int16], train: Rows, train_at: Rows, n_classes: int, w: Floats, n: Floats
) -> None:
    """Weights (samples, folds × classes) that take means of classes, and sizes of classes."""
    w[:] = 0.0
    n[:] = 0.0
    for f in range(len(train_at) - 1):
        inside = train[train_at[f] : train_at[f + 1]]
        for i in inside:
            n[f * n_classes + codes[i]] += 1.0
        for i in inside:
            w[i, f * n_classes + codes[i]] += 1.0 / n[f * n_classes + codes[i]]


@jit
def _difference(x: Floats, m: Floats, v: Floats, out: Floats) -> None:
    """Log-likelihood of class 1 less that of class 0, for samples `x`."""
    start = 0.5 * np.log(v[0] / v[1])
    zero, one = 0.5 / v[0], 0.5 / v[1]
    for t in range(len(x)):
        out[t] = start + (x[t] - m[0]) ** 2 * zero - (x[t] - m[1]) ** 2 * one


@jit
def _likelihood(x: Floats, m: float, v: float, out: Floats) -> None:
    start = -0.5 * np.log(v)
    half = 0.5 / v
    for t in range(len(x)):
        out[t] = start - (x[t] - m) ** 2 * half


@jit
def _voxel(
    x: Floats,
    m: Floats,
    squares: Floats,
    n: Floats,
    total: Floats,
    test_at: Rows,
    scaled: bool,
    v: Floats,
    out: Floats,
) -> float:
    """What one voxel says of the tests `x`, in `out` (columns, tests); its least variance."""
    n_classes = len(v)
    lowest = np.inf
    for f in range(len(test_at) - 1):
        a, b = test_at[f], test_at[f + 1]
        means = m[f * n_classes : (f + 1) * n_classes]
        # Of a voxel that never changes, no class says more than another.
        well = total[f] > 0
        if well:
            for k in range(n_classes):
                v[k] = squares[f * n_classes + k] - means[k] ** 2
                if n[f * n_classes + k] == 0:
                    means[k], v[k] = 0.0, total[f]
                well = well and v[k] > _KEPT * total[f]
            lowest = min(lowest, v.min() / (total[f] if scaled else 1.0)) if well else 0.0
        if not well:
            out[:, a:b] = 0.0
        elif len(out) == 1:
            _difference(x[a:b], means, v, out[0, a:b])
        else:
            for k in range(n_classes):
                _likelihood(x[a:b], means[k], v[k], out[k, a:b])
    return lowest


@jit
def _add_alone(
    x: Floats,
    codes: NDArray[np.int16],
    train: Rows,
    test: Rows,
    n: Floats,
    added: float,
    out: Floats,
) -> None:
    """Add log-likelihoods (columns, tests) of voxels `x` in one fold, as they are defined."""
    n_classes = len(n)
    m, v = np.zeros(n_classes), np.zeros(n_classes)
    part = np.empty(len(test))
    some = np.empty(len(test))
    for row in x:
        m[:] = 0.0
        v[:] = 0.0
        for t in train:
            m[codes[t]] += row[t] / n[codes[t]]
        for t in train:
            v[codes[t]] += (row[t] - m[codes[t]]) ** 2 / n[codes[t]]
        v += added
        for i in range(len(test)):
            some[i] = row[test[i]]
        if len(out) == 1:
            _difference(some, m, v, part)
            for t in range(len(part)):
                out[0, t] += part[t]
        else:
            for k in range(n_classes):
                _likelihood(some, m[k], v[k], part)
                for t in range(len(part)):
                    out[k, t] += part[t]


@jit
def _write(columns: Floats, log_priors: Floats, test_at: Rows, out: Any) -> None:
    """Decision values of one sphere (tests, columns) from log-likelihoods (columns, tests)."""
    n_columns = len(columns)
    for f in range(len(test_at) - 1):
        prior = log_priors[f]
        for t in range(test_at[f], test_at[f + 1]):
            if n_columns == 1:
                out[t, 0] = columns[0, t] + prior[1] - prior[0]
                continue
            # A class with one sample in a fold is so unlikely elsewhere that float32 would not
            # hold, less the mean of all, how the others differ.
            most = -np.inf
            for k in range(n_columns):
                columns[k, t] += prior[k]
                most = max(most, columns[k, t])
            for k in range(n_columns):
                out[t, k] = columns[k, t] - most


@jit
def _by_itself(
    values: NDArray[np.float32],
    members: NDArray[np.int32],
    codes: NDArray[np.int16],
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    n: Floats,
    smoothing: float,
    scaled: bool,
    columns: Floats,
) -> None:
    """Log-likelihoods (columns, tests) of one sphere, as they are defined."""
    n_folds = len(test_at) - 1
    n_classes = len(n) // n_folds
    step = max(1, _TOGETHER // values.shape[1])
    added = np.zeros(n_folds)
    for start in range(0, len(members), step):
        x = gather(values, members[start : start + step])
        for f in range(n_folds):
            inside = train[train_at[f] : train_at[f + 1]]
            in_fold = standardise(x, inside) if scaled else x
            added[f] = max(added[f], smoothing * spread(in_fold, inside).max())
    columns[:] = 0.0
    for start in range(0, len(members), step):
        x = gather(values, members[start : start + step])
        for f in range(n_folds):
            inside = train[train_at[f] : train_at[f + 1]]
            a, b = test_at[f], test_at[f + 1]
            in_fold = standardise(x, inside) if scaled else x
            sizes = n[f * n_classes : (f + 1) * n_classes]
            _add_alone(in_fold, codes, inside, test[a:b], sizes, added[f], columns[:, a:b])


@jit
def _add_to_spheres(
    terms: Any,
    lowest: Floats,
    first: int,
    place: Any,
    members: Any,
    starts: Rows,
    sums: Any,
    least: Floats,
) -> None:
    """Add what voxels from place `first` say (voxels, values) to the spheres that hold them."""
    stop = first + len(terms)
    for s in range(len(starts) - 1):
        total = sums[s]
        low = least[s]
        for voxel in members[starts[s] : starts[s + 1]]:
            v = place[voxel]
            if first <= v < stop:
                row = terms[v - first]
                low = min(low, lowest[v - first])
                for t in range(len(total)):
                    total[t] += row[t]
        least[s] = low


@jit
def _columns(x: Floats, which: Rows) -> Any:
    out = np.empty((len(x), len(which)))
    for v in range(len(x)):
        for t in range(len(which)):
            out[v, t] = x[v, which[t]]
    return out


@jit
def _raise_largest(
    total: Floats, first: int, place: Any, members: Any, starts: Rows, largest: Floats
) -> None:
    """Largest variance in each sphere, of all folds, with voxels from place `first`."""
    stop = first + len(total)
    for s in range(len(largest)):
        for voxel in members[starts[s] : starts[s + 1]]:
            v = place[voxel]
            if first <= v < stop:
                largest[s] = max(largest[s], total[v - first].max())


@jit
def _add_voxels(
    x: Floats,
    first: int,
    place: Any,
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    codes: NDArray[np.int16],
    n_classes: int,
    scaled: bool,
    sums: Any,
    least: Floats,
    largest: Floats,
) -> None:
    """Add what some voxels say to `sums` (labellings, spheres, columns × tests)."""
    n_folds, n_tests = len(test_at) - 1, len(test)
    n_columns = sums.shape[2] // n_tests
    centre(x)
    squared = x * x
    tests = _columns(x, test)
    total = np.empty((len(x), n_folds))
    for f in range(n_folds):
        put(spread(x, train[train_at[f] : train_at[f + 1]]), total[:, f])
    _raise_largest(total, first, place, members, starts, largest)
    w, n = np.empty((x.shape[1], n_folds * n_classes)), np.empty(n_folds * n_classes)
    terms, lowest = np.empty((len(x), n_columns, n_tests)), np.empty(len(x))
    variance = np.empty(n_classes)
    flat = terms.reshape(len(x), n_columns * n_tests)
    for label in range(len(codes)):
        class_means(codes[label], train, train_at, n_classes, w, n)
        m, squares = np.dot(x, w), np.dot(squared, w)
        for v in range(len(x)):
            lowest[v] = _voxel(
                tests[v], m[v], squares[v], n, total[v], test_at, scaled, variance, terms[v]
            )
        _add_to_spheres(flat, lowest, first, place, members, starts, sums[label], least[label])


@jit
def decide_bayes(
    values: NDArray[np.float32],
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    codes: NDArray[np.int16],
    n_classes: int,
    log_priors: Floats,
    smoothing: float,
    scaled: bool,
    out: NDArray[np.float32],
) -> None:
    """Decision values (spheres, labellings, tests, columns) of Gaussian naive Bayes.

    `log_priors` is (labellings, folds, classes).
    """
    n_spheres, n_labellings, n_tests, n_columns = out.shape
    rows, place = used_rows(members, len(values))
    sums = np.zeros((n_labellings, n_spheres, n_columns * n_tests))
    least, largest = np.full((n_labellings, n_spheres), np.inf), np.zeros(n_spheres)
    step = max(1, _TOGETHER // (values.shape[1] * n_columns))
    for first in range(0, len(rows), step):
        x = gather(values, rows[first : first + step])
        _add_voxels(
            x, first, place, members, starts, train, train_at, test, test_at, codes, n_classes,
            scaled, sums, least, largest,
        )  # fmt: skip
    if scaled:
        largest[:] = 1.0
    n_cells = (len(test_at) - 1) * n_classes
    w, n = np.empty((values.shape[1], n_cells)), np.empty(n_cells)
    for label in range(n_labellings):
        class_means(codes[label], train, train_at, n_classes, w, n)
        for s in range(n_spheres):
            columns = sums[label, s].reshape(n_columns, n_tests)
            if not smoothing * largest[s] < NEGLIGIBLE * least[label, s]:
                inside = members[starts[s] : starts[s + 1]]
                _by_itself(
                    values, inside, codes[label], train, train_at, test, test_at, n, smoothing,
                    scaled, columns,
                )  # fmt: skip
            _write(columns, log_priors[label], test_at, out[s, label])
