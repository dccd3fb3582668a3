from __future__ import annotations

import numpy as np

from boldstream.kernels.decoding.centroid import one_hot, shorter


def test_all_classes_but_the_last_have_a_row() -> None:
    codes = np.array([[0, 1, 2], [2, 2, 1]], np.int16)
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]]
    np.testing.assert_array_equal(one_hot(codes, 3), expected)


def test_fewer_dimensions_keep_all_products() -> None:
    x = np.random.default_rng(0).normal(10_000, 100, (200, 20))
    found = shorter(x)
    assert found.shape == (20, 20)
    np.testing.assert_allclose(found.T @ found, x.T @ x, rtol=1e-12)
    assert shorter(x[:40]).shape == (40, 20)
