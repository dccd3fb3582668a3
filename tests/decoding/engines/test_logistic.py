from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.logistic import LogisticEngine, recognise
from boldstream.decoding.task.problem import Folds, Targets
from tests.decoding.engines.per_sphere import (
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
from tests.fuzz.solving.fold import Fold
from tests.fuzz.solving.logistic import by_logistic

N = 48
# Since scikit-learn 1.8 a share of absolute weights asks for them by itself.
BY_RATIO = [
    ({"l1_ratio": ratio, "solver": "saga"}, f"penalty='deprecated', l1_ratio={ratio}")
    for ratio in (1.0, 0.5)
    if LogisticRegression().penalty == "deprecated"
]
SIZES = [1, 5, 18, 40, 70]
FOLDS = {"runs": leave_out(np.arange(N) // 13), "shuffled": shuffle_split(N)}
EXACTLY: dict[str, Any] = {"tol": 1e-10, "max_iter": 10_000}
# scikit-learn goes on by L-BFGS then, to the same optimum.
pytestmark = pytest.mark.filterwarnings("ignore:Line search of Newton solver")


@pytest.mark.parametrize("folds", FOLDS)
@pytest.mark.parametrize("n_classes", [2, 3, 8])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"class_weight": "balanced", "C": 0.1},
        {"fit_intercept": False, "C": 5.0},
        {"class_weight": {0: 0.5, 1: 2.0}},
    ],
    ids=["default", "balanced", "no intercept", "weights"],
)
def test_decides_as_scikit_learn(
    folds: str, n_classes: int, scaled: bool, settings: dict[str, Any]
) -> None:
    settings = dict(settings)
    if isinstance(settings.get("class_weight"), dict):
        settings["class_weight"] |= dict.fromkeys(range(2, n_classes), 1.5)
    estimator = LogisticRegression(solver="newton-cholesky", **settings, **EXACTLY)
    y = make_labels(N, n_classes, balanced=False)
    targets = make_targets(y, n_permutations=0)
    engine = recognise(estimator, scaled, targets)
    # Of a constant voxel and balanced classes all decisions are 0, but for rounding.
    constant = settings.get("class_weight") != "balanced"
    block = make_block(N, SIZES, y=y, constant=constant)
    assert_decides_as(engine, estimator, scaled, block, FOLDS[folds], targets)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    "settings",
    [{}, {"intercept_scaling": 4.0, "class_weight": "balanced"}, {"fit_intercept": False}],
)
def test_liblinear_penalises_the_intercept(scaled: bool, settings: dict[str, Any]) -> None:
    estimator = LogisticRegression(solver="liblinear", **settings, **EXACTLY)
    y = make_labels(N, 2, balanced=False)
    targets = make_targets(y, n_permutations=1)
    block = make_block(N, SIZES, y=y, mean=2.0)
    engine = recognise(estimator, scaled, targets)
    assert_decides_as(engine, estimator, scaled, block, FOLDS["runs"], targets)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky", "sag", "saga"])
def test_solvers_that_have_the_same_optimum(solver: str) -> None:
    estimator = LogisticRegression(solver=solver, C=0.1, tol=1e-7, max_iter=100_000)
    y = make_labels(N, 2, balanced=True)
    targets = make_targets(y, n_permutations=0)
    engine = recognise(estimator, False, targets)
    block = make_block(N, [5, 70], y=y)
    assert_decides_as(engine, estimator, False, block, FOLDS["runs"], targets, rtol=1e-4)


@pytest.mark.parametrize(
    ("scoring", "n_classes"),
    [("accuracy", 2), ("balanced_accuracy", 2), ("roc_auc", 2), ("accuracy", 5)],
)
def test_scores_as_scikit_learn(scoring: str, n_classes: int) -> None:
    y = make_labels(N, n_classes, balanced=True)
    targets = make_targets(y)
    estimator = LogisticRegression(solver="newton-cholesky", **EXACTLY)
    block = make_block(N, SIZES, y=y)
    engine = recognise(estimator, True, targets)
    assert_scores_as(engine, estimator, True, block, FOLDS["runs"], targets, scoring)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_raw_bold(n_classes: int) -> None:
    """With a free intercept nothing changes if the mean is taken out; the scale is a penalty."""
    y = make_labels(N, n_classes, balanced=True)
    block = make_block(N, SIZES, mean=10_000, sd=100, y=y, constant=True)
    assert_decides_raw(block, FOLDS["runs"], make_targets(y, 1))


@pytest.mark.parametrize("seed", range(8))
def test_steps_end_where_rounding_hides_what_they_gain(seed: int) -> None:
    """Of raw images the objective is small, and its terms are large."""
    y = make_labels(N, 4, balanced=True)
    block = make_block(N, [40, 70], mean=10_000, sd=100, y=y, seed=seed)
    assert_decides_raw(block, FOLDS["runs"], make_targets(y, 1))


def assert_decides_raw(block: Block, folds: Folds, targets: Targets) -> None:
    found = decide(LogisticEngine(1.0, None, np.inf, False), block, folds, targets)
    away = LogisticRegression(solver="newton-cholesky", C=1e4, **EXACTLY)
    for s, x in enumerate(spheres_of(block)):
        x = (x - x.mean(axis=0)) / 100
        for label, labels in enumerate(targets.labellings):
            at = 0
            for train, test in zip(folds.train, folds.test, strict=True):
                expected = away.fit(x[train], labels[train]).decision_function(x[test])
                expected = expected.reshape(len(test), -1)
                if expected.shape[1] > 1:
                    expected -= expected.mean(axis=1, keepdims=True)
                np.testing.assert_allclose(
                    found[s, label, at : at + len(test)],
                    expected,
                    atol=1e-4 * np.abs(expected).max(),
                )
                at += len(test)


@pytest.mark.parametrize("n_voxels", [18, 45, 120])
@pytest.mark.parametrize("apart", [1, 3, 10])
@pytest.mark.parametrize("seed", range(4))
def test_classes_far_apart_in_voxels_of_very_different_size(
    seed: int, apart: float, n_voxels: int
) -> None:
    """The loss is next to nothing, and so is what small voxels add to products of samples."""
    rng, y = np.random.default_rng(seed), make_labels(35, 3, balanced=False)
    x = rng.standard_normal((n_voxels, 35)) + rng.standard_normal((n_voxels, 3))[:, y] * apart
    x *= 10.0 ** rng.uniform(-3, 4, (n_voxels, 1))
    block = Block(
        x.astype(np.float32), np.arange(n_voxels, dtype=np.int32), np.array([0, n_voxels])
    )
    folds, estimator = leave_out(np.arange(35) % 3), LogisticRegression(C=100, fit_intercept=False)
    found = decide(LogisticEngine(100, None, 0.0, False), block, folds, make_targets(y, 0))[0, 0]
    (x,), at = spheres_of(block), 0
    for train, test in zip(folds.train, folds.test, strict=True):
        exact = by_logistic(estimator, Fold(x[train], y[train], x[test], values=False))
        assert exact is not None
        expected = exact.columns - exact.columns.mean(axis=1, keepdims=True)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found[at : at + len(test)], expected, rtol=0, atol=2e-6 * scale)
        at += len(test)


def test_two_classes_swapped_give_the_same_scores() -> None:
    y = make_labels(N, 2, balanced=True)
    block, folds, targets = make_block(N, SIZES, y=y), FOLDS["runs"], make_targets(y)
    engine = LogisticEngine(1.0, None, np.inf, False)
    swapped = Targets(1 - targets.labellings, targets.classes)
    found = decide(engine, block, folds, targets)
    np.testing.assert_allclose(found, -decide(engine, block, folds, swapped), atol=1e-5)


def test_a_class_that_a_fold_has_not_is_not_predicted() -> None:
    y = np.repeat([0, 1, 2, 0, 1, 2, 3, 3], 6).astype(np.int16)
    folds = Folds((np.arange(36), np.arange(12, N)), (np.arange(36, N), np.arange(12)), N)
    targets = Targets(y[None], np.arange(4))
    block = make_block(N, SIZES, y=y)
    estimator = LogisticRegression(solver="newton-cholesky", **EXACTLY)
    engine = recognise(estimator, False, targets)
    assert_scores_as(engine, estimator, False, block, folds, targets)
    assert isinstance(engine, Engine)
    assert np.isneginf(decide(engine, block, folds, targets)[:, 0, :12, 3]).all()


@pytest.mark.parametrize("weight", [None, "balanced", {0: 0.3, 1: 2.0, 2: 5.0}])
@pytest.mark.parametrize("intercept", [False, True])
def test_two_of_more_classes_are_penalised_as_two(intercept: bool, weight: Any) -> None:
    """Permuted labels may leave a fold two: then scikit-learn fits no softmax."""
    y = np.repeat([0, 1, 0, 1, 0, 1, 2, 2], 6).astype(np.int16)
    folds = Folds((np.arange(36), np.arange(12, N)), (np.arange(36, N), np.arange(12)), N)
    targets, block = Targets(y[None], np.arange(3)), make_block(N, SIZES, y=y)
    estimator = LogisticRegression(
        solver="newton-cholesky", C=0.1, fit_intercept=intercept, class_weight=weight, **EXACTLY
    )
    engine = recognise(estimator, False, targets)
    assert_scores_as(engine, estimator, False, block, folds, targets)
    assert isinstance(engine, Engine)
    found = decide(engine, block, folds, targets)[:, 0, :12]
    for s, x in enumerate(spheres_of(block)):
        expected = estimator.fit(x[:36], y[:36]).decision_function(x[36:])
        np.testing.assert_allclose(
            found[s, :, 1] - found[s, :, 0], expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max()
        )


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        *BY_RATIO,
        ({"penalty": "elasticnet", "l1_ratio": 0.5}, "penalty='elasticnet', l1_ratio=0.5"),
        ({"penalty": "l1", "solver": "liblinear"}, "penalty='l1'"),
        ({"penalty": None}, "penalty=None"),
        ({"C": np.inf}, "C=inf"),
        ({"C": 0.0}, "C=0.0"),
        ({"warm_start": True}, "warm_start=True"),
        ({"class_weight": {0: -1.0, 1: 1.0}}, "a class weight that is not positive"),
    ],
)
def test_what_is_not_solved_is_told(settings: dict[str, Any], reason: str) -> None:
    targets = make_targets(make_labels(N, 2, balanced=True))
    said = recognise(LogisticRegression(**settings), False, targets)
    assert isinstance(said, str)
    assert said.startswith(reason)


@pytest.mark.parametrize("several", ["ovr", "multinomial"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_what_scikit_learn_before_1_8_made_of_several_classes_is_left_to_it(
    n_classes: int, several: str
) -> None:
    targets = make_targets(make_labels(N, n_classes, balanced=True))
    estimator = LogisticRegression()
    estimator.multi_class = several
    said = recognise(estimator, False, targets)
    assert said == f"multi_class={several!r}"
    for usual in ("auto", "deprecated"):
        estimator.multi_class = usual
        assert isinstance(recognise(estimator, False, targets), LogisticEngine)


def test_liblinear_has_two_classes_only() -> None:
    targets = make_targets(make_labels(N, 3, balanced=True))
    estimator = LogisticRegression(solver="liblinear")
    said = recognise(estimator, False, targets)
    assert said == "solver='liblinear' of more than two classes"


def test_what_is_recognised() -> None:
    targets = make_targets(make_labels(N, 2, balanced=True))
    assert recognise(LogisticRegressionCV(), False, targets) is None
    assert recognise(LogisticRegression(penalty="l2", C=2), True, targets) == (
        LogisticEngine(2.0, None, np.inf, True)
    )
