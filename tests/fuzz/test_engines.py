"""Awkward spheres, folds and classes: every engine decides what its estimator means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
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
from boldstream.kernels.decoding.lda import decide_lda
from tests.decoding.engines.per_sphere import decide, spheres_of
from tests.fuzz.depth import cases
from tests.fuzz.solving.classes import of_present
from tests.fuzz.solving.costs import costs_of
from tests.fuzz.solving.discriminants import by_covariance, by_lda
from tests.fuzz.solving.fold import EPS, Exact, Fold, make_fold, quietly
from tests.fuzz.solving.least_squares import by_ridge, by_ridge_cv
from tests.fuzz.solving.logistic import by_logistic
from tests.fuzz.solving.patterns import by_correlation, by_distance, by_likelihood
from tests.fuzz.solving.vectors import by_svc, by_svr
from tests.strategies import decoding as made_up
from tests.strategies.decoding import MadeProblem

# Of the largest decision of a fold.
RTOL = 1e-5
# Of what is fitted, 1 and −1 or values: where all else cancels, the rounding of float64 decides,
# a few times 2e-16 beside `RTOL`.
_NOTHING = 1e-10
# A fold whose oracle's condition leaves fewer digits says nothing.
_TOO_LOOSE = 1e-2
# Shares of fewer folds than these are chance.
_MANY = 100
# Of problems that scikit-learn refuses, too; one or two of a hundred do.
_SOME_REFUSED = 0.1


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
        The least share of folds that the oracle must have an answer to.
    of_a_kind : float
        The same of each kind of data and folds alone.
    solved : float
        The least share of spheres and labellings that the kernel of an LDA
        must solve by itself, without scikit-learn.
    refused : float
        The largest share of problems that an engine may refuse.
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
    of_a_kind: float = 0.5
    solved: float = 0.0
    refused: float = 0.0
    doubled: bool = False
    each: bool = False


FAMILIES = {
    "ridge classifier": Family(ridge, made_up.ridges, by_ridge, doubled=True),
    "ridge": Family(ridge, made_up.ridges, by_ridge, 0),
    "ridge cv classifier": Family(
        ridge_cv, made_up.ridge_cvs, by_ridge_cv, judged=0.6, doubled=True
    ),
    "ridge cv": Family(ridge_cv, made_up.ridge_cvs, by_ridge_cv, 0, judged=0.6),
    "svc": Family(svm, made_up.svcs, by_svc, judged=0.8, doubled=True),
    "svr": Family(svm, made_up.svrs, by_svr, 0, judged=0.8),
    "logistic": Family(logistic, made_up.logistics, by_logistic, judged=0.8),
    "lda, svd": Family(lda, made_up.svd_ldas, by_lda, solved=0.5),
    "lda, shrunken": Family(
        lda, made_up.shrunken_ldas, by_covariance, solved=0.7, refused=_SOME_REFUSED
    ),
    "lda, auto": Family(
        lda, made_up.auto_ldas, by_lda, judged=0.7, solved=0.7, refused=_SOME_REFUSED
    ),
    "lda, ridge": Family(lda, made_up.ridge_ldas, by_covariance, judged=0.7, solved=0.7),
    "bayes": Family(bayes, made_up.bayeses, by_likelihood, each=True),
    "centroid": Family(centroid, made_up.centroids, by_distance),
    "correlation": Family(correlation, made_up.correlations, by_correlation, judged=0.7),
}


@dataclass
class Tally:
    """Of all problems, those refused; of all folds, those that the oracle had an answer to.

    `folds` and `judged` are by kind of data and folds, each fold being of
    several; `asked` and `solved` are spheres and labellings of an LDA's kernel.
    """

    problems: int = 0
    refused: int = 0
    folds: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    solved: int = 0

    def count(self, kinds: tuple[str, ...], judged: bool) -> None:
        """One more fold."""
        for kind in ("any", *kinds):
            self.folds[kind] += 1
            self.judged[kind] += judged

    def require(self, family: Family) -> None:
        """Not what was hard alone was left out, and not too much."""
        assert self.refused <= family.refused * self.problems, self
        assert self.solved >= family.solved * self.asked, self
        for kind, folds in self.folds.items():
            least = family.judged if kind == "any" else family.of_a_kind
            assert folds < _MANY or self.judged[kind] >= least * folds, (kind, self)


@pytest.mark.filterwarnings("ignore:Only one sample available")
@pytest.mark.parametrize("name", FAMILIES)
def test_engines_decide_what_estimators_mean(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family, tally = FAMILIES[name], Tally()
    _count_solved(tally, monkeypatch)

    @cases(quick=12, deep=0.1)
    @given(made=made_up.problems(family.estimators, most_classes=family.most_classes))
    def check(made: MadeProblem) -> None:
        check_problem(family, made, tally)

    # Of matrices as small as these, threads wait for each other.
    with threadpool_limits(1):
        check()
    tally.require(family)


def _count_solved(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel of LDA does not solve, scikit-learn does: no oracle of itself."""

    def counted(*given: Any) -> None:
        decide_lda(*given)
        solved = given[-1]
        assert solved.dtype == bool
        tally.asked += solved.size
        tally.solved += int(solved.sum())

    monkeypatch.setattr(lda, "decide_lda", counted)


def check_problem(family: Family, made: MadeProblem, tally: Tally) -> None:
    engine = family.module.recognise(made.estimator, made.scaled, made.targets)
    assert isinstance(engine, Engine), engine
    tally.problems += 1
    try:
        found, chosen = _decide(engine, made)
    except ParameterError:
        # Of a singular covariance; scikit-learn's solver says so too.
        assert family.module is lda
        with pytest.raises(np.linalg.LinAlgError):
            _fit_all(made)
        tally.refused += 1
        return
    for sphere, x in enumerate(spheres_of(made.block)):
        for label, y in enumerate(made.targets.labellings):
            folds = _folds(made, x, y, chosen[sphere, :, label])
            for fold, (start, stop) in zip(folds, _tests(folds), strict=True):
                given = found[sphere, label, start:stop].astype(float)
                tally.count(made.kinds, _agree(family, made, engine, fold, given, label))


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
        make_fold(
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


def _fit_all(made: MadeProblem) -> None:
    none = np.zeros(len(made.folds.test), int)
    for x in spheres_of(made.block):
        for y in made.targets.labellings:
            for fold in _folds(made, x, y, none):
                of_present(made.estimator, fold).fit(fold.x, fold.y)


def _tests(folds: list[Fold]) -> list[tuple[int, int]]:
    """Where the tests of each fold start and stop."""
    at = np.cumsum([0, *(len(fold.tests) for fold in folds)]).tolist()
    return list(pairwise(at))


def _agree(
    family: Family, made: MadeProblem, engine: Engine, fold: Fold, found: np.ndarray, label: int
) -> bool:
    """Whether the oracle has an answer for a fold; it must be the engine's."""
    if np.isnan(found).any():
        assert _may_be_refused(made, fold)
        return False
    got = found if fold.values else _of_classes(found, fold, made.targets.n_classes)
    assert np.isfinite(got).all()
    answer = quietly(family.solve, made.estimator, fold)
    if answer is None or not np.isfinite(answer.columns).all():
        return False
    slack = _slack(engine, answer)
    if slack > _TOO_LOOSE:
        return False
    want = _expected(family, made, fold, answer)
    if not fold.values:
        best = want.argmax(axis=1)
        got, want = _apart(got, best), _apart(want, best)
    if _is_up_to_a_factor(engine, made, fold, label):
        got, want = got / np.abs(got).max(), want / np.abs(want).max()
    # Classes may be so unlikely that beside them how others differ is nothing.
    scale = np.maximum(np.abs(want), 1.0) if family.each else np.abs(want).max()
    least = max(answer.least, _NOTHING * (np.ptp(fold.y) if fold.values else 1.0))
    away = np.max(np.abs(got - want) / np.maximum(scale, least))
    assert away <= slack, f"{away:.1e} of the largest decision, not {slack:.1e}"
    return True


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


def _may_be_refused(made: MadeProblem, fold: Fold) -> bool:
    """Costs beside which voxels vary so much that products of them have no digits left."""
    if not hasattr(made.estimator, "C"):
        return False
    dearest = max(costs_of(made.estimator, fold).values())
    return bool(dearest * fold.x.var(axis=0).max() > 1e9)
