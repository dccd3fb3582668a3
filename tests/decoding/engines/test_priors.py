"""How probable classes are, and how much their samples weigh, by hand and by scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from boldstream.decoding.engines.priors import log_priors, read_priors
from boldstream.decoding.engines.weights import (
    class_counts,
    class_weights,
    counts_of,
    read_class_weight,
    rule_out_absent,
)
from boldstream.decoding.task.problem import Folds, Targets

Y = np.array([[0, 1, 2, 0, 0, 1], [2, 0, 0, 1, 0, 1]], np.int16)
TARGETS = Targets(Y, np.array(["cat", "dog", "oak"]))
# The first fold trains on a sample twice, and on none of the third class as given.
FOLDS = Folds(
    (np.array([0, 1, 1, 3]), np.array([2, 4, 5])), (np.array([2, 4]), np.array([0, 1, 3])), 6
)
SIZES = np.array([[[2.0, 2, 0], [1, 1, 1]], [[2, 1, 1], [2, 1, 0]]])


def test_samples_of_classes_are_counted_as_often_as_they_are_trained_on() -> None:
    counts = counts_of(FOLDS)
    np.testing.assert_array_equal(counts, [[1, 2, 0, 1, 0, 0], [0, 0, 1, 0, 1, 1]])
    np.testing.assert_array_equal(class_counts(TARGETS, counts), SIZES)


def test_priors_are_shares_of_classes_in_a_fold() -> None:
    expected = np.log(np.where(SIZES > 0, SIZES / SIZES.sum(axis=2, keepdims=True), 1))
    np.testing.assert_allclose(log_priors(None, SIZES), expected)
    given = (0.2, 0.3, 0.5)
    found = log_priors(given, SIZES)
    np.testing.assert_allclose(found[[0, 1], [1, 0]], np.log([given, given]))
    # Of classes that a fold has they are the whole.
    np.testing.assert_allclose(found[[0, 1], [0, 1]], np.log([[0.4, 0.6, 1], [0.4, 0.6, 1]]))
    found[0] = 0  # its own


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, None),
        ([0.25, 0.25, 0.5], (0.25, 0.25, 0.5)),
        ([0.25, 0.25, 0.5 + 1e-9], (0.25, 0.25, 0.5 + 1e-9)),
        ([0.25, 0.25, 0.5 + 1.5e-8], "priors"),
        ([0.25, 0.25, 0.5 - 1.5e-8], "priors"),
        ([0.5, 0.5, 0.0], "priors"),
        ([0.6, 0.6, -0.2], "priors"),
        ([0.5, 0.5], "priors"),
    ],
)
def test_priors_that_are_taken(given: Any, read: Any) -> None:
    found = read_priors(given, TARGETS)
    assert found == read or (read == "priors" and str(found).startswith("priors that are not"))


def test_weights_of_classes_are_those_of_scikit_learn() -> None:
    np.testing.assert_array_equal(class_weights(None, SIZES), np.ones(SIZES.shape))
    np.testing.assert_array_equal(class_weights((2.0, 1.0, 3.0), SIZES)[1, 1], [2, 1, 3])
    balanced = class_weights("balanced", SIZES)
    for label, fold in np.ndindex(2, 2):
        y = Y[label, FOLDS.train[fold]]
        there = np.unique(y)
        expected = np.ones(3)
        expected[there] = compute_class_weight("balanced", classes=there, y=y)
        np.testing.assert_allclose(balanced[label, fold], expected)


def test_a_class_that_is_not_trained_on_is_not_predicted() -> None:
    out = np.zeros((2, 2, 5, 3), np.float32)
    rule_out_absent(out, SIZES, FOLDS)
    expected = np.zeros((2, 5, 3))
    expected[0, :2, 2] = expected[1, 2:, 2] = -np.inf
    np.testing.assert_array_equal(out, [expected, expected])
    # What one column says of two classes stays.
    one = np.ones((2, 2, 5, 1), np.float32)
    rule_out_absent(one, SIZES[:, :, 1:], FOLDS)
    assert (one == 1).all()


@pytest.mark.parametrize(
    ("given", "weights", "reason"),
    [
        (None, None, None),
        ("balanced", "balanced", None),
        ({"cat": 2, "oak": 0.5}, (2.0, 1.0, 0.5), None),
        ({"cat": 0.0}, None, "not positive"),
        ({"cat": -1.0}, None, "not positive"),
        ({"cat": np.inf}, None, "not positive"),
        ({"cow": 2.0}, None, "that there is not"),
    ],
)
def test_weights_that_are_taken(given: Any, weights: Any, reason: str | None) -> None:
    found, why = read_class_weight(given, TARGETS)
    assert found == weights
    assert (why is None) if reason is None else (reason in str(why))
