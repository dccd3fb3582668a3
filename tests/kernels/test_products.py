"""Products in pieces, and inverses of Gram matrices, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from boldstream.kernels.least_squares import gram_inverse
from boldstream.kernels.products import add_product


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 8192, 39), (6, 8192, 39), (6, 8191, 1), (39, 5000, 39), (200, 300, 200)]
)
def test_pieces_add_up(rng: np.random.Generator, m: int, k: int, n: int, order: str) -> None:
    left, right = rng.normal(size=(m, k)), np.array(rng.normal(size=(k, n)), order=order)  # type: ignore[call-overload]
    out = rng.normal(size=(m, n))
    expected = out + left @ right
    add_product(out, left, right)
    np.testing.assert_allclose(out, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_adds_nothing(shape: tuple[int, int]) -> None:
    out = np.zeros((2, shape[1]))
    add_product(out, np.zeros((2, shape[0])), np.zeros(shape))
    assert not out.any()


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
