"""Scores of an engine's decisions by scikit-learn, and how much is worked on at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)

from boldstream.core.errors import ParameterError
from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.bayes import BayesEngine
from boldstream.decoding.engines.centroid import CentroidEngine
from boldstream.decoding.engines.ridge import RidgeEngine
from boldstream.decoding.solving import scored
from boldstream.decoding.solving.scored import Scored, chunk_length, score_spheres
from boldstream.decoding.task.problem import Folds, Problem, Targets
from boldstream.kernels.decoding.scores import ACCURACY, BALANCED_ACCURACY, NEG_MSE, R2, ROC_AUC
from tests.decoding.engines.per_sphere import make_block, spheres_of

N = 12
# Unequal folds, and a sample that is tested twice.
FOLDS = Folds((np.arange(4, N), np.arange(6)), (np.arange(5), np.array([6, 7, 7, 8, 9, 10, 11])), N)
TESTS = np.concatenate(FOLDS.test)


class Sums(Engine):
    """Decides by sums over voxels and codes of neighbours; tells what it was given."""

    title = "sums"

    def __init__(self) -> None:
        self.given: list[tuple[int, ...]] = []

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        self.given.append(out.shape)
        for s, x in enumerate(spheres_of(block)):
            for label, y in enumerate(targets.labellings):
                for c in range(targets.n_columns):
                    out[s, label, :, c] = (x.sum(axis=1) * (1 - c) + np.roll(y, c + 1))[TESTS]


class AskedError(Exception):
    """Holds the shape that an engine was asked for."""


class Asking(Engine):
    """Solves nothing: tells how much it is given at first."""

    title = "asking"

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        raise AskedError(out.shape)


def targets_of(n_classes: int) -> Targets:
    """Three labellings; of no classes, values."""
    rng = np.random.default_rng(n_classes)
    if not n_classes:
        return Targets(50 + rng.normal(size=(3, N)), None, 49.5)
    rows = [np.arange(N) % n_classes, np.arange(N) // 2 % n_classes, np.arange(N)[::-1] % n_classes]
    return Targets(np.array(rows, np.int16), np.arange(n_classes))


def score(metric: int, decided: np.ndarray, truth: np.ndarray) -> float:
    """By scikit-learn, of decision values (tests, columns) of a fold."""
    codes = (decided[:, 0] > 0) if decided.shape[1] == 1 else decided.argmax(axis=1)
    found: Any = {
        ACCURACY: lambda: accuracy_score(truth, codes),
        BALANCED_ACCURACY: lambda: balanced_accuracy_score(truth, codes),
        ROC_AUC: lambda: roc_auc_score(truth, decided[:, 0]),
        R2: lambda: r2_score(truth, decided[:, 0].astype(float) + 49.5),
        NEG_MSE: lambda: -mean_squared_error(truth, decided[:, 0].astype(float) + 49.5),
    }[metric]()
    return float(found)


@pytest.mark.parametrize(
    ("metric", "n_classes"),
    [
        (ACCURACY, 2),
        (ACCURACY, 3),
        (BALANCED_ACCURACY, 2),
        (BALANCED_ACCURACY, 3),
        (ROC_AUC, 2),
        (R2, 0),
        (NEG_MSE, 0),
    ],
)
def test_scores_are_those_of_scikit_learn(metric: int, n_classes: int) -> None:
    block, targets, engine = make_block(N, [2, 5, 3, 1]), targets_of(n_classes), Sums()
    problem = Problem(FOLDS, targets, metric)
    found = score_spheres(block, engine, problem, keep_decisions=True)
    assert engine.given == [(4, 3, 12, targets.n_columns)]
    decided = np.empty(engine.given[0], np.float32)
    engine.decide(block, FOLDS, targets, decided)
    for s, label in np.ndindex(4, 3):
        y = targets.labellings[label][TESTS]
        folds = [
            score(metric, decided[s, label, :5], y[:5]),
            score(metric, decided[s, label, 5:], y[5:]),
        ]
        assert found.means[s, label] == pytest.approx(np.mean(folds))
        if label == 0:
            np.testing.assert_allclose(found.folds[s], folds)
    np.testing.assert_array_equal(found.decisions, decided[:, 0])
    assert score_spheres(block, engine, problem).decisions is None


def test_predictions_follow_from_decisions() -> None:
    one = np.array([[1.0, 0.0, -1.0], [-2.0, 0.5, 3.0]], np.float32)[:, :, None]
    nothing = np.empty((2, 0))
    binary = Scored(nothing, nothing, one).predicted(Targets(np.zeros((1, 3)), np.arange(2)))
    # 0 is on neither side, and taken for the first class.
    np.testing.assert_array_equal(binary, [[1, 0, 0], [0, 1, 1]])
    assert binary.dtype == np.int16
    three = np.array([[[1, 3, 2], [4, 4, 0]], [[0, 1, 1], [0, -1, 7]]], np.float32)
    several = Scored(nothing, nothing, three).predicted(Targets(np.zeros((1, 2)), np.arange(3)))
    np.testing.assert_array_equal(several, [[1, 0], [1, 2]])
    assert several.dtype == np.int16
    values = Scored(nothing, nothing, one).predicted(Targets(np.zeros((1, 3)), None, 1e9))
    np.testing.assert_array_equal(values, one[:, :, 0].astype(float) + 1e9)


def test_of_what_is_not_solved_there_is_no_score() -> None:
    class Lost(Sums):
        def decide(self, block: Any, folds: Any, targets: Any, out: Any) -> None:
            super().decide(block, folds, targets, out)
            out[1, 2, 4] = np.nan

    with pytest.raises(ParameterError, match="200 steps"):
        score_spheres(make_block(N, [2, 5]), Lost(), Problem(FOLDS, targets_of(2), ACCURACY))


def test_values_that_do_not_rank_are_scored_but_by_roc_auc() -> None:
    block, targets = make_block(N, [5]), targets_of(2)
    with pytest.raises(ValueError, match="do not rank samples"):
        score_spheres(block, CentroidEngine(False), Problem(FOLDS, targets, ROC_AUC))
    found = score_spheres(block, CentroidEngine(False), Problem(FOLDS, targets, ACCURACY))
    assert np.isfinite(found.means).all()


def one_fold(n: int) -> Folds:
    return Folds((np.arange(n),), (np.arange(n),), n)


@pytest.mark.parametrize(
    ("n_spheres", "n_tests", "given"), [(64, 1 << 10, 10), (64, 1 << 14, 4), (96, 1 << 16, 1)]
)
def test_memory_does_not_grow_with_labellings(n_spheres: int, n_tests: int, given: int) -> None:
    """Of 4 Mi decisions at a time ten labellings have all, a part, or one of them too many."""
    targets = Targets(np.zeros((10, n_tests), np.int16), np.arange(2))
    with pytest.raises(AskedError) as asked:
        score_spheres(
            make_block(4, [1] * n_spheres), Asking(), Problem(one_fold(n_tests), targets, ACCURACY)
        )
    assert asked.value.args[0] == (n_spheres, given, n_tests, 1)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_labellings_that_are_worked_on_apart_keep_their_places(
    n_classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    block, whole, apart = make_block(N, [2, 5]), Sums(), Sums()
    labellings = rng.permuted(np.tile(targets_of(n_classes).labellings[0], (7, 1)), axis=1)
    targets = Targets(labellings, np.arange(n_classes) if n_classes else None)
    problem = Problem(FOLDS, targets, ACCURACY if n_classes else R2)
    expected = score_spheres(block, whole, problem, keep_decisions=True)
    monkeypatch.setattr(scored, "_MOST", 3 * 2 * len(TESTS) * targets.n_columns)
    found = score_spheres(block, apart, problem, keep_decisions=True)
    assert [shape[1] for shape in whole.given] == [7]
    assert [shape[1] for shape in apart.given] == [3, 3, 1]
    assert len(np.unique(expected.means)) > 2
    for name in ("means", "folds", "decisions"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)


RIDGE, BAYES = RidgeEngine(1.0, True, False), BayesEngine(None, 1e-9, False)


@pytest.mark.parametrize(
    ("engine", "n_tests", "n_classes", "n_labellings"),
    [
        (RIDGE, 10, 2, 1),
        (RIDGE, 10, 3, 1_000),
        (RIDGE, 200, 2, 10_000),
        (BAYES, 10, 2, 1),
        (BAYES, 10, 2, 5_000),
        (BAYES, 1_000, 4, 1),
        (BAYES, 1_000, 4, 500),
        (BAYES, 10, 2, 5_000_000),
    ],
)
def test_as_many_spheres_as_fit(
    engine: Engine, n_tests: int, n_classes: int, n_labellings: int
) -> None:
    """4 MiB of decisions, for engines that share no work of all labellings; 32 MiB of scores."""
    # As views of one number they take no memory.
    codes = np.broadcast_to(np.zeros(1, np.int16), (n_labellings, n_tests))
    targets = Targets(codes, np.arange(n_classes))
    decisions = 4 * n_tests * targets.n_columns * (n_labellings if engine is RIDGE else 1)
    fitting = [
        n
        for n in range(1, engine.spheres + 1)
        if n * decisions <= 4 << 20 and n * n_labellings * 8 <= 32 << 20
    ]
    found = chunk_length(Problem(one_fold(n_tests), targets, ACCURACY), engine)
    assert found == max(fitting, default=1)
