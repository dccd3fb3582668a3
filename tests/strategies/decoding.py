"""Awkward problems of decoding: spheres, folds, labellings and estimators, each odd in some way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
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
from sklearn.svm import LinearSVC, LinearSVR

from boldstream.decoding.engines.base import Block
from boldstream.decoding.estimators import CorrelationClassifier, RidgeCovariance
from boldstream.decoding.task.problem import Folds, Targets

_SIZES = (1, 2, 3, 7, 18, 45, 90, 200)
_ODDITIES = ("constant voxels", "voxels twice", "samples twice", "spikes", "whole numbers")


@dataclass(frozen=True)
class MadeProblem:
    """What an engine is given.

    Attributes
    ----------
    estimator : scikit-learn estimator
    scaled : bool
        Whether voxels are standardised in each fold first.
    about : str
        What was drawn, in words.
    kinds : tuple of str
        What kinds of data and folds these are.
    block : Block
    folds : Folds
    targets : Targets
    """

    estimator: Any
    scaled: bool
    about: str
    kinds: tuple[str, ...] = field(repr=False)
    block: Block = field(repr=False)
    folds: Folds = field(repr=False)
    targets: Targets = field(repr=False)


@st.composite
def problems(
    draw: st.DrawFn, estimators: Callable[[int], st.SearchStrategy[Any]], *, most_classes: int = 6
) -> MadeProblem:
    """Problems of an estimator, drawn by how many classes there are; 0 stands for values."""
    n = draw(st.integers(12, 60))
    n_classes = draw(st.integers(2, min(most_classes, n // 4))) if most_classes else 0
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    way = draw(st.sampled_from(["runs", "shuffled", "drawn"]))
    folds = _folds(draw, rng, n, way)
    shares = draw(st.sampled_from(["equal", "unequal", "rare"]))
    codes = _labellings(rng, n, n_classes, shares, folds)
    sizes = draw(st.lists(st.sampled_from(_SIZES), min_size=1, max_size=3))
    kind = draw(st.sampled_from(["z-scored", "raw", "betas", "mixed"]))
    effect = draw(st.sampled_from([0.0, 0.4, 30.0]))
    odd = draw(st.sets(st.sampled_from(_ODDITIES), max_size=2))
    values = _values(rng, n, max(sizes) + 5, codes[0], kind, effect, odd)
    members = [rng.permutation(len(values))[:size] for size in sizes]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    usual = draw(st.sampled_from([0.0, 5.0, 500.0]))
    block = Block(values, np.concatenate(members).astype(np.int32), starts, usual)
    kinds = (kind, way, *sorted(odd or {"nothing odd"}))
    about = f"{n} samples, {n_classes} classes ({shares}), {sizes}, {effect}, {', '.join(kinds)}"
    targets = _targets(rng, values, codes, n_classes)
    return MadeProblem(
        draw(estimators(n_classes)), draw(st.booleans()), about, kinds, block, folds, targets
    )


def _folds(draw: st.DrawFn, rng: np.random.Generator, n: int, way: str) -> Folds:
    """Each run left out, some of the samples in any order, or those not drawn with replacement."""
    n_folds = draw(st.integers(2, 4))
    if way == "runs":
        # The last run is as short as two samples.
        run = np.minimum(np.arange(n) * n_folds // (n - 1), n_folds - 1)
        run[-2:] = n_folds
        run = np.unique(run, return_inverse=True)[1]
        rows = [np.flatnonzero(run == r) for r in range(run.max() + 1)]
        return Folds(tuple(np.setdiff1d(np.arange(n), r) for r in rows), tuple(rows), n)
    if way == "drawn":
        # As many as leave some to test.
        drawn = [rng.integers(0, n, n - 2) for _ in range(n_folds)]
        return Folds(tuple(drawn), tuple(np.setdiff1d(np.arange(n), rows) for rows in drawn), n)
    orders = [rng.permutation(n) for _ in range(n_folds)]
    return Folds(tuple(o[: n * 2 // 3] for o in orders), tuple(o[-n // 4 :] for o in orders), n)


def _labellings(
    rng: np.random.Generator, n: int, n_classes: int, shares: str, folds: Folds
) -> np.ndarray:
    """Codes of classes, and the same permuted; each fold trains on two classes at least."""
    if n_classes == 0:
        return np.array([rng.permutation(n) % 2 for _ in range(2)], np.int16)
    y = np.arange(n) % n_classes
    if shares == "unequal":
        y[n_classes:] = rng.choice(n_classes, n - n_classes, p=_shares(n_classes))
    elif shares == "rare":
        y = np.arange(n) % (n_classes - 1)
        y[: rng.integers(1, 4) if n_classes > 2 else rng.integers(2, 5)] = n_classes - 1
    rows: list[np.ndarray] = []
    for _ in range(1000):
        if len(rows) == 2:
            break
        row = rng.permutation(y)
        if all(len(np.unique(row[train])) > 1 for train in folds.train):
            rows.append(row)
    assume(len(rows) == 2)
    return np.array(rows, np.int16)


def _shares(n_classes: int) -> np.ndarray:
    shares = np.linspace(1, 4, n_classes)
    return np.asarray(shares / shares.sum())


def _values(
    rng: np.random.Generator, n: int, n_voxels: int, codes: np.ndarray, kind: str, effect: float,
    odd: set[str],
) -> np.ndarray:  # fmt: skip
    values = rng.standard_normal((n_voxels, n))
    values += effect * rng.standard_normal((n_voxels, codes.max() + 1))[:, codes]
    if "spikes" in odd:
        values[:, rng.integers(0, n, 2)] += 100 * rng.standard_normal(2)
    if "samples twice" in odd:
        values[:, n // 2 : n // 2 * 2] = values[:, : n // 2]
    if kind == "raw":
        values = values * 10 ** rng.uniform(0, 3) + 1e4 * rng.uniform(0.8, 1.2, (n_voxels, 1))
    elif kind == "betas":
        values *= 1e-3
    elif kind == "mixed":
        values *= 10 ** rng.uniform(-3, 3, (n_voxels, 1))
    if "whole numbers" in odd and kind == "raw":
        values = np.round(values)
    some = rng.random(n_voxels) < 0.4
    if "voxels twice" in odd:
        values[some] = values[rng.integers(0, n_voxels, some.sum())]
    if "constant voxels" in odd:
        values[rng.random(n_voxels) < 0.4] = values[0, 0]
    return values.astype(np.float32)


def _targets(
    rng: np.random.Generator, values: np.ndarray, codes: np.ndarray, n_classes: int
) -> Targets:
    if n_classes:
        return Targets(codes, np.arange(n_classes))
    sd = np.maximum(values.std(axis=1, keepdims=True), 1e-9)
    y = ((values - values.mean(axis=1, keepdims=True)) / sd)[:5].sum(axis=0).astype(float)
    y = rng.choice([0.0, 700.0]) + 10 ** rng.uniform(-2, 2) * (y + rng.standard_normal(len(y)))
    return Targets(np.array([y, rng.permutation(y)]), None, float(y.mean()))


def between(least: float, most: float) -> st.SearchStrategy[float]:
    """Positive numbers, of each size as often, by their exponents."""
    return st.floats(np.log10(least), np.log10(most)).map(lambda power: float(10.0**power))


def _class_weights(n_classes: int) -> st.SearchStrategy[Any]:
    each = st.lists(between(0.05, 20), min_size=n_classes, max_size=n_classes)
    return st.sampled_from([None, "balanced"]) | each.map(lambda w: dict(enumerate(w)))


def _priors(n_classes: int) -> st.SearchStrategy[Any]:
    each = st.lists(between(1e-3, 1), min_size=n_classes, max_size=n_classes)
    return st.none() | each.map(lambda w: (np.array(w) / np.sum(w)).tolist())


def ridges(n_classes: int) -> st.SearchStrategy[Any]:
    """Ridge, of values or of classes."""
    kind = RidgeClassifier if n_classes else Ridge
    return st.builds(kind, alpha=between(1e-6, 1e6), fit_intercept=st.booleans())


def ridge_cvs(n_classes: int) -> st.SearchStrategy[Any]:
    """Ridge that chooses its penalty."""
    kind = RidgeClassifierCV if n_classes else RidgeCV
    alphas = st.lists(between(1e-6, 1e6), min_size=1, max_size=5)
    return st.builds(kind, alphas=alphas, fit_intercept=st.booleans())


def svcs(n_classes: int) -> st.SearchStrategy[Any]:
    """LinearSVC."""
    return st.builds(
        LinearSVC,
        C=between(1e-4, 1e5),
        fit_intercept=st.booleans(),
        intercept_scaling=st.sampled_from([1.0, 1.0, 0.1, 30.0]),
        class_weight=_class_weights(n_classes),
    )


def svrs(_: int) -> st.SearchStrategy[Any]:
    """LinearSVR with its squared loss."""
    return st.builds(
        LinearSVR,
        loss=st.just("squared_epsilon_insensitive"),
        C=between(1e-4, 1e5),
        epsilon=st.just(0.0) | between(1e-3, 10),
        fit_intercept=st.booleans(),
    )


def logistics(n_classes: int) -> st.SearchStrategy[Any]:
    """LogisticRegression."""
    solvers = ["lbfgs", "liblinear"] if n_classes == 2 else ["lbfgs"]
    return st.builds(
        LogisticRegression,
        C=between(1e-4, 1e5),
        fit_intercept=st.booleans(),
        solver=st.sampled_from(solvers),
        class_weight=_class_weights(n_classes),
    )


def svd_ldas(n_classes: int) -> st.SearchStrategy[Any]:
    """LDA by singular values."""
    return st.builds(LinearDiscriminantAnalysis, solver=st.just("svd"), priors=_priors(n_classes))


def shrunken_ldas(n_classes: int) -> st.SearchStrategy[Any]:
    """LDA whose covariance is shrunk by so much."""
    return st.builds(
        LinearDiscriminantAnalysis,
        solver=st.sampled_from(["lsqr", "eigen"]),
        shrinkage=between(1e-6, 1),
        priors=_priors(n_classes),
    )


def auto_ldas(n_classes: int) -> st.SearchStrategy[Any]:
    """LDA with the shrinkage of Ledoit and Wolf."""
    return st.builds(
        LinearDiscriminantAnalysis,
        solver=st.sampled_from(["lsqr", "eigen"]),
        shrinkage=st.just("auto"),
        priors=_priors(n_classes),
    )


def ridge_ldas(n_classes: int) -> st.SearchStrategy[Any]:
    """LDA with a penalty that no label enters."""
    return st.builds(
        LinearDiscriminantAnalysis,
        solver=st.sampled_from(["lsqr", "eigen"]),
        covariance_estimator=between(1e-6, 1e6).map(RidgeCovariance),
        priors=_priors(n_classes),
    )


def bayeses(n_classes: int) -> st.SearchStrategy[Any]:
    """Naive Bayes."""
    return st.builds(GaussianNB, var_smoothing=between(1e-12, 1), priors=_priors(n_classes))


def centroids(_: int) -> st.SearchStrategy[Any]:
    """The nearest mean."""
    return st.just(NearestCentroid())


def correlations(_: int) -> st.SearchStrategy[Any]:
    """The most similar mean."""
    return st.just(CorrelationClassifier())
