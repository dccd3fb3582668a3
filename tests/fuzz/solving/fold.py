"""One fold of one sphere, and what an estimator decides of it by another way than ours.

scikit-learn's where its solver is exact; else what its documentation says is
minimised, by ways that keep their digits on any data.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

EPS = float(np.finfo(float).eps)
# Of the largest decision: what one more step of an oracle may still change.
SOLVED = 1e-8
# Of what engines hold in float32: of its size 1e-7 may go, of a decision 1e-5.
SINGLE = 1e-2


@dataclass(frozen=True)
class Fold:
    """Samples (samples, voxels) and codes or values of one fold; columns are of `classes`."""

    x: np.ndarray
    y: np.ndarray
    tests: np.ndarray
    values: bool
    chosen: int = 0

    @property
    def classes(self) -> np.ndarray:
        return np.unique(self.y)


@dataclass(frozen=True)
class Exact:
    """Decision values (tests, classes of the fold), or (tests, 1) of values.

    `condition` is that of the matrix of normal equations, which engines solve:
    with it digits of float64 go. `lost` is how many times what engines hold in
    float32 is larger than what is left of it. `least` is what differences are
    to be compared with where the columns are less. Of two classes the columns
    differ by what ``decision_function`` says.
    """

    columns: np.ndarray
    condition: float = 1.0
    lost: float = 1.0
    least: float = 0.0


def make_fold(
    x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray, *, scaled: bool,
    values: bool, chosen: int = 0,
) -> Fold:  # fmt: skip
    fit, tests = x[train], x[test]
    if scaled:
        scaler = StandardScaler().fit(fit)
        fit, tests = scaler.transform(fit), scaler.transform(tests)
    return Fold(fit, y[train], tests, values, chosen)


def quietly(solve: Any, estimator: Any, fold: Fold) -> Exact | None:
    """What is found; scikit-learn warns of what is meant here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Exact | None = solve(estimator, fold)
    return found


def against_rest(fold: Fold) -> np.ndarray:
    """What is fitted (targets, samples): values; two classes as one; each against the rest."""
    if fold.values:
        return fold.y[None]
    ones = fold.y == fold.classes[:, None]
    return np.where(ones[1:] if len(ones) == 2 else ones, 1.0, -1.0)


def columns_of(found: np.ndarray) -> np.ndarray:
    """Columns from decisions (targets, tests)."""
    return found.T if len(found) > 1 else two_columns(found[0])


def two_columns(decisions: np.ndarray) -> np.ndarray:
    return np.stack([-decisions, decisions], axis=1) / 2


def singular_values(x: np.ndarray, *, centred: bool) -> np.ndarray:
    """As many as samples have dimensions."""
    x = x - x.mean(axis=0) if centred else x
    found = np.linalg.svd(x, compute_uv=False)
    return np.concatenate([found, np.zeros(len(x))])[: len(x) - centred]
