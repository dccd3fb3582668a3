"""Scores of folds from decision values: many labellings of many spheres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit

Rows = NDArray[np.int64]

Codes = NDArray[np.int16]
Floats = NDArray[np.float64]

ACCURACY, BALANCED_ACCURACY, ROC_AUC, R2, NEG_MSE = range(5)


@jit
def predicted(decision: NDArray[np.float32]) -> int:
    """Code of the class that decision values (columns,) stand for; the first of equal ones."""
    if len(decision) == 1:
        return 1 if decision[0] > 0 else 0
    best = 0
    for c in range(1, len(decision)):
        if decision[c] > decision[best]:
            best = c
    return best


@jit
def _accuracy(decisions: Any, truth: Any) -> float:
    right = 0
    for i in range(len(truth)):
        right += predicted(decisions[i]) == truth[i]
    return right / len(truth)


@jit
def score_two_classes(
    decisions: NDArray[np.float32],
    labellings: Codes,
    test: Rows,
    test_at: Rows,
    means: Floats,
) -> None:
    """Accuracies, over folds, of two classes: `means` of `score_classes`, several times as fast.

    A fold's share of a test is its weight, so that one loop without a branch
    serves all folds.
    """
    n, n_folds = len(test), len(test_at) - 1
    weights, positive = np.empty(n), np.empty(n, np.bool_)
    for f in range(n_folds):
        for i in range(test_at[f], test_at[f + 1]):
            weights[i] = 1.0 / (n_folds * (test_at[f + 1] - test_at[f]))
    for label in range(len(labellings)):
        for i in range(n):
            positive[i] = labellings[label, test[i]] > 0
        for s in range(len(decisions)):
            flat = decisions[s, label].reshape(n)
            total = 0.0
            for i in range(n):
                total += weights[i] if (flat[i] > 0) == positive[i] else 0.0
            means[s, label] = total


@jit
def _balanced_accuracy(decisions: Any, truth: Any, n_classes: int) -> float:
    right = np.zeros(n_classes)
    there = np.zeros(n_classes)
    for i in range(len(truth)):
        there[truth[i]] += 1
        right[truth[i]] += predicted(decisions[i]) == truth[i]
    total, present = 0.0, 0
    for c in range(n_classes):
        if there[c] > 0:
            total += right[c] / there[c]
            present += 1
    return total / present


@jit
def _roc_auc(decisions: Any, truth: Any) -> float:
    """Share of pairs of a sample of class 1 and one of class 0 that lie in this order."""
    ordered, pairs = 0.0, 0
    for i in range(len(truth)):
        for j in range(len(truth)):
            if truth[i] == 1 and truth[j] == 0:
                pairs += 1
                apart = decisions[i, 0] - decisions[j, 0]
                ordered += 1.0 if apart > 0 else (0.5 if apart == 0 else 0.0)
    return ordered / pairs


@jit
def score_classes(
    decisions: NDArray[np.float32],
    labellings: Codes,
    test: Rows,
    test_at: Rows,
    metric: int,
    n_classes: int,
    means: Floats,
    first: Floats,
) -> None:
    """Scores of decision values (spheres, labellings, tests, columns) for codes of classes.

    Fills `means` (spheres, labellings), over folds, and `first` (spheres,
    folds) with those of the first labelling.
    """
    n_folds = len(test_at) - 1
    for label in range(len(labellings)):
        truth = labellings[label][test]
        for s in range(len(decisions)):
            total = 0.0
            for f in range(n_folds):
                some = decisions[s, label, test_at[f] : test_at[f + 1]]
                labels = truth[test_at[f] : test_at[f + 1]]
                if metric == ACCURACY:
                    score = _accuracy(some, labels)
                elif metric == BALANCED_ACCURACY:
                    score = _balanced_accuracy(some, labels, n_classes)
                else:
                    score = _roc_auc(some, labels)
                if label == 0:
                    first[s, f] = score
                total += score
            means[s, label] = total / n_folds


@jit
def _score_fold_of_values(decisions: Any, truth: Any, metric: int) -> float:
    missed = 0.0
    for i in range(len(truth)):
        missed += (truth[i] - decisions[i, 0]) ** 2
    if metric == NEG_MSE:
        return -missed / len(truth)
    mean = truth.sum() / len(truth)
    spread = 0.0
    for i in range(len(truth)):
        spread += (truth[i] - mean) ** 2
    if spread == 0.0:
        # As scikit-learn says of a target that does not vary.
        return 1.0 if missed == 0.0 else 0.0
    return 1.0 - missed / spread


@jit
def score_values(
    decisions: NDArray[np.float32],
    targets: Floats,
    test: Rows,
    test_at: Rows,
    metric: int,
    means: Floats,
    first: Floats,
) -> None:
    """Scores of predictions (spheres, targets, tests, 1), as `score_classes`."""
    n_folds = len(test_at) - 1
    for label in range(len(targets)):
        truth = targets[label][test]
        for s in range(len(decisions)):
            total = 0.0
            for f in range(n_folds):
                rows = slice(test_at[f], test_at[f + 1])
                score = _score_fold_of_values(decisions[s, label, rows], truth[rows], metric)
                if label == 0:
                    first[s, f] = score
                total += score
            means[s, label] = total / n_folds
