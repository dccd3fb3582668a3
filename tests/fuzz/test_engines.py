"""Awkward spheres, folds and classes: every engine decides what its estimator means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from threadpoolctl import threadpool_limits

from boldstream.core.errors import ParameterError
from boldstream.decoding.engines import (
    bayes,
    centroid,
    correlation,
    lda,
    logistic,
    ridge,
    ridge_cv,
    svm,
)
from boldstream.decoding.engines.base import Engine
from boldstream.decoding.task.problem import Folds
from tests.decoding.engines.per_sphere import decide, spheres_of
from tests.fuzz import solving
from tests.fuzz.depth import cases
from tests.fuzz.solving import EPS, Exact, Fold
from tests.strategies import decoding as made_up
from tests.strategies.decoding import MadeProblem

# Of the largest decision of a sphere.
RTOL = 1e-5
# Of what is fitted, 1 and −1 or values: where all else cancels, the rounding of float64 decides.
_NOTHING = 1e-11
# A sphere whose oracle's condition leaves fewer digits says nothing.
_TOO_LOOSE = 1e-2


@dataclass(frozen=True)
class Family:
    """An engine, what is drawn for it, and what else solves that.

    Attributes
    ----------
    module : module
        With `recognise`.
    estimators : callable
        Strategy of estimators, by how many classes there are.
    solve : callable
    most_classes : int
        0 for values.
    judged : float
        The least share of spheres and labellings that the oracle must have an answer to.
    doubled : bool
        Whether each class stands against the rest, so that two of more classes
        differ by twice what they do alone.
    each : bool
        Whether differences between classes are judged each by its own size.
    """

    module: Any
    estimators: Callable[[int], Any]
    solve: Callable[[Any, Fold], Exact | None]
    most_classes: int = 6
    judged: float = 0.9
    doubled: bool = False
    each: bool = False


FAMILIES = {
    "ridge classifier": Family(ridge, made_up.ridges, solving.by_ridge, doubled=True),
    "ridge": Family(ridge, made_up.ridges, solving.by_ridge, 0),
    "ridge cv classifier": Family(
        ridge_cv, made_up.ridge_cvs, solving.by_ridge_cv, judged=0.6, doubled=True
    ),
    "ridge cv": Family(ridge_cv, made_up.ridge_cvs, solving.by_ridge_cv, 0, judged=0.6),
    "svc": Family(svm, made_up.svcs, solving.by_svc, judged=0.8, doubled=True),
    "svr": Family(svm, made_up.svrs, solving.by_svr, 0, judged=0.8),
    "logistic": Family(logistic, made_up.logistics, solving.by_logistic, judged=0.8),
    "lda, svd": Family(lda, made_up.svd_ldas, solving.by_lda),
    "lda, shrunken": Family(lda, made_up.shrunken_ldas, solving.by_covariance),
    "lda, auto": Family(lda, made_up.auto_ldas, solving.by_lda, judged=0.7),
    "lda, ridge": Family(lda, made_up.ridge_ldas, solving.by_covariance, judged=0.7),
    "bayes": Family(bayes, made_up.bayeses, solving.by_likelihood, each=True),
    "centroid": Family(centroid, made_up.centroids, solving.by_distance),
    "correlation": Family(correlation, made_up.correlations, solving.by_correlation, judged=0.7),
}


@dataclass
class Tally:
    """Spheres and labellings that the oracle had an answer to, of all."""

    judged: int = 0
    all: int = 0


@pytest.mark.filterwarnings("ignore:Only one sample available")
@pytest.mark.parametrize("name", FAMILIES)
def test_engines_decide_what_estimators_mean(name: str) -> None:
    family, tally = FAMILIES[name], Tally()

    @cases(quick=12, deep=0.1)
    @given(made=made_up.problems(family.estimators, most_classes=family.most_classes))
    def check(made: MadeProblem) -> None:
        check_problem(family, made, tally)

    # Of matrices as small as these, threads wait for each other.
    with threadpool_limits(1):
        check()
    assert tally.judged >= family.judged * tally.all, tally


def check_problem(family: Family, made: MadeProblem, tally: Tally) -> None:
    n = made.folds.n_samples
    # What folds lack by permuted labels is not known when estimators are recognised.
    whole = Folds((np.arange(n),), (np.arange(n),), n)
    engine = family.module.recognise(made.estimator, made.scaled, whole, made.targets)
    assert isinstance(engine, Engine), engine
    try:
        found, chosen = _decide(engine, made)
    except ParameterError:
        # Of a singular covariance; scikit-learn's solver says so too.
        assert family.module is lda
        with pytest.raises(np.linalg.LinAlgError):
            _solve_all(family, made)
        return
    for sphere, x in enumerate(spheres_of(made.block)):
        for label, y in enumerate(made.targets.labellings):
            folds = _folds(made, x, y, chosen[sphere, :, label])
            tally.all += 1
            tally.judged += _agree(family, made, engine, folds, found[sphere, label], label)


def _decide(engine: Engine, made: MadeProblem) -> tuple[np.ndarray, np.ndarray]:
    """Decision values, and which penalty each fold took, where there are several."""
    block, folds, targets = made.block, made.folds, made.targets
    if isinstance(engine, ridge_cv.RidgeCvEngine):
        shape = (len(block), len(targets.labellings), folds.n_tests, targets.n_columns)
        out = np.full(shape, np.nan, np.float32)
        return out, engine.choose(block, folds, targets, out)
    none = np.zeros((len(block), len(folds.test), len(targets.labellings)), int)
    return decide(engine, block, folds, targets), none


def _folds(made: MadeProblem, x: np.ndarray, y: np.ndarray, chosen: np.ndarray) -> list[Fold]:
    return [
        solving.make_fold(
            x,
            y,
            train,
            test,
            scaled=made.scaled,
            values=made.targets.classes is None,
            chosen=int(c),
        )
        for train, test, c in zip(made.folds.train, made.folds.test, chosen, strict=True)
    ]


def _solve_all(family: Family, made: MadeProblem) -> None:
    none = np.zeros(len(made.folds.test), int)
    for x in spheres_of(made.block):
        for y in made.targets.labellings:
            for fold in _folds(made, x, y, none):
                solving.quietly(family.solve, made.estimator, fold)


def _agree(
    family: Family, made: MadeProblem, engine: Engine, folds: list[Fold], found: np.ndarray,
    label: int,
) -> bool:  # fmt: skip
    """Whether the oracle has an answer for a sphere and labelling; it must be the engine's."""
    if np.isnan(found).any():
        assert _may_be_refused(made, folds)
        return False
    away, scale, slack = 0.0, 0.0, RTOL
    for fold, (start, stop) in zip(folds, _tests(folds), strict=True):
        answer = solving.quietly(family.solve, made.estimator, fold)
        got = found[start:stop].astype(float)
        if not fold.values:
            got = _of_classes(got, fold, made.targets.n_classes)
        assert np.isfinite(got).all()
        if answer is None or not np.isfinite(answer.columns).all():
            return False
        want = _expected(family, made, fold, answer)
        least = answer.least
        if not fold.values:
            best = want.argmax(axis=1)
            got, want = _apart(got, best), _apart(want, best)
        if _is_up_to_a_factor(engine, made, fold, label):
            got, want = got / np.abs(got).max(), want / np.abs(want).max()
        missed = np.abs(got - want)
        assert np.isfinite(missed).all()
        if family.each:
            # Classes may be so unlikely that beside them how others differ is nothing.
            missed, least = missed / np.maximum(np.abs(want), 1), 1.0
        else:
            scale = max(scale, float(np.abs(want).max()))
        least = max(least, _NOTHING * (np.ptp(fold.y) if fold.values else 1.0))
        away, scale = max(away, float(missed.max())), max(scale, least)
        slack = max(slack, _slack(engine, answer))
    if slack > _TOO_LOOSE:
        return False
    assert away <= slack * scale, f"{away / scale:.1e} of the largest decision, not {slack:.1e}"
    return True


def _tests(folds: list[Fold]) -> list[tuple[int, int]]:
    """Where the tests of each fold start and stop."""
    at = np.cumsum([0, *(len(fold.tests) for fold in folds)]).tolist()
    return list(pairwise(at))


def _of_classes(got: np.ndarray, fold: Fold, n_classes: int) -> np.ndarray:
    """A column for each class that a fold has; the others must never be the largest."""
    if n_classes == 2:
        return np.hstack([-got, got]) / 2
    absent = np.setdiff1d(np.arange(n_classes), fold.classes)
    assert (got[:, absent] == -np.inf).all()
    return got[:, fold.classes]


def _expected(family: Family, made: MadeProblem, fold: Fold, answer: Exact) -> np.ndarray:
    if fold.values:
        return answer.columns - made.targets.offset
    one_of_more = len(fold.classes) == 2 < made.targets.n_classes
    return answer.columns * (2 if family.doubled and one_of_more else 1)


def _apart(columns: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Columns of classes less that of the best one."""
    return np.asarray(columns - np.take_along_axis(columns, best[:, None], axis=1))


def _is_up_to_a_factor(engine: Engine, made: MadeProblem, fold: Fold, label: int) -> bool:
    """As `SharedLdaEngine` says of permuted labels."""
    if not isinstance(engine, lda.SharedLdaEngine) or label == 0 or made.targets.n_classes > 2:
        return False
    return len(set(np.bincount(fold.y))) == 1


def _slack(engine: Engine, answer: Exact) -> float:
    """What rounding may do: of float64 in normal equations; of float32 in what is held in it."""
    single = isinstance(engine, lda.SharedLdaEngine | correlation.CorrelationEngine)
    return RTOL * (answer.lost if single else 1.0) + 4 * EPS * answer.condition


def _may_be_refused(made: MadeProblem, folds: list[Fold]) -> bool:
    """Costs beside which voxels vary so much that products of them have no digits left."""
    if not hasattr(made.estimator, "C"):
        return False
    return any(
        max(solving.costs_of(made.estimator, fold).values()) * fold.x.var(axis=0).max() > 1e9
        for fold in folds
    )
