"""Linear discriminant analysis, fitted anew for each sphere, fold and labelling.

Scores of classes are xᵀW⁻¹μ − ½μᵀW⁻¹μ + log π, where W is a weighted sum of
products of samples, each less the mean of its class, and a diagonal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit
from boldstream.kernels.decoding.centroid import class_sizes, write_columns
from boldstream.kernels.decoding.linalg import factor, put, solve_factored_many
from boldstream.kernels.decoding.spheres import centre, gather, shorter, standardise

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Codes = NDArray[np.int16]

SVD, SVD_UNBIASED, FIXED, LEDOIT_WOLF, RIDGE = range(5)

# What a bound must be better by than what scikit-learn compares with.
_SAFE = 4.0
# Largest condition at which scikit-learn's least squares surely drop nothing.
_CONDITION = 1e11
# Of more voxels than these there is no matrix of voxels: a whole brain's would be gigabytes.
WIDE = 500
# Beyond this, eigenvalues of samples beside those of the diagonal take too many digits from
# a difference of products; beyond the next, the diagonal is rounding.
_BESIDE, _ROUNDING = 1e8, 1e15


@jit
def by_class(codes: Any, train: Rows, n: Floats) -> Any:
    """Training samples, those of a class together."""
    at = np.zeros(len(n), np.int64)
    for k in range(1, len(n)):
        at[k] = at[k - 1] + int(n[k - 1])
    out = np.empty_like(train)
    for t in train:
        out[at[codes[t]]] = t
        at[codes[t]] += 1
    return out


@jit
def _centre_classes(
    x: Floats, rows: Rows, test: Rows, n: Floats, z: Floats, m: Floats, e: Floats, away: Floats
) -> None:
    """Samples less the mean of their class, `z`; means of classes, `m`, and tests, `e`.

    All are (voxels, ...); `m` and `e` are less the mean of all samples, `away`.
    """
    for v in range(len(x)):
        mean = 0.0
        at = 0
        for k in range(len(n)):
            total = 0.0
            for i in range(at, at + int(n[k])):
                z[v, i] = x[v, rows[i]]
                total += z[v, i]
            m[v, k] = total / max(n[k], 1.0)
            for i in range(at, at + int(n[k])):
                z[v, i] -= m[v, k]
            at += int(n[k])
            mean += total
        away[v] = mean / len(rows)
        for k in range(len(n)):
            # A class without samples is in the middle: it is ruled out later, but from 0 it would
            # be so far away that float32, less the mean of all, lost how the others differ.
            m[v, k] = m[v, k] - away[v] if n[k] > 0.0 else 0.0
        for i in range(len(test)):
            e[v, i] = x[v, test[i]] - away[v]


@jit
def _keep_varying(z: Floats, m: Floats, e: Floats) -> int:
    """Divide voxels by their SD within classes; those that have none go. How many are left."""
    kept = 0
    for v in range(len(z)):
        square = 0.0
        for i in range(z.shape[1]):
            square += z[v, i] * z[v, i]
        if square == 0.0:
            continue
        by = np.sqrt(z.shape[1] / square)
        for i in range(z.shape[1]):
            z[kept, i] = z[v, i] * by
        for k in range(m.shape[1]):
            m[kept, k] = m[v, k] * by
        for i in range(e.shape[1]):
            e[kept, i] = e[v, i] * by
        kept += 1
    return kept


@jit
def inverse_trace(lower: Floats, k: int) -> float:
    """Trace of (LLᵀ)⁻¹: 1 by it is no more than the least eigenvalue."""
    inverse = np.zeros((k, k))
    for i in range(k):
        inverse[i, i] = 1.0
        for p in range(i):
            weight = lower[i, p]
            for j in range(p + 1):
                inverse[i, j] -= weight * inverse[p, j]
        by = 1.0 / lower[i, i]
        for j in range(i + 1):
            inverse[i, j] *= by
    total = 0.0
    for i in range(k):
        for j in range(i + 1):
            total += inverse[i, j] * inverse[i, j]
    return total


@jit
def _scores(dual: Floats, m: Floats, e: Floats, out: Any) -> None:
    """Add e·dual less half of m·dual to `out` (classes, tests)."""
    products = np.dot(dual.T.copy(), e)
    for k in range(len(out)):
        square = 0.0
        for v in range(len(dual)):
            square += m[v, k] * dual[v, k]
        for t in range(out.shape[1]):
            out[k, t] += products[k, t] - 0.5 * square


@jit
def _of_present(n: Floats, m: Floats, dual: Floats, priors: Floats) -> Any:
    """Products of means `m` with `dual`, and priors, of the classes that have samples."""
    there = np.flatnonzero(n)
    k = len(there)
    products = np.dot(m.T.copy(), dual)
    gram, shares = np.empty((k, k)), np.empty(k)
    for i in range(k):
        shares[i] = priors[there[i]]
        for j in range(k):
            gram[i, j] = products[there[i], there[j]]
    return gram, shares


@jit
def _centres_apart(gram: Floats, priors: Floats, tol: float, rank: int) -> bool:
    """Whether scikit-learn's second SVD drops none of the directions between classes.

    `gram` (classes, classes) holds products of means in the metric of W⁻¹.
    """
    k = len(gram)
    if k <= 2:
        return True
    middle = np.dot(gram, priors)
    base = np.dot(priors, middle)
    b = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            away = gram[i, j] - middle[i] - middle[j] + base
            b[i, j] = away * np.sqrt(priors[i] * priors[j])
    values = np.linalg.eigvalsh(b)
    least = values[k - min(k - 1, rank)]
    return bool(least > max(_SAFE * tol * tol, 1e-9) * values[k - 1])


@jit
def _lift(g: Floats, n: Floats) -> None:
    """Add to products of samples their mean square along each class, where they are null."""
    by, at = 0.0, 0
    for i in range(len(g)):
        by += g[i, i] / len(g)
    for k in range(len(n)):
        end = at + int(n[k])
        for i in range(at, end):
            for j in range(at, end):
                g[i, j] += by / n[k]
        at = end


@jit
def _svd(
    z: Floats, m: Floats, e: Floats, n: Floats, priors: Floats, unbiased: bool, tol: float,
    out: Floats,
) -> bool:  # fmt: skip
    """Scores of the SVD solver; False if it may drop a direction that is not null.

    Voxels are scaled, W = zzᵀ/degrees of freedom, and what is null in W has no weight.
    """
    dimensions = z.shape[1] - np.count_nonzero(n)
    degrees = float(dimensions if unbiased else z.shape[1])
    kept = _keep_varying(z, m, e)
    if kept == 0:
        return True
    z, m, e = z[:kept], m[:kept], e[:kept]
    if kept > dimensions:
        root = 1.0 / np.sqrt(degrees)
        g = np.dot(z.T.copy(), z) / degrees
        m, e = np.dot(z.T.copy(), m) * root, np.dot(z.T.copy(), e) * root
        # G is null along each class; lifted there, its inverse is that of the rest.
        _lift(g, n)
        twice = True
    else:
        g = np.dot(z, z.T.copy()) / degrees
        twice = False
    size = len(g)
    if not factor(g, size) or not _SAFE * tol * tol * inverse_trace(g, size) < 1.0:
        return False
    dual = m.copy()
    solve_factored_many(g, dual, size)
    if twice:
        # The inverse of W is zG⁻²zᵀ/degrees.
        solve_factored_many(g, dual, size)
    _scores(dual, m, e, out)
    gram, shares = _of_present(n, m, dual, priors)
    return _centres_apart(gram, shares, tol, kept)


@jit
def _ledoit_wolf(z: Floats, mean: Floats, scale: Floats) -> Any:
    """Shrinkage, and mean variance, of one class's samples less their mean (voxels, samples).

    As ``ledoit_wolf(StandardScaler().fit_transform(x))``; fills `scale` with SDs.
    """
    p, n = z.shape
    scaled = np.empty((p, n))
    eps = 2.220446049250313e-16
    for v in range(p):
        variance = 0.0
        for i in range(n):
            variance += z[v, i] * z[v, i]
        variance /= n
        constant = variance <= n * eps * variance + (n * mean[v] * eps) ** 2
        scale[v] = 1.0 if constant else np.sqrt(variance)
        for i in range(n):
            scaled[v, i] = z[v, i] / scale[v]
    if p == 1:
        return 0.0, 0.0
    g = np.dot(scaled.T.copy(), scaled)
    fourth, squares, total = 0.0, 0.0, 0.0
    for i in range(n):
        total += g[i, i] / n
        fourth += g[i, i] ** 2
        for j in range(n):
            squares += g[i, j] ** 2
    squares /= n * n
    mu = total / p
    beta = (fourth / n - squares) / (p * n)
    delta = (squares - 2.0 * mu * total + p * mu * mu) / p
    beta = min(beta, delta)
    return (0.0 if beta == 0.0 else beta / delta), mu


@jit
def _add(value: float, to: Floats) -> None:
    for v in range(len(to)):
        to[v] += value


@jit
def _shrink(
    z: Floats, m: Floats, away: Floats, n: Floats, priors: Floats, kind: int, amount: float,
    n_voxels: int,
) -> Any:  # fmt: skip
    """Weigh samples `z` so that W is zzᵀ and a diagonal, which is given.

    `n_voxels` are those of the sphere, of which `z` may be a rotation to fewer dimensions.
    """
    p, at = len(z), 0
    scale, d = np.empty(p), np.zeros(p)
    _add(amount if kind == RIDGE else 0.0, d)
    for k in range(len(n)):
        size = int(n[k])
        part = z[:, at : at + size]
        weight = priors[k] / max(n[k], 1.0)
        if kind == FIXED:
            square = 0.0
            for v in range(p):
                for i in range(size):
                    square += part[v, i] * part[v, i]
            _add(amount * weight * square / n_voxels, d)
            weight *= 1.0 - amount
        elif kind == LEDOIT_WOLF and size > 0:
            shrinkage, mu = _ledoit_wolf(part.copy(), m[:, k] + away, scale)
            for v in range(p):
                d[v] += priors[k] * shrinkage * mu * scale[v] ** 2
            weight *= 1.0 - shrinkage
        root = np.sqrt(weight)
        for v in range(p):
            for i in range(size):
                part[v, i] *= root
        at += size
    return d


@jit
def _turned(x: Floats, kind: int) -> Any:
    """What may stand for samples `x`: a diagonal that is the same for all is so in any rotation."""
    if kind == LEDOIT_WOLF:
        return x
    centre(x)
    return shorter(x)


@jit
def _divide_by_sd(variances: Floats, x: Floats) -> None:
    for v in range(len(x)):
        by = 1.0 / np.sqrt(variances[v])
        for i in range(x.shape[1]):
            x[v, i] *= by


@jit
def _by_samples(z: Floats, m: Floats, e: Floats, out: Floats) -> None:
    """Scores with W = zzᵀ + I, from products of samples."""
    g = np.dot(z.T.copy(), z)
    for i in range(len(g)):
        g[i, i] += 1.0
    b, t = np.dot(z.T.copy(), m), np.dot(z.T.copy(), e)
    factor(g, len(g))
    dual = -b
    solve_factored_many(g, dual, len(g))
    _scores(m, m, e, out)
    _scores(dual, b, t, out)


@jit
def _by_rotation(z: Floats, m: Floats, e: Floats, out: Floats) -> None:
    """Scores with W = zzᵀ + I, from what is given turned to as many dimensions as it spans."""
    n, k = z.shape[1], z.shape[1] + m.shape[1]
    given = np.empty((len(z), k + e.shape[1]))
    for v in range(len(z)):
        put(z[v], given[v, :n])
        put(m[v], given[v, n:k])
        put(e[v], given[v, k:])
    turned = np.linalg.qr(given)[1].copy()
    z, m, e = turned[:, :n].copy(), turned[:, n:k].copy(), turned[:, k:].copy()
    a = np.dot(z, z.T.copy())
    for v in range(len(a)):
        a[v, v] += 1.0
    factor(a, len(a))
    dual = m.copy()
    solve_factored_many(a, dual, len(a))
    _scores(dual, m, e, out)


@jit
def _least_squares(z: Floats, m: Floats, e: Floats, d: Floats, out: Floats) -> bool:
    """Scores with W = zzᵀ and the diagonal `d`; False where W may be singular."""
    p, n = z.shape
    total, beside = d.sum(), 0.0
    for v in range(p):
        square = 0.0
        for i in range(n):
            square += z[v, i] * z[v, i]
        total += square
        beside += square / d[v]
    least = d.min()
    wide = p > max(WIDE, n)
    certain = least > 0.0 and (wide or total < _CONDITION * least)
    if p > n and certain and beside < _BESIDE:
        _divide_by_sd(d, z)
        _divide_by_sd(d, m)
        _divide_by_sd(d, e)
        _by_samples(z, m, e, out)
        return True
    if wide and certain and beside < _ROUNDING:
        _divide_by_sd(d, z)
        _divide_by_sd(d, m)
        _divide_by_sd(d, e)
        _by_rotation(z, m, e, out)
        return True
    if wide:
        return False
    a = np.dot(z, z.T.copy())
    for v in range(p):
        a[v, v] += d[v]
    if not factor(a, p):
        return False
    if total > _CONDITION * least and total * inverse_trace(a, p) > _CONDITION:
        return False
    dual = m.copy()
    solve_factored_many(a, dual, p)
    _scores(dual, m, e, out)
    return True


@jit
def decide_lda(
    values: NDArray[np.float32],
    members: NDArray[np.int32],
    starts: Rows,
    train: Rows,
    train_at: Rows,
    test: Rows,
    test_at: Rows,
    codes: Codes,
    log_priors: Floats,
    kind: int,
    amount: float | None,
    tol: float | None,
    scaled: bool,
    out: NDArray[np.float32],
    solved: NDArray[np.bool_],
) -> None:
    """Decision values (spheres, labellings, tests, columns) where they can be vouched for.

    `tol` is the tolerance of the SVD solver, `amount` the shrinkage of the
    others, or what they add to variances. One is None, and what it would be
    for is left out when this is compiled, which takes seconds. `log_priors` is
    (labellings, folds, classes). `solved` (spheres, labellings) becomes False
    where a matrix is, or may be, singular.
    """
    n_classes = log_priors.shape[2]
    n = np.empty(n_classes)
    for s in range(len(starts) - 1):
        given = gather(values, members[starts[s] : starts[s + 1]])
        n_voxels = len(given)
        if amount is not None and not scaled:
            given = _turned(given, kind)
        for f in range(len(test_at) - 1):
            inside = train[train_at[f] : train_at[f + 1]]
            held_out = test[test_at[f] : test_at[f + 1]]
            x = given
            if scaled:
                x = standardise(given, inside)
                if amount is not None:
                    x = _turned(x, kind)
            p = len(x)
            away = np.empty(p)
            scores = np.empty((n_classes, len(held_out)))
            for label in range(len(codes)):
                z, m = np.empty((p, len(inside))), np.empty((p, n_classes))
                e = np.empty((p, len(held_out)))
                class_sizes(codes[label], inside, n)
                _centre_classes(x, by_class(codes[label], inside, n), held_out, n, z, m, e, away)
                prior = log_priors[label, f]
                for k in range(n_classes):
                    scores[k] = prior[k]
                well = True
                if amount is not None:
                    d = _shrink(z, m, away, n, np.exp(prior), kind, amount, n_voxels)
                    well = _least_squares(z, m, e, d, scores)
                if tol is not None:
                    well = _svd(z, m, e, n, np.exp(prior), kind == SVD_UNBIASED, tol, scores)
                solved[s, label] = solved[s, label] and well
                write_columns(scores, n, out[s, label, test_at[f] : test_at[f + 1]])
