"""Patterns of a sphere, and their products."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@jit
def gather(values: NDArray[np.float32], members: NDArray[np.int32]) -> Any:
    """Voxels of a sphere (voxels, samples), in float64."""
    n = values.shape[1]
    out = np.empty((len(members), n))
    for i in range(len(members)):
        row = values[members[i]]
        for t in range(n):
            out[i, t] = row[t]
    return out


@jit
def centre(x: Floats) -> None:
    """Take the mean over samples out of each voxel of `x` (voxels, samples), in place."""
    n = x.shape[1]
    for i in range(len(x)):
        mean = x[i].sum() / n
        for t in range(n):
            x[i, t] -= mean


@jit
def standardise(x: Floats, train: Rows) -> Any:
    """`x` (voxels, samples) with mean 0 and SD 1 over the samples `train`, as StandardScaler.

    A voxel that is constant there keeps its scale, by the rule of
    scikit-learn's ``_is_constant_feature``.
    """
    n = len(train)
    out = np.empty_like(x)
    for i in range(len(x)):
        mean = 0.0
        for t in train:
            mean += x[i, t]
        mean /= n
        variance = 0.0
        for t in train:
            variance += (x[i, t] - mean) ** 2
        variance /= n
        eps = 2.220446049250313e-16
        constant = variance <= n * eps * variance + (n * mean * eps) ** 2
        scale = 1.0 if constant else 1.0 / np.sqrt(variance)
        for t in range(x.shape[1]):
            out[i, t] = (x[i, t] - mean) * scale
    return out


@jit
def fold_samples(x: Floats, rows: Rows, train: Rows, centred: bool) -> Any:
    """Samples `rows` of `x` (voxels, samples), less the mean of those of `train`."""
    out = np.empty((len(x), len(rows)))
    for v in range(len(x)):
        mean = 0.0
        if centred:
            for t in train:
                mean += x[v, t]
            mean /= len(train)
        for i in range(len(rows)):
            out[v, i] = x[v, rows[i]] - mean
    return out


@jit
def gram(x: Floats) -> Any:
    """Products of all pairs of samples (samples, samples) of `x` (voxels, samples)."""
    return np.dot(x.T, x)


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
def shorter(x: Floats) -> Any:
    """Samples with the same products in fewer dimensions, if there are many more voxels."""
    p, n = x.shape
    if p <= 2 * n:
        return x
    return np.linalg.qr(x)[1].copy()


@jit
def split_constant(x: Floats, scaling: float) -> Any:
    """Split XXᵀ + scaling² into F'F + weight · border borderᵀ, with F moderate.

    Fills `x` (voxels, samples) with F. Raw BOLD has a mean 100 times its SD;
    with a constant voxel of `scaling` beside it, all that a mean adds to
    products is in one direction, which is all but free of any penalty. It is
    given apart as `border` (samples,), whose mean square is 1, since beside it
    all else would drown.
    """
    d, n = x.shape
    along, border = np.zeros(n), np.zeros(n)
    means = np.empty(d)
    size = scaling * scaling
    for i in range(d):
        mean = 0.0
        for t in range(n):
            mean += x[i, t] / n
        means[i] = mean
        size += mean * mean
        for t in range(n):
            x[i, t] -= mean
            along[t] += mean * x[i, t]
    if size == 0.0:
        return border, 0.0
    a = np.sqrt(size)
    weight = 0.0
    for t in range(n):
        border[t] = a + along[t] / a
        weight += border[t] * border[t] / n
    for t in range(n):
        border[t] /= np.sqrt(weight)
    for i in range(d):
        by = means[i] / (a * (a + scaling))
        for t in range(n):
            x[i, t] -= by * along[t]
    return border, weight


@jit
def with_border(x: Floats, border: Floats) -> Any:
    """Features (voxels + 1, samples), and the same transposed."""
    d, n = x.shape
    features, rows = np.empty((d + 1, n)), np.empty((n, d + 1))
    for i in range(n):
        for a in range(d):
            features[a, i] = rows[i, a] = x[a, i]
        features[d, i] = rows[i, d] = border[i]
    return features, rows
