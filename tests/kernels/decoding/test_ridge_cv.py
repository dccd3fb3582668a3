from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import svd

from boldstream.kernels.decoding.ridge_cv import fit_fold


@pytest.mark.parametrize("p", [3, 30])
def test_residuals_are_those_of_samples_left_out_one_by_one(p: int) -> None:
    """The penalty is that of a loop which fits all samples but one, again and again."""
    rng = np.random.default_rng(p)
    x, alphas = rng.normal(size=(p, 12)), np.array([0.01, 1.0, 100.0])
    y = np.array([x[0] + rng.normal(size=12), rng.normal(size=12)])
    missed = np.zeros((3, 2))
    for a, alpha in enumerate(alphas):
        for i in range(12):
            others = np.delete(np.arange(12), i)
            mean, level = x[:, others].mean(axis=1), y[:, others].mean(axis=1)
            away = (x[:, others].T - mean).T
            weights = np.linalg.solve(away @ away.T + alpha * np.eye(p), away @ y[:, others].T)
            missed[a] += (y[:, i] - level - (x[:, i] - mean) @ weights) ** 2
    centred, around = (x.T - x.mean(axis=1)).T, (y.T - y.mean(axis=1)).T
    best = np.empty(2, np.int32)
    fit_fold(centred, np.ascontiguousarray(around), alphas, True, 1, best)
    np.testing.assert_array_equal(best, missed.argmin(axis=0))


def left_out_errors(x: np.ndarray, y: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    """Squared errors (penalties,) of samples left out in turn, by singular values.

    `x` (voxels, samples) is less its mean if `y` (samples,) is, which a column of ones then spans.
    """
    ones = np.full((len(y), 1), len(y) ** -0.5) if abs(y.mean()) < 1e-9 else np.empty((len(y), 0))
    u, s, _ = svd(x.T, full_matrices=False, lapack_driver="gesvd")
    kept = s > 1e-12 * s[0]
    u, s = u[:, kept], s[kept]
    # What samples have beside these directions is wholly their own.
    basis = np.hstack([ones, u])
    rest = svd(basis, lapack_driver="gesvd")[0][:, basis.shape[1] :]
    errors = []
    for alpha in alphas:
        share = alpha / (s**2 + alpha)
        left = u @ (share * (u.T @ y)) + rest @ (rest.T @ y)
        own = u**2 @ share + (rest**2).sum(axis=1)
        errors.append(((left / own) ** 2).sum())
    return np.array(errors)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("p", "n"), [(25, 36), (34, 36), (110, 120)])
def test_samples_given_twice_beside_a_tiny_penalty_keep_their_digits(
    p: int, n: int, seed: int
) -> None:
    """Of raw images without an intercept: products of voxels are as good as singular."""
    rng = np.random.default_rng(seed)
    x = 1e4 * rng.uniform(0.8, 1.2, (p, 1)) + 10 * rng.standard_normal((p, n // 2))
    x = np.tile(x, 2)
    y = 1e3 + np.tile(rng.standard_normal(n // 2), 2) + 0.3 * rng.standard_normal(n)
    alphas, best = np.array([1e-3, 1e4, 1e6]), np.empty(1, np.int32)
    weights = fit_fold(x, y[None], alphas, False, 1, best)[0]
    assert best[0] == left_out_errors(x, y, alphas).argmin()
    u, s, _ = svd(x.T, full_matrices=False, lapack_driver="gesvd")
    kept = s > 1e-12 * s[0]
    expected = u[:, kept] @ (s[kept] ** 2 / (s[kept] ** 2 + alphas[best]) * (u[:, kept].T @ y))
    np.testing.assert_allclose(weights @ x, expected, rtol=1e-7)


@pytest.mark.parametrize("seed", range(12))
def test_as_many_voxels_as_samples_have_dimensions_leave_shares_of_the_penalty(seed: int) -> None:
    """Less their mean, 36 samples of 35 voxels: what is a sample's own is as small as the penalty.

    As a difference from 1 it has no digits left.
    """
    rng = np.random.default_rng(seed)
    x = 1e4 + 100 * rng.standard_normal((35, 36))
    y = x[:3].sum(axis=0) / 100 + rng.standard_normal(36)
    x, y = (x.T - x.mean(axis=1)).T, y - y.mean()
    alphas, best = np.array([1e-9, 1e3]), np.empty(1, np.int32)
    fit_fold(np.ascontiguousarray(x), y[None], alphas, True, 1, best)
    assert best[0] == left_out_errors(x, y, alphas).argmin()
