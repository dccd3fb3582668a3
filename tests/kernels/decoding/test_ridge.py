"""How ridge writes decisions: what float32 holds of them."""

from __future__ import annotations

import numpy as np
import pytest

from boldstream.kernels.decoding.ridge import _add_mean, _order, write_decisions

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n_classes", [3, 5])
def test_of_many_classes_values_are_less_the_largest_of_each_test(n_classes: int) -> None:
    predicted, means = RNG.normal(size=(2 * n_classes, 30)), 1e5 * RNG.normal(size=2)
    out = np.empty((2, n_classes, 30), np.float32)
    write_decisions(predicted, np.repeat(means, n_classes), n_classes, out)
    expected = predicted.reshape(2, n_classes, 30)
    expected = expected - expected.max(axis=1, keepdims=True)
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n_classes", [0, 2])
def test_of_two_classes_tests_keep_their_order_beside_a_large_mean(n_classes: int) -> None:
    """Of values the nearest float32 are wanted, whatever they have in common."""
    predicted = 1e-8 * RNG.permutation(40)[None].astype(float)
    predicted[0, 7] = predicted[0, 3]
    out = np.empty((1, 1, 40), np.float32)
    write_decisions(predicted, np.ones(1), n_classes, out)
    wanted, found = (np.unique(x, return_inverse=True)[1] for x in (predicted[0], out[0, 0]))
    assert np.array_equal(wanted, found) == (n_classes == 2)
    if n_classes == 2:
        np.testing.assert_allclose(out[0, 0], 1 + predicted[0], rtol=1e-5)
    else:
        np.testing.assert_array_equal(out[0, 0], (1 + predicted[0]).astype(np.float32))


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_a_mean_is_added_in_order_where_two_classes_are_told_apart(n_classes: int) -> None:
    values = (1e-8 * RNG.permutation(40)).astype(np.float32)
    given = values.copy()
    _add_mean(0.0, n_classes, values)
    np.testing.assert_array_equal(values, given)
    _add_mean(1.0, n_classes, values)
    np.testing.assert_allclose(values, 1 + given.astype(float), rtol=1e-5)
    assert np.array_equal(np.argsort(values), np.argsort(given)) == (n_classes == 2)


def test_values_are_put_in_order() -> None:
    """Of every length about the gaps of Shell's sort, with values that are equal."""
    for n in range(40):
        for values in (RNG.normal(size=n), RNG.integers(4, size=n).astype(np.float32)):
            found = _order(values)
            np.testing.assert_array_equal(np.sort(found), np.arange(n))
            np.testing.assert_array_equal(values[found], np.sort(values))
