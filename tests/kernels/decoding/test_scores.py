"""Scores of folds against scikit-learn's metrics: ties, unequal folds, classes that lack."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from boldstream.kernels.decoding.scores import (
    ACCURACY,
    BALANCED_ACCURACY,
    NEG_MSE,
    R2,
    ROC_AUC,
    score_classes,
    score_two_classes,
    score_values,
)

# Folds of 5, 2 and 9 tests; one sample is tested twice, one never.
TEST = np.array([3, 0, 7, 12, 1, 5, 14, 2, 4, 6, 8, 9, 10, 11, 13, 0])
TEST_AT = np.array([0, 5, 7, 16])


def folds() -> list[slice]:
    return [slice(a, b) for a, b in pairwise(TEST_AT.tolist())]


def predicted(decisions: np.ndarray) -> np.ndarray:
    if decisions.shape[1] == 1:
        return (decisions[:, 0] > 0).astype(int)
    return np.asarray(decisions.argmax(axis=1))


def codes_of(rng: np.random.Generator, n_classes: int, n: int = 3) -> np.ndarray:
    """Labellings in which every fold has at least the classes 0 and 1."""
    codes = rng.integers(0, n_classes, (n, 16))
    codes[:, [3, 5, 2]], codes[:, [7, 14, 4]] = 0, 1
    return codes.astype(np.int16)


@pytest.mark.parametrize(
    ("metric", "n_classes"),
    [*((m, n) for m in (ACCURACY, BALANCED_ACCURACY) for n in (2, 3, 5)), (ROC_AUC, 2)],
)
def test_classes(rng: np.random.Generator, metric: int, n_classes: int) -> None:
    theirs: Any = {
        ACCURACY: lambda y, d: metrics.accuracy_score(y, predicted(d)),
        BALANCED_ACCURACY: lambda y, d: metrics.balanced_accuracy_score(y, predicted(d)),
        ROC_AUC: lambda y, d: metrics.roc_auc_score(y, d[:, 0]),
    }[metric]
    codes, columns = codes_of(rng, n_classes), n_classes if n_classes > 2 else 1
    # Few values, so that many are equal, or 0.
    decisions = rng.integers(-2, 3, (4, 3, 16, columns)).astype(np.float32)
    means, first = np.full((4, 3), np.nan), np.full((4, 3), np.nan)
    score_classes(decisions, codes, TEST, TEST_AT, metric, n_classes, means, first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of predictions of a class that lacks
        expected = np.array(
            [
                [
                    [theirs(y[TEST][f], d[f]) for f in folds()]
                    for y, d in zip(codes, of, strict=True)
                ]
                for of in decisions
            ]
        )
    np.testing.assert_allclose(means, expected.mean(axis=2))
    np.testing.assert_allclose(first, expected[:, 0])
    if metric == ACCURACY and n_classes == 2:
        quick = np.full((4, 3), np.nan)
        score_two_classes(decisions, codes, TEST, TEST_AT, quick)
        np.testing.assert_allclose(quick, means)


@pytest.mark.parametrize("metric", [R2, NEG_MSE])
def test_values(rng: np.random.Generator, metric: int) -> None:
    theirs: Any = {
        R2: metrics.r2_score,
        NEG_MSE: lambda y, d: -metrics.mean_squared_error(y, d),
    }[metric]
    targets = rng.normal(3, 1, (3, 16))
    decisions = rng.normal(3, 1, (4, 3, 16, 1)).astype(np.float32)
    # A fold whose targets are equal, and predictions of it that are right and wrong.
    targets[0, TEST[5:7]] = 1.5
    decisions[0, 0, 5:7] = 1.5
    means, first = np.full((4, 3), np.nan), np.full((4, 3), np.nan)
    score_values(decisions, targets, TEST, TEST_AT, metric, means, first)
    expected = np.array(
        [
            [
                [theirs(y[TEST][f], d[f, 0]) for f in folds()]
                for y, d in zip(targets, of, strict=True)
            ]
            for of in decisions.astype("f8")
        ]
    )
    np.testing.assert_allclose(means, expected.mean(axis=2))
    np.testing.assert_allclose(first, expected[:, 0])
    assert first[0, 1] == (1 if metric == R2 else 0)
