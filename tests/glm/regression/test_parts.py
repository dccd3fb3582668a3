"""Parts of a fit against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from boldstream.glm.regression.basis import Basis
from boldstream.glm.regression.functionals import Functionals
from boldstream.glm.regression.noise import Whitening, truncated, yule_walker
from boldstream.glm.regression.residuals import residual_covariances, residual_sums
from boldstream.glm.regression.sums import Sums

N = 25


def sums_of(d: np.ndarray, functionals: Functionals) -> Sums:
    order = functionals.order
    squares = [(d[lag:] * d[: len(d) - lag]).sum(axis=0) for lag in range(order + 1)]
    return Sums(
        len(d), np.zeros(d.shape[1]), functionals.weights @ d, np.array(squares), d[:order],
        d[len(d) - order :],
    )  # fmt: skip


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_lagged_products_of_residuals(rng: np.random.Generator, order: int, shift: float) -> None:
    basis = Basis.of(rng.normal(size=(N, 4)))
    functionals = Functionals.of(basis.columns, order)
    d = rng.normal(2, 1, (N, 6))
    d[:, 5] = basis.columns @ rng.normal(size=4)
    sums = sums_of(d, functionals)
    e = d - basis.columns @ (basis.columns.T @ d)
    np.testing.assert_allclose(residual_sums(sums, basis, functionals), e.sum(axis=0), atol=1e-10)
    found = residual_covariances(sums, basis, functionals, shift)
    e -= shift
    expected = [(e[lag:] * e[: N - lag]).sum(axis=0) for lag in range(order + 1)]
    np.testing.assert_allclose(found[:, :5], np.array(expected)[:, :5], atol=1e-9)
    if shift == 0:
        np.testing.assert_array_equal(found[:, 5], np.zeros(order + 1))


@pytest.mark.parametrize("order", [0, 1, 2, 4])
def test_whitening_is_its_matrix(rng: np.random.Generator, order: int) -> None:
    rho, x = rng.uniform(-0.5, 0.5, order), rng.normal(size=(N, 3))
    whitening = Whitening(rho)
    matrix = np.eye(N) - sum(
        (rho[lag - 1] * np.eye(N, k=-lag) for lag in range(1, order + 1)), np.zeros((N, N))
    )
    np.testing.assert_allclose(whitening.apply(x), matrix @ x)
    square = matrix.T @ matrix
    beyond = whitening.corner @ x[N - order :]
    toeplitz = sum(
        value * (np.eye(N, k=lag) + (np.eye(N, k=-lag) if lag else 0))
        for lag, value in enumerate(whitening.diagonals)
    )
    np.testing.assert_allclose(x.T @ toeplitz @ x - beyond.T @ beyond, x.T @ square @ x)


def test_noise_of_voxels_without_residuals_is_0_and_of_unknown_ones_unknown() -> None:
    for order in (1, 2):
        covariances = np.zeros((order + 1, 3))
        covariances[0, 1], covariances[1, 1] = 25.0, 12.0
        covariances[:, 2] = np.nan
        found = yule_walker(covariances, 25)
        np.testing.assert_array_equal(found[0], np.zeros(order))
        assert np.isnan(found[2]).all()
        r = np.array([1.0, 0.5, 0.0])
        expected = [0.5] if order == 1 else np.linalg.solve([[1, 0.5], [0.5, 1]], r[1:])
        np.testing.assert_allclose(found[1], expected)


def test_coefficients_are_cut_toward_0() -> None:
    found = truncated(np.array([0.379, -0.379, -0.004, 0.999, 0.3]), 100)
    np.testing.assert_allclose(found, [0.37, -0.37, 0, 0.99, 0.3])
    assert not np.signbit(found[2])


def test_a_design_of_zeros_spans_nothing() -> None:
    basis = Basis.of(np.zeros((N, 2)))
    assert basis.columns.shape == (N, 0)
    assert basis.to_design.shape == (2, 0)
    assert basis.constant is None


@pytest.mark.parametrize("shape", [(2000, 2), (30, 2), (3, 400)])
def test_columns_depend_on_one_another_as_for_scipy(
    rng: np.random.Generator, shape: tuple[int, int]
) -> None:
    """Which counts as 0 what is less than the larger side's worth of rounding."""
    rank = min(shape)
    left, right = (linalg.orth(rng.normal(size=(n, rank))) for n in shape)
    for units in (0.25, 4.0):
        values = np.ones(rank)
        values[-1] = units * max(shape) * np.finfo(np.float64).eps
        design = (left * values) @ right.T
        inverse, found = linalg.pinv(design, return_rank=True)
        basis = Basis.of(design)
        assert basis.columns.shape == (shape[0], found)
        assert found == (rank if units > 1 else rank - 1)
        if found < rank:
            np.testing.assert_allclose(basis.to_design @ basis.columns.T, inverse, atol=1e-9)


@pytest.mark.parametrize("n", [25, 900])
@pytest.mark.parametrize(("share", "within"), [(0.8e-10, True), (1.2e-10, False)])
def test_what_little_of_a_constant_may_lie_outside(n: int, share: float, within: bool) -> None:
    """As a share of its length, however many volumes there are."""
    turned = np.where(np.arange(n) < n // 2, -1.0, 1.0)
    turned -= turned.mean()
    turned *= np.sqrt(n) / np.linalg.norm(turned)
    basis = Basis.of(np.column_stack([1 + share * turned, np.cos(np.arange(n))]))
    constant = basis.constant
    assert (constant is not None) is within
    if constant is not None:
        np.testing.assert_allclose(constant, [1, 0], atol=1e-9)
