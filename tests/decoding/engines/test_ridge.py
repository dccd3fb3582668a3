from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeClassifier, RidgeClassifierCV
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from boldstream.decoding.engines.base import Block
from boldstream.decoding.engines.ridge import RidgeEngine, _means_that_count, recognise
from boldstream.decoding.engines.weights import train_means
from boldstream.decoding.solving.scored import score_spheres
from boldstream.decoding.task.names import find_engine
from boldstream.decoding.task.problem import Folds, Problem, Targets
from boldstream.kernels.decoding.scores import ACCURACY
from tests.decoding.engines.per_sphere import (
    METRICS,
    assert_decides_as,
    assert_scores_as,
    decide,
    leave_out,
    make_block,
    make_labels,
    make_targets,
    shuffle_split,
    spheres_of,
)

SIZES = [1, 5, 18, 40, 2]


def oracle(block: Block, folds: Folds, estimator: Any, scoring: str, y: np.ndarray) -> np.ndarray:
    cv = list(zip(folds.train, folds.test, strict=True))
    return np.array(
        [cross_val_score(estimator, x, y, cv=cv, scoring=scoring) for x in spheres_of(block)]
    )


def ours(block: Block, folds: Folds, estimator: Any, scoring: str, targets: Targets) -> Any:
    scaled = not hasattr(estimator, "alpha")
    engine = recognise(estimator[-1] if scaled else estimator, scaled, targets)
    assert isinstance(engine, RidgeEngine)
    return score_spheres(block, engine, Problem(folds, targets, METRICS[scoring]))


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize(
    ("scoring", "n_classes"),
    [
        ("accuracy", 2),
        ("balanced_accuracy", 2),
        ("roc_auc", 2),
        ("accuracy", 5),
        ("balanced_accuracy", 5),
    ],
)
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("how", ["groups", "shuffled"])
def test_a_classifier_scores_as_scikit_learn(
    scoring: str, n_classes: int, scaled: bool, intercept: bool, how: str
) -> None:
    rng = np.random.default_rng(1)
    n = 45
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)])
    groups = np.arange(n) % 4
    folds = leave_out(groups) if how == "groups" else shuffle_split(n)
    block = make_block(n, SIZES, mean=10_000, sd=100, constant=True)
    estimator = RidgeClassifier(alpha=30.0, fit_intercept=intercept)
    if scaled:
        estimator = make_pipeline(StandardScaler(), estimator)
    labellings = np.array([y] + [rng.permutation(y) for _ in range(3)], np.int16)
    targets = Targets(labellings, np.arange(n_classes))
    found = ours(block, folds, estimator, scoring, targets)
    expected = oracle(block, folds, estimator, scoring, y)
    np.testing.assert_allclose(found.folds, expected, atol=1e-12)
    np.testing.assert_allclose(found.means[:, 0], expected.mean(axis=1), atol=1e-12)
    if scoring == "accuracy":
        third = oracle(block, folds, estimator, scoring, labellings[2]).mean(axis=1)
        np.testing.assert_allclose(found.means[:, 2], third, atol=1e-12)


@pytest.mark.parametrize("scoring", ["r2", "neg_mean_squared_error"])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_regression_scores_as_scikit_learn(scoring: str, intercept: bool, scaled: bool) -> None:
    rng = np.random.default_rng(2)
    n = 40
    y = rng.normal(50, 3, n)
    folds = leave_out(np.arange(n) % 5)
    block = make_block(n, SIZES, mean=20, sd=5, constant=True)
    estimator = Ridge(alpha=10.0, fit_intercept=intercept)
    if scaled:
        estimator = make_pipeline(StandardScaler(), estimator)
    targets = Targets(y[None], None, offset=float(y.mean()))
    found = ours(block, folds, estimator, scoring, targets)
    expected = oracle(block, folds, estimator, scoring, y)
    np.testing.assert_allclose(found.folds, expected, rtol=1e-4, atol=1e-5)


def test_more_samples_than_small_systems_take() -> None:
    rng = np.random.default_rng(3)
    n = 260
    y = rng.integers(0, 2, n)
    for folds in (leave_out(np.arange(n) % 4), shuffle_split(n)):
        block = make_block(n, SIZES, mean=10_000, sd=100, constant=True)
        targets = Targets(y[None].astype(np.int16), np.arange(2))
        found = ours(block, folds, RidgeClassifier(alpha=5.0), "accuracy", targets)
        expected = oracle(block, folds, RidgeClassifier(alpha=5.0), "accuracy", y)
        np.testing.assert_allclose(found.folds, expected, atol=1e-12)


def test_a_tiny_penalty_beside_a_large_mean_keeps_its_digits() -> None:
    """λ(K + λI)⁻¹ has one eigenvalue of 1 beside ones of 1e-9."""
    rng = np.random.default_rng(4)
    n = 40
    y = rng.normal(size=n)
    values = (10_000 + 300 * rng.standard_normal((80, n))).astype(np.float32)
    block = Block(values, np.arange(80, dtype=np.int32), np.array([0, 80]))
    folds = leave_out(np.arange(n) % 4)
    targets = Targets(y[None], None)
    found = ours(block, folds, Ridge(alpha=1e-3), "r2", targets)
    expected = oracle(block, folds, Ridge(alpha=1e-3), "r2", y)
    np.testing.assert_allclose(found.folds, expected, rtol=1e-5)


@pytest.mark.parametrize("how", ["runs", "shuffled"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_few_voxels_of_raw_values_without_an_intercept_keep_their_digits(
    n_classes: int, how: str
) -> None:
    """Products of samples have a condition of 1e10 and more, and those of voxels as much less."""
    y = make_labels(48, n_classes, balanced=True)
    folds = leave_out(np.arange(48) % 4) if how == "runs" else shuffle_split(48)
    targets = make_targets(y, 2)
    block = make_block(48, [1, 3], mean=30_000.0, sd=300.0, y=y)
    engine = recognise(RidgeClassifier(fit_intercept=False), False, targets)
    # By singular values, scikit-learn's keep their digits.
    exact = RidgeClassifier(fit_intercept=False, solver="svd")
    assert_decides_as(engine, exact, False, block, folds, targets, rtol=2e-7)


@pytest.mark.parametrize("how", ["runs", "shuffled"])
@pytest.mark.parametrize("sd", [1e-3, 1e-4])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "estimator", [RidgeClassifier(), RidgeClassifierCV(alphas=[1.0])], ids=["fixed", "chosen"]
)
def test_small_values_beside_a_large_penalty_keep_their_digits(
    estimator: Any, n_classes: int, sd: float, how: str
) -> None:
    """Of balanced classes all that is decided is what float32 lost beside 1/n."""
    y = (np.arange(48) // 4 % n_classes).astype(np.int16)
    runs = np.arange(48) % 4
    folds = leave_out(runs)
    if how == "shuffled":
        folds = Folds(tuple(train[3 * n_classes :] for train in folds.train), folds.test, 48)
    targets, block = Targets(y[None], np.arange(n_classes)), make_block(48, SIZES, sd=sd, y=y)
    engine = find_engine(estimator, folds, targets, None)
    assert_decides_as(engine, estimator, False, block, folds, targets)


@pytest.mark.parametrize("how", ["runs", "shuffled"])
@pytest.mark.parametrize(("shares", "scoring"), [((3, 2), "roc_auc"), ((2, 2, 1), "accuracy")])
@pytest.mark.parametrize(
    "estimator",
    [RidgeClassifier(alpha=100.0), RidgeClassifierCV(alphas=[100.0])],
    ids=["fixed", "chosen"],
)
def test_small_differences_beside_that_of_sizes_of_classes(
    estimator: Any, shares: tuple[int, ...], scoring: str, how: str
) -> None:
    """All decisions of unequal classes are near that of the largest ones, but not equal."""
    y = np.tile(np.repeat(np.arange(len(shares)), shares), 12).astype(np.int16)
    n = len(y)
    folds = leave_out(np.arange(n) * 4 // n)
    if how == "shuffled":
        folds = Folds(tuple(train[sum(shares) :] for train in folds.train), folds.test, n)
    targets = make_targets(y, 2)
    engine = find_engine(estimator, folds, targets, None)
    for sd in (1e-2, 1e-4):
        block = make_block(n, SIZES, sd=sd, y=y)
        assert_decides_as(engine, estimator, False, block, folds, targets)
        assert_scores_as(engine, estimator, False, block, folds, targets, scoring)


@pytest.mark.parametrize("shares", [(1, 1, 1), (2, 2, 1)], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("how", ["runs", "shuffled"])
@pytest.mark.parametrize(
    "kind",
    [RidgeClassifier, lambda **given: RidgeClassifierCV(alphas=[1.0], **given)],
    ids=["fixed", "chosen"],
)
def test_small_differences_between_three_classes_of_raw_values_without_an_intercept(
    kind: Any, how: str, shares: tuple[int, ...]
) -> None:
    """What voxels' means make of all classes alike is 1e4 times what tells them apart."""
    y = np.tile(np.repeat(np.arange(3), shares), 12).astype(np.int16)
    n = len(y)
    folds = leave_out(np.arange(n) * 4 // n)
    if how == "shuffled":
        folds = Folds(tuple(train[sum(shares) :] for train in folds.train), folds.test, n)
    targets = Targets(y[None], np.arange(3))
    block = make_block(n, [1, 2], mean=1000.0, sd=0.1, y=y)
    engine = find_engine(kind(fit_intercept=False), folds, targets, None)
    # By singular values, scikit-learn's keep their digits.
    exact = RidgeClassifier(fit_intercept=False, solver="svd")
    assert_decides_as(engine, exact, False, block, folds, targets)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("n_classes", [3, 5])
def test_a_class_that_a_fold_has_not_is_not_predicted(n_classes: int, intercept: bool) -> None:
    """It is −1 throughout; without an intercept what is fitted to that may be above the others."""
    y = (np.arange(36) % (n_classes - 1)).astype(np.int16)
    y[[3, 8]] = n_classes - 1
    folds, targets = leave_out(np.arange(36) // 9), Targets(y[None], np.arange(n_classes))
    estimator = RidgeClassifier(fit_intercept=intercept)
    engine = recognise(estimator, False, targets)
    block = make_block(36, SIZES, y=y)
    assert_scores_as(engine, estimator, False, block, folds, targets)
    assert np.isneginf(decide(engine, block, folds, targets)[:, 0, :9, -1]).all()


def test_labellings_do_not_depend_on_how_many_there_are() -> None:
    rng = np.random.default_rng(5)
    y = np.array([rng.permutation(np.arange(36) % 3) for _ in range(50)], np.int16)
    block, folds = make_block(36, SIZES, mean=0, sd=1, constant=True), leave_out(np.arange(36) % 4)
    engine = RidgeEngine(1.0, True, False)
    whole = score_spheres(block, engine, Problem(folds, Targets(y, np.arange(3)), ACCURACY))
    one = score_spheres(block, engine, Problem(folds, Targets(y[:1], np.arange(3)), ACCURACY))
    np.testing.assert_array_equal(whole.means[:, :1], one.means)


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (RidgeClassifier(class_weight="balanced"), "class weights"),
        (Ridge(alpha=0), "penalty"),
        (Ridge(positive=True), "positive"),
    ],
)
def test_what_is_not_solved_is_declined(estimator: Any, reason: str) -> None:
    targets = Targets(np.zeros((1, 4)), None)
    declined = recognise(estimator, False, targets)
    assert isinstance(declined, str)
    assert reason in declined


def test_another_family_is_not_known() -> None:
    targets = Targets(np.zeros((1, 4)), None)
    assert recognise(StandardScaler(), False, targets) is None


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_means_of_many_classes_are_less_the_largest_of_their_labelling(n_classes: int) -> None:
    rng = np.random.default_rng(8)
    n, folds = 12, Folds((np.array([0, 1, 2, 2, 7]), np.arange(3, 12)), (np.arange(3),) * 2, 12)
    given = rng.normal(size=(4, n)) if n_classes == 0 else rng.integers(n_classes, size=(4, n))
    targets = Targets(
        given if n_classes == 0 else given.astype(np.int16),
        np.arange(n_classes) if n_classes else None,
    )
    found = _means_that_count(targets, folds)
    means = np.array([targets.regressed[:, train].mean(axis=1) for train in folds.train])
    if n_classes < 3:
        np.testing.assert_allclose(found, means, rtol=1e-12)
    else:
        each, expected = found.reshape(2, 4, 3), means.reshape(2, 4, 3)
        np.testing.assert_array_equal(each.max(axis=2), 0)
        np.testing.assert_allclose(np.diff(each), np.diff(expected), rtol=0, atol=1e-12)
    assert train_means(targets, folds) is train_means(targets, folds)
    others = Folds((np.arange(5),), (np.arange(5, 7),), n)
    expected = targets.regressed[:, :5].mean(axis=1)[None]
    np.testing.assert_allclose(train_means(targets, others), expected, atol=1e-12)


def test_means_of_equal_classes_are_nothing() -> None:
    """No rounding is left of them, so that nothing is added to what float32 holds."""
    y = np.random.default_rng(9).permuted(np.tile([0, 1], (100, 21)), axis=1).astype(np.int16)
    folds = Folds((np.arange(42),), (np.arange(1),), 42)
    assert not train_means(Targets(y, np.arange(2)), folds).any()
