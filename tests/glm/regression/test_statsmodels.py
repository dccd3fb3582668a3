"""One voxel at a time against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from boldstream.glm.regression import RunModel, fit_signals
from tests.glm.regression.made_up import designs, signals

VOXELS = (0, 17, 59)


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")
@pytest.mark.parametrize("name", ["constant", "no constant", "badly scaled", "twice the same"])
def test_ordinary_least_squares(name: str) -> None:
    data, design = signals(), designs()[name]
    fit = fit_signals(data, RunModel(design, noise_model="ols", scaling=None))
    covariance = fit.covariances[0.0]
    for voxel in VOXELS:
        wanted = sm.OLS(data[:, voxel], design).fit()
        off = np.abs(fit.theta[:, voxel] - wanted.params)
        assert (off / wanted.bse).max() < 1e-8
        assert fit.sse[voxel] == pytest.approx(wanted.ssr, rel=1e-9)
        assert fit.df_model == np.linalg.matrix_rank(design)
        np.testing.assert_allclose(covariance, wanted.normalized_cov_params, rtol=1e-8, atol=1e-15)
        if name == "constant":
            assert fit.r_square[voxel] == pytest.approx(wanted.rsquared, rel=1e-9)
            # statsmodels divides by the volumes less the rank: the same here.
            errors = np.sqrt(np.diag(covariance) * fit.dispersion[voxel])
            np.testing.assert_allclose(errors, wanted.bse, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", ["constant", "no constant"])
def test_generalised_least_squares(name: str, order: int) -> None:
    """GLSAR drops the volumes that cannot be whitened; they are put back as they are."""
    data, design = signals(), designs()[name]
    model = RunModel(design, noise_model=f"ar{order}", scaling=None, bins=5, random_state=0)
    fit = fit_signals(data, model)
    for voxel in VOXELS:
        rho = fit.rho[fit.labels[voxel]]
        glsar = sm.GLSAR(data[:, voxel], design, rho=rho)
        rows, values = (
            np.concatenate([_first_rows(whole, rho), glsar.whiten(whole)])
            for whole in (design, data[:, voxel])
        )
        wanted = sm.OLS(values, rows).fit()
        np.testing.assert_allclose(fit.theta[:, voxel], wanted.params, rtol=1e-8)
        assert fit.sse[voxel] == pytest.approx(wanted.ssr, rel=1e-9)
        assert fit.dispersion[voxel] == pytest.approx(wanted.scale, rel=1e-9)
        covariance = fit.covariances[fit.labels[voxel]]
        np.testing.assert_allclose(covariance, wanted.normalized_cov_params, rtol=1e-8, atol=1e-15)
        explained = np.var(wanted.fittedvalues) / np.var(values)
        assert fit.r_square[voxel] == pytest.approx(explained, rel=1e-8)


def test_ar1_is_the_gls_of_its_covariance() -> None:
    """Of noise that begins with the variance of its innovations, not with its stationary one."""
    data, design = signals(), designs()["constant"]
    fit = fit_signals(data, RunModel(design, noise_model="ar1", scaling=None, bins=10))
    voxel = int(np.flatnonzero(fit.labels == "0.3")[0])
    n = len(design)
    filtering = np.linalg.inv(np.eye(n) - 0.3 * np.eye(n, k=-1))
    wanted = sm.GLS(data[:, voxel], design, sigma=filtering @ filtering.T).fit()
    np.testing.assert_allclose(fit.theta[:, voxel], wanted.params, rtol=1e-9)
    errors = np.sqrt(np.diag(fit.covariances["0.3"]) * fit.dispersion[voxel])
    np.testing.assert_allclose(errors, wanted.bse, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_noise_is_that_of_yule_walker(order: int) -> None:
    """Divisors T, T - 1, ...: "adjusted" in statsmodels. All clusters are of one voxel."""
    data, design = signals(), designs()["constant"]
    model = RunModel(
        design, noise_model=f"ar{order}", scaling=None, bins=10**9 if order == 1 else 60,
        random_state=0,
    )  # fmt: skip
    fit = fit_signals(data, model)
    for voxel in VOXELS:
        residuals = sm.OLS(data[:, voxel], design).fit().resid
        wanted = sm.regression.yule_walker(
            residuals, order, method="adjusted", demean=False, result_object=True
        )
        np.testing.assert_allclose(fit.rho[fit.labels[voxel]], wanted.rho, atol=1e-8)


def _first_rows(whole: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """The first volumes, whitened by those of their past that are there."""
    rows = whole[: len(rho)].astype(float)
    for t in range(len(rho)):
        for lag in range(1, t + 1):
            rows[t] -= rho[lag - 1] * whole[t - lag]
    return rows
