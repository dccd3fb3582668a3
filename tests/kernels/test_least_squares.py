"""Inverses of Gram matrices, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from boldstream.kernels.least_squares import gram_inverse


@pytest.mark.parametrize("scale", [1.0, 1e-12])
def test_the_inverse_solves_least_squares(rng: np.random.Generator, scale: float) -> None:
    matrix = rng.random((50, 4)) * [1, scale, 1, 1 / scale]
    target = rng.random(50)
    solved = gram_inverse(matrix.T @ matrix) @ matrix.T @ target
    expected = linalg.lstsq(matrix / [1, scale, 1, 1 / scale], target)[0]
    np.testing.assert_allclose(solved * [1, scale, 1, 1 / scale], expected, rtol=1e-10)


def test_dependent_columns_get_the_shortest_solution(rng: np.random.Generator) -> None:
    matrix = rng.random((50, 3)) @ np.array([[1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 0.0]])
    target = rng.random(50)
    solved = gram_inverse(matrix.T @ matrix) @ matrix.T @ target
    np.testing.assert_allclose(solved, linalg.lstsq(matrix, target)[0], rtol=1e-8)


def gram_of(ratio: float) -> np.ndarray:
    """That of two columns of length 1, the ratio of whose eigenvalues is this."""
    c = (1 - ratio) / (1 + ratio)
    return np.array([[1, c], [c, 1]])


def test_columns_that_are_nearly_dependent_are_solved_in_any_units() -> None:
    for ratio, independent in ((1.5e-10, True), (0.7e-10, False)):
        gram, units = gram_of(ratio), np.diag([1.0, 1e-8])
        exact = np.linalg.inv(gram)
        ours = units @ gram_inverse(units @ gram @ units) @ units
        assert np.allclose(ours, exact, rtol=1e-3) is independent


def test_columns_that_are_dependent_to_thirteen_digits_share_the_solution() -> None:
    np.testing.assert_allclose(gram_inverse(gram_of(0.7e-13)), np.full((2, 2), 0.25), rtol=1e-3)
    kept = gram_of(1.5e-13)
    np.testing.assert_allclose(gram_inverse(kept), np.linalg.inv(kept), rtol=0.02)
