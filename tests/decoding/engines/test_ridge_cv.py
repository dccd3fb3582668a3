from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge, RidgeClassifier, RidgeClassifierCV, RidgeCV
from sklearn.preprocessing import StandardScaler

from boldstream.decoding.engines.ridge_cv import RidgeCvEngine, recognise
from boldstream.decoding.task.problem import Folds, Targets
from tests.decoding.engines.per_sphere import (
    assert_decides_as,
    assert_scores_as,
    leave_out,
    make_block,
    make_labels,
    make_targets,
    shuffle_split,
    spheres_of,
)

SIZES = [1, 2, 9, 30, 80]
N = 48
ALPHAS = (1e-2, 1.0, 30.0, 1e3, 1e5)


def chosen_by_scikit_learn(
    estimator: Any, scaled: Any, block: Any, folds: Folds, labellings: Any
) -> np.ndarray:
    """Penalties (spheres, folds, labellings)."""
    out = np.empty((len(block), len(folds.test), len(labellings)))
    for s, x in enumerate(spheres_of(block)):
        for f, train in enumerate(folds.train):
            some = StandardScaler().fit_transform(x[train]) if scaled else x[train]
            for label, y in enumerate(labellings):
                out[s, f, label] = clone(estimator).fit(some, y[train]).alpha_
    return out


def assert_chooses_as(
    engine: Any, estimator: Any, scaled: Any, block: Any, folds: Any, targets: Any
) -> None:
    shape = (len(block), len(targets.labellings), folds.n_tests, targets.n_columns)
    chosen = engine.choose(block, folds, targets, np.empty(shape, np.float32))
    found = np.array(engine.alphas)[chosen]
    expected = chosen_by_scikit_learn(estimator, scaled, block, folds, targets.labellings)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_a_classifier_chooses_and_decides_as_scikit_learn(
    n_classes: Any, scaled: Any, raw: Any, intercept: Any
) -> None:
    y = make_labels(N, n_classes, balanced=False)
    folds = leave_out(np.arange(N) % 4) if intercept else shuffle_split(N)
    # Without an intercept, scikit-learn itself loses its digits beside a large mean.
    mean = 10_000.0 if intercept or scaled else 300.0
    block = make_block(N, SIZES, mean=mean if raw else 0.0, sd=100.0 if raw else 1.0, y=y)
    targets = make_targets(y, 1)
    alphas = ALPHAS if raw else (0.1, 1.0, 10.0)
    estimator = RidgeClassifierCV(alphas=alphas, fit_intercept=intercept)
    engine = recognise(estimator, scaled, targets)
    assert isinstance(engine, RidgeCvEngine)
    assert_chooses_as(engine, estimator, scaled, block, folds, targets)
    rtol = 1e-5 if intercept or scaled else 1e-4
    assert_decides_as(engine, estimator, scaled, block, folds, targets, rtol=rtol)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc"])
def test_a_classifier_scores_as_scikit_learn(scaled: Any, scoring: Any) -> None:
    y = make_labels(N, 2, balanced=True)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y)
    block = make_block(N, SIZES, mean=10_000, sd=100, y=y)
    engine = recognise(RidgeClassifierCV(), scaled, targets)
    assert_scores_as(engine, RidgeClassifierCV(), scaled, block, folds, targets, scoring)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_a_regression_predicts_as_scikit_learn(scaled: Any, intercept: Any) -> None:
    rng = np.random.default_rng(0)
    block = make_block(N, SIZES, mean=50, sd=5)
    y = 50 + block.values[:20].sum(axis=0) * 0.05 + rng.normal(0, 2, N)
    labellings = np.array([y] + [rng.permutation(y) for _ in range(2)])
    targets = Targets(labellings, None, offset=0.0)
    folds = leave_out(np.arange(N) % 4)
    estimator = RidgeCV(alphas=ALPHAS, fit_intercept=intercept)
    engine = recognise(estimator, scaled, targets)
    assert isinstance(engine, RidgeCvEngine)
    assert_chooses_as(engine, estimator, scaled, block, folds, targets)
    assert_decides_as(engine, estimator, scaled, block, folds, targets)
    away = Targets(labellings, None, offset=float(y.mean()))
    shape = (len(block), 3, folds.n_tests, 1)
    found, moved = np.empty(shape, np.float32), np.empty(shape, np.float32)
    engine.decide(block, folds, targets, found)
    engine.decide(block, folds, away, moved)
    # float32 holds what is near the offset to some 1e-7 of it.
    np.testing.assert_allclose(moved + away.offset, found, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_few_voxels_beside_a_large_mean_keep_their_digits(scale: float) -> None:
    """Without an intercept two voxels of raw images have a condition of 1e9, not its square."""
    y = make_labels(N, 2, balanced=True)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y, 1)
    block = make_block(N, [2, 5], mean=10_000.0 * scale, sd=100.0 * scale, y=y)
    estimator = RidgeClassifierCV(alphas=(1.0,), fit_intercept=False)
    engine = recognise(estimator, False, targets)
    # By singular values, scikit-learn's keep their digits too.
    exact = RidgeClassifier(alpha=1.0, fit_intercept=False, solver="svd")
    assert_decides_as(engine, exact, False, block, folds, targets)


def test_many_samples_and_constant_voxels() -> None:
    n = 240
    y = make_labels(n, 2, balanced=False)
    folds, targets = leave_out(np.arange(n) % 4), make_targets(y, 1)
    block = make_block(n, [18, 60], y=y, constant=True, mean=10_000, sd=100)
    for scaled in (False, True):
        engine = recognise(RidgeClassifierCV(alphas=ALPHAS), scaled, targets)
        assert_decides_as(engine, RidgeClassifierCV(alphas=ALPHAS), scaled, block, folds, targets)


def test_of_equally_good_penalties_the_first_is_taken() -> None:
    y = make_labels(N, 2, balanced=True)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y, 0)
    block = make_block(N, [2], constant=True)
    block.values[:] = 5.0
    for alphas in ((10.0, 1.0), (1.0, 10.0)):
        engine = recognise(RidgeClassifierCV(alphas=alphas), False, targets)
        assert isinstance(engine, RidgeCvEngine)
        shape = (len(block), 1, folds.n_tests, 1)
        assert (engine.choose(block, folds, targets, np.empty(shape, np.float32)) == 0).all()


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("n_classes", [3, 5])
def test_a_class_that_a_fold_has_not(n_classes: int, intercept: bool, scaled: bool) -> None:
    """It is not predicted, and has no say in the penalty."""
    y = (np.arange(N) % (n_classes - 1)).astype(np.int16)
    y[[3, 8]] = n_classes - 1
    folds, targets = leave_out(np.arange(N) // 12), Targets(y[None], np.arange(n_classes))
    estimator = RidgeClassifierCV(alphas=(0.1, 1.0, 3.0, 10.0, 30.0), fit_intercept=intercept)
    engine = recognise(estimator, scaled, targets)
    for seed in range(4):
        block = make_block(N, SIZES, y=y, seed=seed)
        assert_chooses_as(engine, estimator, scaled, block, folds, targets)
        assert_scores_as(engine, estimator, scaled, block, folds, targets)


def test_what_is_not_solved_is_declined() -> None:
    targets = Targets(np.zeros((1, 4), np.int16), np.arange(2))
    for estimator, reason in (
        (RidgeCV(cv=3), "other folds"),
        (RidgeCV(scoring="r2"), "scoring 'r2'"),
        (RidgeClassifierCV(class_weight="balanced"), "class weights"),
        (RidgeCV(alphas=(0.0, 1.0)), "positive"),
        (RidgeCV(alphas=(1.0, np.inf)), "positive"),
        (RidgeCV(alphas=(1.0, -1.0)), "positive"),
        (RidgeCV(alphas=()), "positive"),
        (RidgeCV(alphas=((1.0,), (2.0,))), "positive"),
    ):
        declined = recognise(estimator, False, targets)
        assert isinstance(declined, str)
        assert reason in declined
    assert recognise(Ridge(), False, targets) is None
