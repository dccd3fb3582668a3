from __future__ import annotations

import numpy as np

from boldstream.kernels.decoding.bayes import (
    _add_to_spheres,
    _raise_largest,
    class_means,
    spread,
    used_rows,
)


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


def test_voxels_are_added_to_the_spheres_that_hold_them_some_at_a_time() -> None:
    rng = np.random.default_rng(0)
    members = np.array([5, 2, 9, 5, 7, 2], np.int32)
    starts = np.array([0, 3, 3, 6])
    _, place = used_rows(members, 12)
    terms, lowest, total = rng.normal(size=(4, 3)), rng.random(4), rng.random((4, 2))
    sums, least, largest = np.zeros((3, 3)), np.full(3, np.inf), np.zeros(3)
    for first, stop in ((0, 1), (1, 3), (3, 4)):
        some = slice(first, stop)
        _add_to_spheres(terms[some], lowest[some], first, place, members, starts, sums, least)
        _raise_largest(total[some], first, place, members, starts, largest)
    for s in range(3):
        inside = place[members[starts[s] : starts[s + 1]]]
        np.testing.assert_allclose(sums[s], terms[inside].sum(axis=0))
        assert least[s] == lowest[inside].min(initial=np.inf)
        assert largest[s] == total[inside].max(initial=0)
