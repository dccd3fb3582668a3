from __future__ import annotations

import numpy as np

from boldstream.kernels.decoding.bayes import class_means, spread, used_rows


def test_each_voxel_that_is_held_has_one_place() -> None:
    members = np.array([5, 2, 5, 9, 2], np.int32)
    rows, place = used_rows(members, 12)
    np.testing.assert_array_equal(rows, [5, 2, 9])
    np.testing.assert_array_equal(rows[place[members]], members)
    assert (place[[0, 1, 3, 11]] == -1).all()


def test_a_constant_voxel_has_no_variance_at_all() -> None:
    x = np.array([[0.1, 0.1, 0.1, 7.0], [1.0, 2.0, 3.0, 0.0]])
    np.testing.assert_array_equal(spread(x, np.arange(3)), [0.0, x[1, :3].var()])


def test_weights_take_means_of_classes() -> None:
    codes = np.array([0, 1, 1, 0, 1, 1], np.int16)
    train, at = np.array([0, 1, 2, 3, 4, 4, 5]), np.array([0, 3, 7])
    w, n = np.empty((6, 4)), np.empty(4)
    class_means(codes, train, at, 2, w, n)
    x = np.random.default_rng(0).normal(size=(3, 6))
    np.testing.assert_array_equal(n, [1, 2, 1, 3])
    expected = [x[:, 0], x[:, 1:3].mean(axis=1), x[:, 3], x[:, [4, 4, 5]].mean(axis=1)]
    np.testing.assert_allclose((x @ w).T, expected)
