"""What is true of every engine: a score depends on its own sphere and labelling alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.estimators.correlation import CorrelationClassifier
from boldstream.decoding.estimators.ridge_covariance import RidgeCovariance
from boldstream.decoding.solving.running import run_engine
from boldstream.decoding.solving.scored import score_spheres
from boldstream.decoding.task.names import find_engine
from boldstream.decoding.task.problem import Problem, Targets
from boldstream.kernels.decoding.scores import ACCURACY, R2
from tests.decoding.engines.per_sphere import (
    decide,
    leave_out,
    make_block,
    make_labels,
    make_targets,
)

N = 36
# Smaller and larger than a fold; two are the same.
SIZES = [1, 5, 18, 40, 70, 18]
FOLDS = leave_out(np.arange(N) % 4)
ESTIMATORS = {
    "svc": LinearSVC(),
    "svr": LinearSVR(loss="squared_epsilon_insensitive"),
    "ridge classifier": RidgeClassifier(),
    "ridge": Ridge(alpha=10.0),
    "ridge classifier, chosen": RidgeClassifierCV(alphas=(0.1, 10.0)),
    "ridge, chosen": RidgeCV(alphas=(0.1, 10.0)),
    "lda": LinearDiscriminantAnalysis(),
    "lda, shrunken": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "lda, shared": LinearDiscriminantAnalysis(
        solver="lsqr", covariance_estimator=RidgeCovariance(0.1)
    ),
    "logistic": LogisticRegression(),
    "bayes": GaussianNB(),
    "centroid": NearestCentroid(),
    "correlation": CorrelationClassifier(),
}
KINDS = [
    pytest.param(name, n_classes, scaled, id=f"{name}-{n_classes}{'-scaled' if scaled else ''}")
    for name, estimator in ESTIMATORS.items()
    for n_classes, scaled in ([(2, False), (3, True)] if is_classifier(estimator) else [(0, True)])
]


def problem_of(name: str, n_classes: int, scaled: bool) -> tuple[Engine, Problem, Block]:
    block = make_block(N, SIZES)
    block.members[-18:] = block.members[6:24]
    if n_classes:
        targets = make_targets(make_labels(N, n_classes, balanced=False), n_permutations=4)
    else:
        values = np.random.default_rng(0).normal(size=(5, N))
        targets = Targets(values, None)
    estimator: Any = ESTIMATORS[name]
    if scaled:
        estimator = make_pipeline(StandardScaler(), estimator)
    engine = find_engine(estimator, FOLDS, targets, None)
    assert isinstance(engine, Engine), engine
    return engine, Problem(FOLDS, targets, ACCURACY if n_classes else R2), block


def reordered(block: Block, order: list[int]) -> Block:
    parts = [block.members[block.starts[s] : block.starts[s + 1]] for s in order]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    return Block(block.values, np.concatenate(parts), starts)


@pytest.mark.parametrize(("name", "n_classes", "scaled"), KINDS)
def test_grouping_changes_nothing(name: str, n_classes: int, scaled: bool) -> None:
    engine, problem, block = problem_of(name, n_classes, scaled)
    whole = score_spheres(block, engine, problem).means
    assert np.ptp(whole) > 0

    order = [3, 0, 5, 2, 1, 4]
    turned = score_spheres(reordered(block, order), engine, problem).means
    np.testing.assert_allclose(turned, whole[order], atol=1e-6)
    for s in range(len(block)):
        one = score_spheres(block.some(slice(s, s + 1)), engine, problem)
        np.testing.assert_allclose(one.means[0], whole[s], atol=1e-6)
    for label in range(whole.shape[1]):
        some = problem.targets.some(slice(label, label + 1))
        one = score_spheres(block, engine, Problem(FOLDS, some, problem.metric))
        np.testing.assert_allclose(one.means[:, 0], whole[:, label], atol=1e-6)

    shape = (len(block) + 2, *decide(engine, block, FOLDS, problem.targets).shape[1:])
    around = np.full(shape, -77.0, np.float32)
    engine.decide(block, FOLDS, problem.targets, around[1:-1])
    assert (around[[0, -1]] == -77.0).all()
    assert not (around[1:-1] == -77.0).any()


@pytest.mark.parametrize(("name", "n_classes", "scaled"), KINDS)
def test_threads_and_blocks_change_nothing(name: str, n_classes: int, scaled: bool) -> None:
    engine, problem, block = problem_of(name, n_classes, scaled)
    whole = score_spheres(block, engine, problem, keep_decisions=True)
    for n_jobs, step in ((1, 6), (3, 1), (2, 4)):
        blocks = [(s, block.some(slice(s, min(s + step, 6)))) for s in range(0, 6, step)]
        found = np.full_like(whole.means, np.nan)
        for start, scored in run_engine(
            blocks, engine, problem, keep_decisions=True, n_jobs=n_jobs
        ):
            found[start : start + len(scored.means)] = scored.means
            assert scored.decisions is not None
            assert whole.decisions is not None
            kept = whole.decisions[start : start + len(scored.means)]
            np.testing.assert_allclose(scored.decisions, kept, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(found, whole.means, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "n_classes", "scaled"), [kind for kind in KINDS if kind.values[1]]
)
def test_names_of_classes_change_nothing(name: str, n_classes: int, scaled: bool) -> None:
    engine, problem, block = problem_of(name, n_classes, scaled)
    targets = problem.targets
    turned = Targets((n_classes - 1 - targets.labellings).astype(np.int16), targets.classes)
    given = score_spheres(block, engine, problem).means
    renamed = score_spheres(block, engine, Problem(FOLDS, turned, problem.metric)).means
    # Of one voxel nothing can be correlated, and all is taken for the first class.
    np.testing.assert_allclose(renamed[1:], given[1:], atol=1e-6)
