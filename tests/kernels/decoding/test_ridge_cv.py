from __future__ import annotations

import numpy as np
import pytest

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
