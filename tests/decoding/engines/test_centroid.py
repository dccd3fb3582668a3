from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from boldstream.decoding.engines.base import Engine
from boldstream.decoding.engines.centroid import CentroidEngine, recognise
from boldstream.decoding.solving.scored import score_spheres
from boldstream.decoding.task.names import find_engine
from boldstream.decoding.task.problem import Folds, Problem, Targets
from boldstream.kernels.decoding.scores import ROC_AUC
from tests.decoding.engines.per_sphere import (
    assert_decides_as,
    assert_scores_as,
    leave_out,
    make_block,
    make_labels,
    make_targets,
    shuffle_split,
)

SIZES = [1, 2, 9, 30, 80, 200]
N = 96


class PlainCentroids(NearestCentroid):  # type: ignore[misc]
    """With the decision values that stand behind ``predict``."""

    def decision_function(self, X: Any) -> Any:  # noqa: N803
        squares = ((X[:, None] - self.centroids_) ** 2).sum(axis=2)
        return squares[:, 0] - squares[:, 1] if len(self.classes_) == 2 else -squares


@pytest.mark.parametrize("n_classes", [2, 3, 8])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("how", ["runs", "shuffled"])
@pytest.mark.parametrize("raw", [False, True])
def test_it_decides_by_distances(n_classes: Any, scaled: Any, how: Any, raw: Any) -> None:
    y = make_labels(N, n_classes, balanced=False)
    folds = leave_out(np.arange(N) % 4) if how == "runs" else shuffle_split(N)
    block = make_block(N, SIZES, mean=10_000.0 if raw else 0.0, sd=100.0 if raw else 1.0, y=y)
    targets = make_targets(y, 2)
    engine = recognise(NearestCentroid(), scaled, targets)
    assert_decides_as(engine, PlainCentroids(), scaled, block, folds, targets)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("scaled", [False, True])
def test_it_scores_as_scikit_learn(n_classes: Any, scaled: Any) -> None:
    y = make_labels(N, n_classes, balanced=False)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y)
    block = make_block(N, SIZES, y=y, mean=10_000, sd=100)
    for priors in ("uniform", [1 / n_classes] * n_classes):
        estimator = NearestCentroid(priors=priors)
        engine = recognise(estimator, scaled, targets)
        assert_scores_as(engine, estimator, scaled, block, folds, targets)


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_ has at least 1 zero")
def test_constant_voxels_change_nothing() -> None:
    y = make_labels(N, 3, balanced=False)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y)
    block = make_block(N, [60, 90], y=y, constant=True)
    engine = recognise(NearestCentroid(), True, targets)
    assert_scores_as(engine, NearestCentroid(), True, block, folds, targets)


def test_a_sample_that_a_fold_trains_on_twice_counts_twice() -> None:
    y = make_labels(N, 2, balanced=False)
    rng = np.random.default_rng(0)
    train = tuple(rng.integers(0, N - 10, 40) for _ in range(3))
    folds = Folds(train, (np.arange(N - 10, N),) * 3, N)
    block, targets = make_block(N, SIZES, y=y), make_targets(y)
    engine = recognise(NearestCentroid(), False, targets)
    assert_decides_as(engine, PlainCentroids(), False, block, folds, targets)


def test_its_values_do_not_stand_for_the_decision_function() -> None:
    """scikit-learn's divides voxels by their SD, so ROC AUC is not to be had of them."""
    y = make_labels(N, 2, balanced=True)
    block, folds = make_block(N, [5], y=y), leave_out(np.arange(N) % 4)
    with pytest.raises(ValueError, match="do not rank samples"):
        score_spheres(block, CentroidEngine(False), Problem(folds, make_targets(y), ROC_AUC))
    said = find_engine(NearestCentroid(), folds, make_targets(y), "roc_auc")
    assert said == "the decision function of NearestCentroid is not what decides"
    assert isinstance(find_engine(GaussianNB(), folds, make_targets(y), "roc_auc"), Engine)


def test_what_is_not_solved_is_declined() -> None:
    targets = Targets(np.zeros((1, 4), np.int16), np.arange(2))
    for given, reason in (
        ({"metric": "manhattan"}, "manhattan"),
        ({"shrink_threshold": 0.1}, "shrunken"),
        ({"priors": "empirical"}, "uniform"),
        ({"priors": [0.4, 0.6]}, "uniform"),
    ):
        declined = recognise(clone(NearestCentroid(**given)), False, targets)
        assert isinstance(declined, str)
        assert reason in declined
    assert recognise(KNeighborsClassifier(), False, targets) is None
