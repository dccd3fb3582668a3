from __future__ import annotations

import numpy as np

from boldstream.kernels.decoding.centroid import class_sizes, one_hot
from boldstream.kernels.decoding.spheres import shorter


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


def test_classes_are_counted_anew_in_every_fold() -> None:
    codes, n = np.array([0, 2, 2, 0, 1, 2], np.int16), np.full(3, 7.0)
    class_sizes(codes, np.array([0, 1, 2, 2, 3]), n)
    np.testing.assert_array_equal(n, [2, 0, 3])
