from __future__ import annotations

import numpy as np
from sklearn.covariance import ledoit_wolf
from sklearn.preprocessing import StandardScaler

from boldstream.kernels.decoding.lda import _by_rotation, _by_samples, _ledoit_wolf, inverse_trace


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
    for p, n in ((1, 9), (3, 20), (60, 7)):
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
