"""Made-up spheres, and what scikit-learn decides in each of them, fold by fold."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.solving.scored import score_spheres
from boldstream.decoding.task.problem import Folds, Problem, Targets
from boldstream.kernels.decoding.scores import ACCURACY, BALANCED_ACCURACY, NEG_MSE, R2, ROC_AUC

METRICS = {
    "accuracy": ACCURACY,
    "balanced_accuracy": BALANCED_ACCURACY,
    "roc_auc": ROC_AUC,
    "r2": R2,
    "neg_mean_squared_error": NEG_MSE,
}


def make_block(
    n: int, sizes: list[int], *, mean: float = 0.0, sd: float = 1.0, constant: bool = False,
    y: np.ndarray | None = None, seed: int = 0,
) -> Block:  # fmt: skip
    """Spheres of so many voxels each; with `y`, some voxels tell its classes apart a little."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((300, n)) * rng.uniform(0.5, 2, (300, 1))
    if y is not None:
        values += rng.standard_normal((300, int(y.max()) + 1))[:, y] * 0.4
    values = mean * rng.uniform(0.8, 1.2, (300, 1)) + sd * values
    if constant:
        values[:40] = mean
    members = [rng.permutation(300)[:size] for size in sizes]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Block(values.astype(np.float32), np.concatenate(members).astype(np.int32), starts)


def leave_out(groups: np.ndarray) -> Folds:
    test = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    train = [np.flatnonzero(groups != g) for g in np.unique(groups)]
    return Folds(tuple(train), tuple(test), len(groups))


def shuffle_split(n: int, seed: int = 3) -> Folds:
    """Folds that test samples twice and leave samples out of both."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(n) for _ in range(3)]
    return Folds(tuple(o[: n * 2 // 3] for o in orders), tuple(o[-n // 4 :] for o in orders), n)


def make_labels(n: int, n_classes: int, *, balanced: bool, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if balanced:
        return rng.permutation(np.arange(n) % n_classes).astype(np.int16)
    shares = np.linspace(1, 2.5, n_classes)
    y = rng.choice(n_classes, n, p=shares / shares.sum())
    y[: 3 * n_classes] = np.arange(3 * n_classes) % n_classes
    return y.astype(np.int16)


def make_targets(y: np.ndarray, n_permutations: int = 3, seed: int = 1) -> Targets:
    rng = np.random.default_rng(seed)
    rows = [y] + [rng.permutation(y) for _ in range(n_permutations)]
    return Targets(np.array(rows, np.int16), np.arange(y.max() + 1))


def spheres_of(block: Block) -> list[np.ndarray]:
    return [
        block.values[block.members[a:b]].T.astype(float)
        for a, b in zip(block.starts[:-1], block.starts[1:], strict=True)
    ]


def decide(engine: Any, block: Block, folds: Folds, targets: Targets) -> np.ndarray:
    shape = (len(block), len(targets.labellings), folds.n_tests, targets.n_columns)
    out = np.full(shape, np.nan, np.float32)
    engine.decide(block, folds, targets, out)
    return out


def expected_decisions(
    estimator: Any, scaled: bool, block: Block, folds: Folds, y: np.ndarray
) -> np.ndarray:
    """(spheres, tests, columns); several columns less their mean."""
    return np.array([_decisions(estimator, scaled, x, folds, y) for x in spheres_of(block)])


def _decisions(estimator: Any, scaled: bool, x: np.ndarray, folds: Folds, y: np.ndarray) -> Any:
    parts = []
    for train, test in zip(folds.train, folds.test, strict=True):
        model = clone(estimator)
        fit, held_out = x[train], x[test]
        if scaled:
            scaler = StandardScaler().fit(fit)
            fit, held_out = scaler.transform(fit), scaler.transform(held_out)
        model.fit(fit, y[train])
        if hasattr(model, "decision_function"):
            found = model.decision_function(held_out)
        elif hasattr(model, "predict_joint_log_proba"):
            found = model.predict_joint_log_proba(held_out)
            found = found[:, 1] - found[:, 0] if found.shape[1] == 2 else found
        else:
            found = model.predict(held_out)
        found = found.reshape(len(test), -1)
        parts.append(found - found.mean(axis=1, keepdims=True) if found.shape[1] > 1 else found)
    return np.concatenate(parts)


def assert_decides_as(
    engine: Any, estimator: Any, scaled: bool, block: Block, folds: Folds, targets: Targets,
    *, rtol: float = 1e-5,
) -> None:  # fmt: skip
    """Decision values of every labelling agree, relative to the largest of their sphere."""
    assert isinstance(engine, Engine), engine
    found = decide(engine, block, folds, targets).astype(float)
    if targets.n_columns > 1:
        found -= found.mean(axis=-1, keepdims=True)
    for label, y in enumerate(targets.labellings):
        expected = expected_decisions(estimator, scaled, block, folds, y)
        scale = np.abs(expected).max(axis=(1, 2), keepdims=True)
        np.testing.assert_array_less(
            np.abs(found[:, label] - expected) / np.where(scale > 0, scale, 1), rtol
        )


def assert_scores_as(
    engine: Any, estimator: Any, scaled: bool, block: Block, folds: Folds, targets: Targets,
    scoring: str = "accuracy",
) -> None:  # fmt: skip
    assert isinstance(engine, Engine), engine
    found = score_spheres(block, engine, Problem(folds, targets, METRICS[scoring]))
    model = make_pipeline(StandardScaler(), clone(estimator)) if scaled else estimator
    cv = list(zip(folds.train, folds.test, strict=True))
    for label, y in enumerate(targets.labellings):
        expected = np.array(
            [cross_val_score(model, x, y, cv=cv, scoring=scoring) for x in spheres_of(block)]
        )
        np.testing.assert_allclose(found.means[:, label], expected.mean(axis=1), atol=1e-9)
        if label == 0:
            np.testing.assert_allclose(found.folds, expected, atol=1e-9)
