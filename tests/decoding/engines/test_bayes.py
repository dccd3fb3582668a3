from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.naive_bayes import BernoulliNB, GaussianNB

from boldstream.decoding.engines.bayes import recognise
from boldstream.decoding.task.problem import Targets
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

SIZES = [1, 2, 9, 30, 80]
N = 48


@pytest.mark.parametrize("n_classes", [2, 3, 8])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("how", ["runs", "shuffled"])
@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("smoothing", [1e-9, 1e-2])
def test_it_decides_as_scikit_learn(
    n_classes: Any, scaled: Any, how: Any, raw: Any, smoothing: Any
) -> None:
    n = N * (2 if n_classes == 8 else 1)
    y = make_labels(n, n_classes, balanced=False)
    folds = leave_out(np.arange(n) % 4) if how == "runs" else shuffle_split(n)
    block = make_block(n, SIZES, mean=10_000.0 if raw else 0.0, sd=100.0 if raw else 1.0, y=y)
    targets = make_targets(y, 2)
    estimator = GaussianNB(var_smoothing=smoothing)
    engine = recognise(estimator, scaled, targets)
    assert_decides_as(engine, estimator, scaled, block, folds, targets)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("scoring", ["accuracy", "balanced_accuracy"])
def test_it_scores_as_scikit_learn(n_classes: Any, scoring: Any) -> None:
    y = make_labels(N, n_classes, balanced=True)
    folds = leave_out(np.arange(N) % 4)
    priors = np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum()
    for estimator in (GaussianNB(), GaussianNB(priors=priors)):
        block, targets = make_block(N, SIZES, y=y), make_targets(y)
        engine = recognise(estimator, False, targets)
        assert_scores_as(engine, estimator, False, block, folds, targets, scoring)


@pytest.mark.parametrize("scaled", [False, True])
def test_constant_and_nearly_constant_voxels(scaled: Any) -> None:
    y = make_labels(N, 2, balanced=False)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y)
    block = make_block(N, [5, 30, 80, 80], y=y, constant=True)
    # Constant but in one sample; constant within classes; a variance of 1e-8 of the others'.
    block.values[1, 3] = 0.5
    block.values[2] = y
    block.values[3] = 1e-4 * block.values[200]
    block.members[:5] = [0, 1, 2, 3, 200]
    block.members[5:9] = [1, 1, 3, 0]
    estimator = GaussianNB()
    engine = recognise(estimator, scaled, targets)
    assert_decides_as(engine, estimator, scaled, block, folds, targets)


def test_what_smoothing_adds_is_a_share_of_the_scaled_variance() -> None:
    """A fortieth of what is left within classes; of values as small as these, nothing."""
    y = make_labels(N, 2, balanced=True)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y)
    block = make_block(N, [1, 4], y=y)
    block.values[:] = 1e-3 * (y + 1e-4 * block.values)
    engine = recognise(GaussianNB(), True, targets)
    assert_decides_as(engine, GaussianNB(), True, block, folds, targets)


def test_a_sphere_does_not_depend_on_those_beside_it() -> None:
    y = make_labels(N, 3, balanced=False)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y)
    block = make_block(N, SIZES, y=y)
    engine = recognise(GaussianNB(), False, targets)
    whole = decide(engine, block, folds, targets)
    for s in range(len(block)):
        one = decide(engine, block.some(slice(s, s + 1)), folds, targets)
        np.testing.assert_array_equal(whole[s], one[0])


def test_classes_swapped_give_opposite_decisions() -> None:
    y = make_labels(N, 2, balanced=False)
    folds, block = leave_out(np.arange(N) % 4), make_block(N, SIZES, y=y)
    engine = recognise(GaussianNB(), False, make_targets(y))
    a = decide(engine, block, folds, make_targets(y))
    b = decide(engine, block, folds, make_targets(1 - y))
    np.testing.assert_allclose(a[:, 0], -b[:, 0], rtol=1e-4, atol=1e-5)


def test_what_is_not_solved_is_declined() -> None:
    targets = Targets(np.zeros((1, 4), np.int16), np.arange(2))
    for priors in ([0.2, 0.2], [1.0, 0.0], [0.2, 0.3, 0.5]):
        declined = recognise(GaussianNB(priors=priors), False, targets)
        assert isinstance(declined, str)
        assert "priors" in declined
    assert recognise(BernoulliNB(), False, targets) is None


@pytest.mark.parametrize("n_single", [1, 2])
def test_a_class_of_one_sample_leaves_how_the_others_differ(n_single: int) -> None:
    """It has no variance but the smoothing, and is 1e9 times less likely than either of them."""
    y = np.array(([0, 1] * 12 + [2] * n_single) * 2, np.int16)
    folds, targets = leave_out(np.arange(len(y)) // (len(y) // 2)), make_targets(y, 0)
    block = make_block(len(y), [5, 25, 100], y=y)
    engine = recognise(GaussianNB(), False, targets)
    assert_scores_as(engine, GaussianNB(), False, block, folds, targets)
    found = decide(engine, block, folds, targets)[:, 0].astype(float)
    for s, x in enumerate(spheres_of(block)):
        pairs = zip(folds.train, folds.test, strict=True)
        expected = [GaussianNB().fit(x[a], y[a]).predict_joint_log_proba(x[b]) for a, b in pairs]
        apart = np.diff(np.concatenate(expected)[:, :2], axis=1)
        some = np.argmax(found[s], axis=1) < 2
        np.testing.assert_allclose(
            np.diff(found[s, :, :2], axis=1)[some], apart[some], rtol=1e-3, atol=1e-3
        )
