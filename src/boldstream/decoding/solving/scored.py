"""Scores of some spheres: by an engine, for all labellings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.task.problem import Problem, Targets
from boldstream.kernels.decoding.scores import (
    ACCURACY,
    ROC_AUC,
    score_classes,
    score_two_classes,
    score_values,
)

# Decision values worked on together: they stay in the processor's cache between
# the kernel that makes them and the one that scores them.
_TOGETHER = 1 << 20
# At a time in all, so that memory does not grow with the number of permutations.
_MOST = 1 << 22
# Of all spheres that are given together: 32 MiB.
_SCORES = 1 << 22


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of some spheres.

    Attributes
    ----------
    means : ndarray, shape (spheres, n_labellings), float64
        Mean over folds.
    folds : ndarray, shape (spheres, folds), float64
        Of what was given.
    decisions : ndarray, shape (spheres, tests, columns), float32, or None
        Decision values of what was given, as `Engine.decide` says.
    """

    means: NDArray[np.float64]
    folds: NDArray[np.float64]
    decisions: NDArray[np.float32] | None

    def predicted(self, targets: Targets) -> NDArray[Any]:
        """What was predicted of what was given (spheres, tests): codes of classes, or values."""
        assert self.decisions is not None
        if targets.classes is None:
            # With the offset float32 would lose the digits that it holds without.
            return self.decisions[:, :, 0].astype(np.float64) + targets.offset
        if targets.n_columns == 1:
            return np.asarray(self.decisions[:, :, 0] > 0, np.int16)
        return np.asarray(self.decisions.argmax(axis=2), np.int16)


def chunk_length(problem: Problem, engine: Engine) -> int:
    """Spheres to give to `score_spheres` at a time."""
    targets = problem.targets
    each, n_labellings = problem.folds.n_tests * targets.n_columns, len(targets.labellings)
    if engine.spheres == Engine.spheres:
        each *= n_labellings
    return max(1, min(engine.spheres, _TOGETHER // each, _SCORES // n_labellings))


def score_spheres(
    block: Block, engine: Engine, problem: Problem, *, keep_decisions: bool = False
) -> Scored:
    """Solve and score all spheres of a small block.

    Parameters
    ----------
    block : Block
    engine : Engine
    problem : Problem
    keep_decisions : bool

    Raises
    ------
    ParameterError
        If a sphere has no solution that can be found.
    ValueError
        If ROC AUC is asked of an engine whose decision values do not rank samples.
    """
    if problem.metric == ROC_AUC and not engine.ranks:
        raise ValueError(f"decision values of {engine.title!r} do not rank samples")
    folds, targets = problem.folds, problem.targets
    n_labellings, each = len(targets.labellings), folds.n_tests * targets.n_columns
    means = np.empty((len(block), n_labellings))
    first = np.empty((len(block), len(folds.test)))
    kept = None
    step = max(1, _MOST // (each * len(block)))
    for start in range(0, n_labellings, step):
        some = targets if step >= n_labellings else targets.some(slice(start, start + step))
        shape = (len(block), len(some.labellings), folds.n_tests, targets.n_columns)
        decisions = np.empty(shape, np.float32)
        engine.decide(block, folds, some, decisions)
        require_solved(decisions)
        part = np.empty(shape[:2])
        unused = np.empty_like(first)
        _score(decisions, problem, some.labellings, part, unused if start else first)
        means[:, start : start + step] = part
        if keep_decisions and start == 0:
            kept = decisions[:, 0].copy()
    return Scored(means, first, kept)


def require_solved(decisions: NDArray[np.float32]) -> None:
    """Raise `ParameterError` where there is NaN: a kernel came to no end, or to no digits."""
    flat = decisions.reshape(-1)
    # One product is several times as fast as looking at every value.
    if np.isnan(np.dot(flat, flat)):
        raise ParameterError(
            "`estimator` must have a solution that can be found in every sphere, and in some it "
            "has none within rounding or 200 steps; standardise voxels "
            "(`make_pipeline(StandardScaler(), ...)`), or penalise more"
        )


def _score(
    decisions: NDArray[np.float32],
    problem: Problem,
    labellings: NDArray[Any],
    means: NDArray[np.float64],
    first: NDArray[np.float64],
) -> None:
    _, _, test, test_at = problem.folds.arrays
    targets = problem.targets
    if targets.classes is not None:
        n, metric = targets.n_classes, problem.metric
        if metric == ACCURACY and n == 2:
            score_two_classes(decisions, labellings, test, test_at, means)
            decisions, labellings = np.ascontiguousarray(decisions[:, :1]), labellings[:1]
        score_classes(decisions, labellings, test, test_at, metric, n, means, first)
    else:
        away = labellings - targets.offset
        score_values(decisions, away, test, test_at, problem.metric, means, first)
