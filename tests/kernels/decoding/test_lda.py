from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

from boldstream.decoding.engines.lda import svd_is_unbiased
from boldstream.decoding.engines.priors import log_priors
from boldstream.decoding.engines.weights import class_counts, counts_of
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.kernels.decoding.lda import (
    SVD,
    SVD_UNBIASED,
    _by_rotation,
    _by_samples,
    _centres_apart,
    _least_squares,
    _ledoit_wolf,
    _svd,
    decide_lda,
    inverse_trace,
)
from tests.decoding.engines.per_sphere import make_block, spheres_of


def test_the_trace_of_an_inverse_bounds_the_least_eigenvalue() -> None:
    rng = np.random.default_rng(0)
    for k in (1, 3, 20):
        a = rng.normal(size=(k, k + 3))
        a = a @ a.T
        found = inverse_trace(np.linalg.cholesky(a).astype(np.float64), k)
        np.testing.assert_allclose(found, np.trace(np.linalg.inv(a)), rtol=1e-8)
        assert 1 / found <= np.linalg.eigvalsh(a)[0] * (1 + 1e-9)


def test_shrinkage_is_that_of_ledoit_and_wolf() -> None:
    rng = np.random.default_rng(1)
    for p, n in ((1, 9), (2, 15), (3, 20), (60, 7)):
        x = rng.normal(10_000, 100, (n, p))
        x[:, 0] = 5.0 if p > 1 else x[:, 0]
        x[:, 1:2] = 0.0 if p > 3 else x[:, 1:2]
        mean, scale = x.mean(axis=0), np.empty(p)
        shrinkage, mu = _ledoit_wolf(np.ascontiguousarray((x - mean).T), mean, scale)
        scaler = StandardScaler().fit(x)
        covariance, expected = ledoit_wolf(scaler.transform(x))
        np.testing.assert_allclose(shrinkage, expected, rtol=1e-9)
        np.testing.assert_allclose(scale, scaler.scale_, rtol=1e-12)
        if p > 1:
            np.testing.assert_allclose(mu, np.trace(covariance) / p, rtol=1e-9)


def test_scores_of_more_voxels_than_samples_need_no_matrix_of_voxels() -> None:
    """Also where samples outweigh the diagonal so much that a difference of products would not do.

    Means that lie within the samples have small scores then, beside which all else is large.
    """
    rng = np.random.default_rng(2)
    m, e = rng.normal(size=(60, 2)), rng.normal(size=(60, 5))
    for size, kernels in ((3.0, (_by_samples, _by_rotation)), (1e5, (_by_rotation,))):
        z = size * rng.normal(size=(60, 12))
        m[:, 1] = z @ rng.normal(size=12)
        dual = np.linalg.solve(z @ z.T + np.eye(60), m)
        expected = dual.T @ e - 0.5 * (m * dual).sum(axis=0)[:, None]
        for kernel in kernels:
            out = np.zeros((2, 5))
            kernel(z.copy(), m.copy(), e.copy(), out)
            np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("n_voxels", "size"), [(3, 1.0), (20, 1.0), (520, 1.0), (520, 1e4)])
def test_a_voxel_that_nothing_shrinks_is_left_to_scikit_learn_where_it_may_be_singular(
    n_voxels: int, size: float
) -> None:
    rng = np.random.default_rng(5)
    z, d = size * rng.normal(size=(n_voxels, 6)), np.full(n_voxels, 0.5)
    m, e = rng.normal(size=(n_voxels, 2)), rng.normal(size=(n_voxels, 4))
    dual = np.linalg.solve(z @ z.T + np.diag(d), m)
    expected = dual.T @ e - 0.5 * (m * dual).sum(axis=0)[:, None]
    found = np.zeros((2, 4))
    assert _least_squares(z.copy(), m.copy(), e.copy(), d.copy(), found)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    d[1:], z[1:] = 0.0, z[:1]
    with np.errstate(divide="ignore"):
        assert not _least_squares(z, m, e, d, found)


@pytest.mark.parametrize(("apart", "certain"), [(1.0, True), (1e-2, True), (1e-6, False)])
def test_voxels_that_almost_repeat_are_left_to_scikit_learn(apart: float, certain: bool) -> None:
    """It drops directions by a tolerance, here of 1e-4, in the middle of a sum of squares."""
    rng = np.random.default_rng(6)
    z = np.repeat(rng.normal(size=(1, 24)), 3, axis=0)
    z[1:] += apart * rng.normal(size=(2, 24))
    n = np.array([12.0, 12.0])
    for at in (slice(12), slice(12, None)):
        z[:, at] -= z[:, at].mean(axis=1, keepdims=True)
    m, e = np.array([[-1.0, 1.0]] * 3), rng.normal(size=(3, 5))
    priors, found = np.array([0.5, 0.5]), np.zeros((2, 5))
    assert _svd(z.copy(), m.copy(), e.copy(), n, priors, False, 1e-4, found) == certain
    if certain:
        sd = np.sqrt((z**2).mean(axis=1, keepdims=True))
        dual = np.linalg.solve(z @ z.T / 24 * (1 / sd) * (1 / sd.T), m / sd)
        expected = dual.T @ (e / sd) - 0.5 * (m / sd * dual).sum(axis=0)[:, None]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_voxels_that_do_not_vary_say_nothing() -> None:
    z, m, e, found = np.zeros((3, 9)), np.zeros((3, 3)), np.zeros((3, 5)), np.full((3, 5), 7.0)
    assert _svd(z, m, e, np.full(3, 3.0), np.full(3, 1 / 3), False, 1e-4, found)
    np.testing.assert_array_equal(found, 7.0)  # the log priors that were there


def test_centres_are_apart_where_a_second_svd_keeps_all_directions() -> None:
    """With room for rounding: half of its tolerance for singular values is not trusted."""
    rng = np.random.default_rng(7)
    priors = np.array([0.9, 0.07, 0.03])
    means = rng.normal(size=(6, 3))
    weighed = (means - (means @ priors)[:, None]) * np.sqrt(priors)
    first, second = np.linalg.svd(weighed)[1][:2]
    gram = means.T @ means
    for share, expected in ((0.49, True), (0.51, False), (2.0, False)):
        assert _centres_apart(gram, priors, share * second / first, 6) == expected


def test_two_classes_with_one_centre_have_no_directions_to_drop() -> None:
    assert _centres_apart(np.full((2, 2), 3.0), np.array([0.5, 0.5]), 1e-4, 5)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("lacking", [(1,), (3,), (0, 2)])
def test_classes_that_a_fold_lacks_leave_nothing_to_scikit_learn(lacking: Any, given: bool) -> None:
    """Permuted labels may: of the others the kernel vouches as it does of all.

    Of spheres with more voxels than 24 samples have dimensions within two, three or four classes.
    """
    n, priors = 32, (0.4, 0.3, 0.2, 0.1) if given else None
    y = np.repeat(np.setdiff1d(np.arange(5), [*lacking, 4]), 24 // (4 - len(lacking)))
    y = np.concatenate([np.random.default_rng(0).permutation(y), np.arange(8) % 4])
    folds = Folds((np.arange(24),), (np.arange(24, n),), n)
    targets = Targets(y[None].astype(np.int16), np.arange(4))
    block = make_block(n, [2, 5, 20, 21, 22, 60], mean=50.0, y=y)
    out, solved = np.empty((6, 1, 8, 4), np.float32), np.ones((6, 1), np.bool_)
    decide_lda(
        block.values,
        block.members,
        block.starts,
        *folds.arrays,
        targets.labellings,
        log_priors(priors, class_counts(targets, counts_of(folds))),
        SVD_UNBIASED if svd_is_unbiased() else SVD,
        None,
        1e-4,
        False,
        out,
        solved,
    )
    assert solved.all()
    there = np.unique(y[:24])
    shares = np.array(priors)[there] / np.array(priors)[there].sum() if priors else None
    for x, found in zip(spheres_of(block), out[:, 0], strict=True):
        fitted = LinearDiscriminantAnalysis(priors=shares).fit(x[:24], y[:24])
        expected = fitted.decision_function(x[24:]).reshape(8, -1)
        apart = np.diff(found[:, there].astype(float), axis=1)
        expected = np.diff(expected, axis=1) if len(there) > 2 else expected
        np.testing.assert_allclose(apart, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
