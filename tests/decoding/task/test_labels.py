"""Targets against scikit-learn's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from boldstream.core.errors import ParameterError
from boldstream.decoding.task.labels import encode_targets, vector_of


@pytest.mark.parametrize(
    "y",
    [
        ["b", "a", "c", "a"],
        np.array([3, 1, 2, 1], np.uint8),
        [True, False, True, True],
        np.array([2.0, 1.0, 2.0, 0.0]),
        pd.Series(["b", "a", "b", "b"]),
        pd.Series(["b", "a", "b", "b"], dtype="string"),
        pd.Categorical(["b", "a", "b", "b"], categories=["b", "a"]),
        pd.Series([1, 2, 1, 2], dtype="Int64"),
        pd.Series([True, False, True, True], dtype="boolean"),
        np.array(["x", "y", "x", "y"], object),
    ],
)
def test_classes_are_those_that_scikit_learn_finds(y: Any) -> None:
    plain = np.array(list(y))
    fitted = LogisticRegression().fit(np.eye(4), plain)
    targets = encode_targets(y, classifier=True)
    assert targets.classes is not None
    assert targets.labellings.dtype == np.int16
    np.testing.assert_array_equal(targets.classes, fitted.classes_)
    np.testing.assert_array_equal(targets.classes[targets.labellings[0]], plain)


@given(st.lists(st.sampled_from(["u", "v", "w"]), min_size=3).filter(lambda y: len(set(y)) > 1))
def test_names_of_classes_do_not_matter(y: list[str]) -> None:
    codes = encode_targets(y, classifier=True).labellings
    renamed = {"u": 10, "v": 20, "w": 30}
    again = encode_targets([renamed[label] for label in y], classifier=True).labellings
    np.testing.assert_array_equal(codes, again)


def test_values_keep_their_mean_apart() -> None:
    targets = encode_targets([1, 2, 6], classifier=False)
    assert targets.classes is None
    assert targets.labellings.tolist() == [[1.0, 2.0, 6.0]]
    assert targets.offset == 3.0


@pytest.mark.parametrize(
    ("y", "classifier", "message"),
    [
        ([0.5, 1.0, 2.0], True, "classes for a classifier, got continuous values such as 0.5"),
        ([1.0, np.inf], True, "continuous values such as inf"),
        ([1.0, np.nan, 2.0], True, "no missing values, got 1 among 3"),
        (["a", None], True, "no missing values"),
        (["a", "b", float("nan")], True, "no missing values, got 1 among 3"),
        (pd.Series([1, None], dtype="Int64"), False, "no missing values"),
        (["a", "a"], True, "at least two classes, got only 'a'"),
        ([3, 3], True, "at least two classes, got only 3"),
        (["a", "b"], False, "numbers for a regressor, got 'a'"),
        ([1.0, np.inf], False, "finite"),
        (np.array(["a", 1], object), True, "entries of one kind, got int, str"),
        (["a", 1], True, "entries of one kind, got int, str"),
        (np.zeros((3, 1)), True, r"one entry for each sample, got an array of shape \(3, 1\)"),
        (3, True, r"shape \(\)"),
        ([], True, r"shape \(0,\)"),
        (np.array([1j, 2]), True, "text, numbers or booleans"),
    ],
)
def test_targets_that_cannot_be(y: Any, classifier: bool, message: str) -> None:
    with pytest.raises(ParameterError, match=f"`target` must .*{message}"):
        encode_targets(y, classifier=classifier, name="target")


def test_objects_become_what_they_are() -> None:
    assert vector_of("y", np.array([1, 2], object)).dtype.kind == "i"
    assert vector_of("y", np.array(["a", "bc"], object)).dtype.kind == "U"
