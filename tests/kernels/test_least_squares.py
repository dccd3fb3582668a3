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
