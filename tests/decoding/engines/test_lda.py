from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.covariance import OAS
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from boldstream.decoding.engines.lda import LdaEngine, SharedLdaEngine, recognise
from boldstream.decoding.estimators import RidgeCovariance
from boldstream.decoding.task.problem import Targets
from tests.decoding.engines.per_sphere import (
    assert_decides_as,
    assert_scores_as,
    leave_out,
    make_block,
    make_labels,
    make_targets,
    shuffle_split,
)

SIZES = [1, 2, 9, 30, 80]
N = 60

LDA = LinearDiscriminantAnalysis
ESTIMATORS = {
    "svd": LDA(),
    "lsqr": LDA(solver="lsqr", shrinkage=0.2),
    "eigen": LDA(solver="eigen", shrinkage=0.01),
    "all": LDA(solver="lsqr", shrinkage=1.0),
    "auto": LDA(solver="lsqr", shrinkage="auto"),
    "auto eigen": LDA(solver="eigen", shrinkage="auto"),
}


def made_up(n_classes: int, how: str, raw: bool, sizes: Any = SIZES, n: int = N) -> Any:
    y = make_labels(n, n_classes, balanced=n_classes == 8)
    folds = leave_out(np.arange(n) % 4) if how == "runs" else shuffle_split(n)
    mean, sd = (10_000.0, 100.0) if raw else (0.0, 1.0)
    return make_block(n, sizes, mean=mean, sd=sd, y=y), folds, make_targets(y, 1)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    ("how", "raw", "scaled"),
    [("runs", True, False), ("runs", False, True), ("shuffled", False, False)],
)
@pytest.mark.parametrize("given", [False, True])
def test_it_decides_as_scikit_learn(
    name: Any, n_classes: Any, how: Any, raw: Any, scaled: Any, given: Any
) -> None:
    block, folds, targets = made_up(n_classes, how, raw)
    priors = np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum()
    estimator = LDA(**{**ESTIMATORS[name].get_params(), "priors": priors if given else None})
    engine = recognise(estimator, scaled, folds, targets)
    assert isinstance(engine, LdaEngine)
    assert_decides_as(engine, estimator, scaled, block, folds, targets)


@pytest.mark.parametrize("n_classes", [2, 3, 8])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("how", ["runs", "shuffled"])
@pytest.mark.parametrize("alpha", [1e-2, 30.0])
def test_a_penalty_without_labels_decides_as_scikit_learn(
    n_classes: Any, scaled: Any, how: Any, alpha: Any
) -> None:
    block, folds, targets = made_up(n_classes, how, raw=True, n=96)
    alpha *= 1 if scaled else 1e4
    for priors in (None, [1 / n_classes] * n_classes):
        covariance = RidgeCovariance(alpha=alpha)
        estimator = LDA(solver="lsqr", covariance_estimator=covariance, priors=priors)
        engine = recognise(estimator, scaled, folds, targets)
        assert isinstance(engine, LdaEngine if priors else SharedLdaEngine)
        assert_decides_as(engine, estimator, scaled, block, folds, targets)


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc"])
def test_equal_classes_score_as_scikit_learn(scoring: Any) -> None:
    y = (np.arange(N) // 4 % 2).astype(np.int16)
    rng = np.random.default_rng(0)
    groups = np.arange(N) % 4
    rows = [y]
    for _ in range(3):
        rows.append(y.copy())
        for g in range(4):
            rows[-1][groups == g] = rng.permutation(y[groups == g])
    folds, targets = leave_out(groups), Targets(np.array(rows), np.arange(2))
    block = make_block(N, SIZES, mean=10_000, sd=100, y=y)
    for alpha in (1.0, 1e4):
        estimator = LDA(solver="lsqr", covariance_estimator=RidgeCovariance(alpha=alpha))
        engine = recognise(estimator, False, folds, targets)
        assert_scores_as(engine, estimator, False, block, folds, targets, scoring)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_singular_covariances_are_what_scikit_learn_makes_of_them(n_classes: Any) -> None:
    """A voxel twice, a constant one, classes with almost one mean, and more classes than voxels."""
    block, folds, targets = made_up(n_classes, "runs", False, [1, 2, 12, 60])
    values, members = block.values, block.members
    values[members[4]] = values[members[3]]
    values[members[5]] = 7.0
    values[members[20]] = values[members[21]]
    values[members[22]] = 0.0
    engine = recognise(LDA(), False, folds, targets)
    assert_decides_as(engine, LDA(), False, block, folds, targets)


def test_classes_on_one_line_lose_the_directions_that_scikit_learn_drops() -> None:
    y = np.arange(N).astype(np.int16) % 3
    block = make_block(N, [6, 70])
    block.values[:] += 1e4 * y * (np.arange(300) % 5)[:, None]
    folds, targets = leave_out(np.arange(N) % 4), Targets(y[None], np.arange(3))
    estimator = LDA(tol=1e-2)
    engine = recognise(estimator, False, folds, targets)
    assert_decides_as(engine, estimator, False, block, folds, targets)


def test_without_shrinkage_there_must_be_more_samples_than_voxels() -> None:
    block, folds, targets = made_up(3, "runs", True, [1, 5, 30])
    for solver in ("lsqr", "eigen"):
        engine = recognise(LDA(solver=solver), False, folds, targets)
        assert_decides_as(engine, LDA(solver=solver), False, block, folds, targets)


def test_many_samples() -> None:
    block, folds, targets = made_up(8, "runs", True, [18, 67], n=216)
    for estimator in (LDA(n_components=2), LDA(solver="lsqr", shrinkage="auto")):
        engine = recognise(estimator, False, folds, targets)
        assert_decides_as(engine, estimator, False, block, folds, targets)


def test_what_is_not_solved_is_declined() -> None:
    folds, targets = leave_out(np.arange(4) % 2), Targets(np.zeros((1, 4), np.int16), np.arange(2))
    for estimator, reason in (
        (LDA(solver="lsqr", covariance_estimator=OAS()), "other than RidgeCovariance"),
        (LDA(shrinkage=0.1), "svd solver"),
        (LDA(priors=[0.5, 0.6]), "priors"),
        (LDA(n_components=2), "components"),
        (
            LDA(solver="lsqr", shrinkage=0.1, covariance_estimator=RidgeCovariance()),
            "scikit-learn refuses",
        ),
    ):
        declined = recognise(estimator, False, folds, targets)
        assert isinstance(declined, str)
        assert reason in declined
    assert recognise(QuadraticDiscriminantAnalysis(), False, folds, targets) is None
