"""Noise without an effect: how often a test at 0.05 finds one."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from nilearn.glm.contrasts import compute_contrast
from nilearn.glm.first_level import make_first_level_design_matrix, run_glm
from numpy.typing import NDArray
from scipy import stats

from boldstream.glm.regression import RunModel, fit_signals
from boldstream.glm.regression.noise import Whitening
from boldstream.glm.regression.sums import LaggedSums
from boldstream.glm.regression.whitened import Whitened
from boldstream.io.opening import open_image
from boldstream.io.source import Block, Scaling
from boldstream.streaming.nonfinite import NonFiniteRule
from boldstream.streaming.stage import Staging
from tests.glm.regression.made_up import Floats, autoregressive, image_of

N, TR, VOXELS, LEVEL = 120, 2.0, 20_000, 0.05
RHOS = (0.2, 0.3, 0.4)


def design() -> Floats:
    """Blocks of 20 s, every 40 s; cosines up to 1 / 100 Hz, and a constant."""
    onset = np.arange(10, N * TR - 30, 40)
    events = pd.DataFrame({"onset": onset, "duration": 20.0, "trial_type": "task"})
    frames = np.arange(N) * TR
    return np.asarray(make_first_level_design_matrix(frames, events, high_pass=0.01))


@cache
def noise(rho: float) -> Floats:
    """Draws of stationary noise, (N, VOXELS)."""
    return autoregressive(np.random.default_rng(round(100 * rho)), rho, N, VOXELS)


def found(t: Floats, df: int) -> NDArray[np.bool_]:
    """Decisions of a two-sided t test."""
    decisions: NDArray[np.bool_] = np.abs(t) > stats.t.ppf(1 - LEVEL / 2, df)
    return decisions


@pytest.mark.parametrize("rho", RHOS)
def test_false_positives_are_nilearns(rho: float) -> None:
    """Too many, as the ρ of residuals is too small: 0.07 to 0.085. Voxel by voxel the same."""
    matrix = design()
    df = N - matrix.shape[1]
    fit = fit_signals(noise(rho), RunModel(matrix, scaling=None))
    t = np.empty(VOXELS)
    for label, covariance in fit.covariances.items():
        some = fit.labels == label
        t[some] = t_of(fit.theta[0, some], covariance, fit.dispersion[some])
    labels, results = run_glm(noise(rho), matrix)
    wanted = compute_contrast(labels, results, np.eye(1, matrix.shape[1])[0]).stat()
    np.testing.assert_array_equal(fit.labels, labels)
    np.testing.assert_allclose(t, wanted, rtol=1e-9, atol=1e-10)
    decisions = found(t, df)
    np.testing.assert_array_equal(decisions, found(wanted, df))
    assert 0.07 <= decisions.mean() <= 0.085
    # Least squares that take noise for white are far worse.
    white = fit_signals(noise(rho), RunModel(matrix, noise_model="ols", scaling=None))
    assert found(t_of(white.theta[0], white.covariances[0.0], white.dispersion), df).mean() > 0.1


@pytest.mark.parametrize("rho", [0.0, *RHOS])
def test_the_true_noise_keeps_the_level(rho: float) -> None:
    """The same sums and the same whitening, with the ρ that made the noise."""
    matrix = design()
    model = RunModel(matrix, scaling=None)
    grid_of = open_image(image_of(np.zeros((N, VOXELS)), (VOXELS, 1, 1))).series
    rows = np.arange(VOXELS)
    staging = Staging(grid_of, rows, NonFiniteRule("propagate", grid_of, rows))
    accumulator = LaggedSums(model.functionals, staging, by_volume=False)
    state = accumulator.init(range(N))
    accumulator.update(state, Block(noise(rho), 0, Scaling(), 0))
    known = Whitened(Whitening(np.array([rho])), model.basis, model.functionals)
    solved = known.solve(state.sums, np.ones(VOXELS), np.zeros(VOXELS))
    theta = model.basis.to_design @ solved.coefficients
    df = N - matrix.shape[1]
    t = t_of(theta[0], known.covariance, solved.sse / df)
    low, high = stats.binom.interval(0.999, VOXELS, LEVEL)
    # The first volume is not whitened, which costs a little: its variance is 1 / (1 - ρ²).
    assert low <= found(t, df).sum() <= high


def t_of(effect: Floats, covariance: Floats, dispersion: Floats) -> Floats:
    """Of the first regressor."""
    t: Floats = effect / np.sqrt(covariance[0, 0] * dispersion)
    return t
