from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.dummy import DummyClassifier

from boldstream.decoding.engines.base import Block
from boldstream.decoding.engines.correlation import recognise
from boldstream.decoding.estimators import CorrelationClassifier
from boldstream.decoding.task.problem import Folds
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

SIZES = [1, 2, 9, 30, 80, 200]
N = 96


@pytest.mark.parametrize("n_classes", [2, 3, 8])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("how", ["runs", "shuffled"])
@pytest.mark.parametrize("raw", [False, True])
def test_it_decides_as_the_estimator(n_classes: Any, scaled: Any, how: Any, raw: Any) -> None:
    y = make_labels(N, n_classes, balanced=False)
    folds = leave_out(np.arange(N) % 4) if how == "runs" else shuffle_split(N)
    sizes = [size for size in SIZES if size > 2]
    block = make_block(N, sizes, mean=10_000.0 if raw else 0.0, sd=100.0 if raw else 1.0, y=y)
    targets = make_targets(y, 2)
    engine = recognise(CorrelationClassifier(), scaled, targets)
    assert_decides_as(engine, CorrelationClassifier(), scaled, block, folds, targets)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_rare_class_keeps_its_digits(n_classes: int) -> None:
    """What it sums to is not taken from sums of classes with more, and more various, samples."""
    rng, size, n_voxels = np.random.default_rng(0), 24, 30
    means = rng.standard_normal((n_classes, n_voxels))
    y = np.repeat(np.arange(n_classes), [*[size] * (n_classes - 1), 2]).astype(np.int16)
    x = means[y]
    for c in range(n_classes - 1):
        noise = 300 * rng.standard_normal((size // 2, n_voxels))
        x[y == c] += np.concatenate([noise, -noise])
    folds = Folds((np.arange(len(y)),), (np.arange(len(y)),), len(y))
    values = x.T.astype(np.float32)
    block = Block(values, np.arange(n_voxels, dtype=np.int32), np.array([0, n_voxels]))
    targets = make_targets(y, 0)
    engine = recognise(CorrelationClassifier(), False, targets)
    assert_decides_as(engine, CorrelationClassifier(), False, block, folds, targets)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_it_scores_as_the_estimator(n_classes: Any) -> None:
    y = make_labels(N, n_classes, balanced=True)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y)
    block = make_block(N, [1, *SIZES[2:]], y=y, mean=10_000, sd=100)
    engine = recognise(CorrelationClassifier(), False, targets)
    assert_scores_as(engine, CorrelationClassifier(), False, block, folds, targets)


def test_it_correlates_with_means_of_classes() -> None:
    y = make_labels(N, 3, balanced=False)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y, 0)
    block = make_block(N, [30], y=y)
    engine = recognise(CorrelationClassifier(), False, targets)
    found = decide(engine, block, folds, targets)[0, 0]
    (x,) = spheres_of(block)
    at = 0
    for train, test in zip(folds.train, folds.test, strict=True):
        means = [x[train][y[train] == c].mean(axis=0) for c in range(3)]
        for t in test:
            r = np.array([pearsonr(x[t], m).statistic for m in means])
            np.testing.assert_allclose(found[at], r - r.mean(), atol=1e-6)
            at += 1


def test_one_voxel_has_no_pattern() -> None:
    y = make_labels(N, 2, balanced=False)
    folds, targets = leave_out(np.arange(N) % 4), make_targets(y)
    engine = recognise(CorrelationClassifier(), False, targets)
    assert (decide(engine, make_block(N, [1], y=y), folds, targets) == 0).all()


def test_another_family_is_not_known() -> None:
    y = make_labels(N, 2, balanced=False)
    assert recognise(DummyClassifier(), False, make_targets(y)) is None
