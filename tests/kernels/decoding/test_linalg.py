"""Small systems against numpy, at every size about a block of rows."""

from __future__ import annotations

import numpy as np
import pytest

from boldstream.kernels.decoding.linalg import (
    LARGE,
    factor,
    invert,
    solve,
    solve_factored,
    solve_factored_many,
    sweep,
)

SIZES = [1, 2, 3, 4, 5, 7, 8, 13]


def definite(rng: np.random.Generator, n: int) -> np.ndarray:
    x = rng.normal(size=(n, n + 3))
    return np.asarray(x @ x.T)


@pytest.mark.parametrize("n", SIZES)
def test_a_factor_and_what_is_solved_with_it(rng: np.random.Generator, n: int) -> None:
    """Of the first rows of a larger matrix, the rest of which, and the upper triangle, is junk."""
    a, b = definite(rng, n), rng.normal(size=(n, 3))
    given = np.full((n + 2, n + 2), np.nan)
    given[:n, :n][np.tril_indices(n)] = a[np.tril_indices(n)]
    assert factor(given, n)
    np.testing.assert_allclose(np.tril(given[:n, :n]), np.linalg.cholesky(a), atol=1e-12)
    assert np.isnan(given[n:]).all()
    assert np.isnan(given[:n][np.triu_indices(n, 1, n + 2)]).all()
    one, many = np.append(b[:, 0], [7.0, 7.0]), np.vstack([b, np.full((2, 3), 7.0)])
    solve_factored(given, one, n)
    solve_factored_many(given, many, n)
    expected = np.linalg.solve(a, b)
    np.testing.assert_allclose(one[:n], expected[:, 0], rtol=1e-8)
    np.testing.assert_allclose(many[:n], expected, rtol=1e-8)
    assert (one[n:] == 7).all()
    assert (many[n:] == 7).all()


@pytest.mark.parametrize("least", [0.0, -1.0])
def test_what_is_not_definite_has_no_factor(least: float) -> None:
    a, b, many = np.diag([4.0, 1.0, least, 2.0]), np.ones(4), np.ones((4, 2))
    assert not factor(a, 4)
    with np.errstate(all="ignore"):
        solve_factored(a, b, 4)
        solve_factored_many(a, many, 4)
    assert np.isnan(b[0])
    assert np.isnan(many[0]).all()


@pytest.mark.parametrize("n", [*SIZES, 30])
def test_inverses(rng: np.random.Generator, n: int) -> None:
    a = definite(rng, n)
    expected = np.linalg.inv(a)
    np.testing.assert_allclose(invert(a), expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
    swept = a.copy()
    sweep(swept)
    np.testing.assert_allclose(swept, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
    assert (swept == swept.T).all()


def test_large_systems_are_those_of_lapack(rng: np.random.Generator) -> None:
    for n in (LARGE, LARGE + 1):
        a = definite(rng, n) + np.eye(n)
        np.testing.assert_allclose(invert(a) @ a, np.eye(n), atol=1e-9)
        b = rng.normal(size=(n, 3))
        np.testing.assert_allclose(a @ solve(a.copy(), b.copy()), b, atol=1e-9)


@pytest.mark.parametrize("n", [2, 5, 60, 110])
def test_what_rounding_makes_singular_is_solved_as_well_as_it_can_be(
    rng: np.random.Generator, n: int
) -> None:
    """Products of samples given twice, which have no factor; what is solved fits all the same."""
    x = rng.normal(size=(n, (n + 1) // 2)) * 1e4
    x[n // 2 :] = x[: n - n // 2]
    a = x @ x.T + 1e-12 * np.eye(n)
    a[0, 0] = np.nextafter(a[0, 0], 0)
    assert not factor(a.copy(), n)
    b = a @ rng.normal(size=(n, 3))
    found = solve(a.copy(), b.copy())
    np.testing.assert_allclose(a @ found, b, rtol=0, atol=1e-9 * np.abs(b).max())


def test_what_overflowed_has_no_solution() -> None:
    a = np.eye(3)
    a[0, 2] = a[2, 0] = np.inf
    assert np.isnan(solve(a, np.ones((3, 2)))).all()
