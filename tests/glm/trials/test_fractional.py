"""Fractional ridge against a search for each voxel's penalty."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from boldstream.core.errors import ParameterError
from boldstream.glm.trials import FractionalRidge, TrialDesign, make_trial_design
from boldstream.glm.trials.fractional import shrinkage
from tests.glm.trials.refit import Floats, design_of_all, made_up_events, pseudo_inverse

N, T_R = 120, 2.0


@pytest.fixture
def design(rng: np.random.Generator) -> TrialDesign:
    return make_trial_design(
        made_up_events(rng, 14, N * T_R), N, T_R, method="lsa", sample_mask=np.arange(3, N)
    )


@pytest.fixture
def series(rng: np.random.Generator) -> Floats:
    return rng.normal(100, 10, (N, 30))


def by_search(regressors: Floats, series: Floats, fraction: float) -> Floats:
    """Ridge by its normal equations, the penalty by Brent's method."""
    gram, products = regressors @ regressors.T, regressors @ series
    unit = np.eye(len(gram))
    whole = np.linalg.norm(np.linalg.solve(gram, products))

    def excess(log_penalty: float) -> float:
        betas = np.linalg.solve(gram + np.exp(log_penalty) * unit, products)
        return float(np.linalg.norm(betas) / whole - fraction)

    root = brentq(excess, -40, 40, xtol=1e-14)
    return np.asarray(np.linalg.solve(gram + np.exp(root) * unit, products))


@pytest.mark.parametrize("fraction", [0.05, 0.4, 0.95])
def test_of_a_search(rng: np.random.Generator, series: Floats, fraction: float) -> None:
    events = made_up_events(rng, 14, N * T_R)
    ridge = FractionalRidge.of(make_trial_design(events, N, T_R, method="lsa"))
    columns, first, _ = design_of_all(events, T_R * np.arange(float(N)))
    nuisance = np.delete(columns, first, axis=1)
    regressors = (columns[:, first] - nuisance @ pseudo_inverse(nuisance) @ columns[:, first]).T
    found = ridge.betas(ridge.projector @ series, fraction)
    for voxel in range(series.shape[1]):
        expected = by_search(regressors, series[:, voxel], fraction)
        np.testing.assert_allclose(
            found[:, voxel], expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max()
        )


@pytest.mark.parametrize("fraction", [1e-3, 0.3, 0.999, 1])
def test_length_is_the_fraction(design: TrialDesign, series: Floats, fraction: float) -> None:
    ridge = FractionalRidge.of(design)
    found = ridge.betas(ridge.projector @ series, fraction)
    whole = np.linalg.norm(design.weights @ series, axis=0)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0) / whole, fraction, rtol=1e-10)


def test_one_is_least_squares(design: TrialDesign, series: Floats) -> None:
    ridge = FractionalRidge.of(design)
    found = ridge.betas(ridge.projector @ series, 1)
    np.testing.assert_allclose(found, design.weights @ series, rtol=1e-9, atol=1e-9)


def test_projector(design: TrialDesign) -> None:
    projector = FractionalRidge.of(design).projector
    np.testing.assert_allclose(projector @ projector.T, np.eye(len(projector)), atol=1e-12)
    np.testing.assert_allclose(projector.sum(axis=1), 0, atol=1e-10)
    assert not projector[:, :3].any()


def test_out_in_place_and_in_tiles(
    design: TrialDesign, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ridge = FractionalRidge.of(design)
    projected = rng.normal(size=(14, 101))
    expected = ridge.betas(projected, 0.3)
    monkeypatch.setattr("boldstream.glm.trials.fractional._SCRATCH_BYTES", 14 * 8 * 7)
    single = np.empty((14, 101), np.float32)
    assert ridge.betas(projected, 0.3, out=single) is single
    np.testing.assert_allclose(single, expected, rtol=1e-6, atol=1e-5)
    assert ridge.betas(projected, 0.3, out=projected) is projected
    np.testing.assert_allclose(projected, expected, rtol=1e-12)


def test_nothing_and_nan_stay_in_their_voxels(
    design: TrialDesign, rng: np.random.Generator
) -> None:
    ridge = FractionalRidge.of(design)
    projected = rng.normal(size=(14, 5))
    expected = ridge.betas(projected, 0.3)
    projected[:, 1] = 0
    projected[4, 2] = np.nan
    projected[4, 3] = np.inf
    found = ridge.betas(projected, 0.3)
    assert not found[:, 1].any()
    assert np.isnan(found[:, 2]).all()
    assert not np.isfinite(found[:, 3]).any()
    np.testing.assert_allclose(found[:, [0, 4]], expected[:, [0, 4]], rtol=1e-12)


@given(
    st.integers(1, 20), st.floats(0, 8), st.floats(0.001, 0.999), st.floats(0, 12),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_any_spectrum(n: int, decades: float, fraction: float, unequal: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.sort(10 ** rng.uniform(-decades, 0, n))[::-1] * 10 ** rng.uniform(-3, 3)
    shares = rng.normal(size=(n, 40)) * 10 ** rng.uniform(-unequal, unequal, (n, 40))
    factors = shrinkage(shares, values, fraction)
    length = np.linalg.norm(shares * factors, axis=0) / np.linalg.norm(shares, axis=0)
    np.testing.assert_allclose(length, fraction, rtol=1e-10)
    # All of one penalty: s² (1 - f) / f.
    penalty = values[:, None] ** 2 * (1 - factors) / factors
    clear = (factors < 1 - 1e-6) & (factors > 1e-12)
    largest = np.where(clear, penalty, 0).max(axis=0)
    assert (np.abs(penalty / largest - 1)[clear] < 1e-8).all()


def test_faults(design: TrialDesign, rng: np.random.Generator) -> None:
    ridge = FractionalRidge.of(design)
    projected = rng.normal(size=(14, 5))
    for fraction in (0, -0.1, 1.1, np.nan, True, "half"):
        with pytest.raises(ParameterError, match="`fraction` must be a number above 0 and at most"):
            ridge.betas(projected, fraction)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"`projected` must have the shape \(14, voxels\)"):
        ridge.betas(projected[:3], 0.5)
    with pytest.raises(ParameterError, match=r"`out` must have the shape \(14, 5\), got \(14, 4\)"):
        ridge.betas(projected, 0.5, out=np.empty((14, 4)))
    events = made_up_events(rng, 8, N * T_R)
    for options in ({"method": "lss"}, {"method": "lsa", "penalty": 2.0}):
        with pytest.raises(ParameterError, match="`design` must be of the method 'lsa' without"):
            FractionalRidge.of(make_trial_design(events, N, T_R, **options))
