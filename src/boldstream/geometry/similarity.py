"""How alike dissimilarities and models of them are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import one_of
from boldstream.core.errors import ParameterError
from boldstream.geometry.dissimilarities import RDM

Floats = NDArray[np.float64]
Method: TypeAlias = Literal["spearman", "pearson", "kendall_tau_a", "cosine"]

# What is left of a vector, as a share of it, where nothing but rounding is.
_NOTHING = 1e-10


@dataclass(frozen=True, eq=False)
class Similarity:
    """Compares many vectors of dissimilarities with the same models.

    Attributes
    ----------
    method : {"spearman", "pearson", "kendall_tau_a", "cosine"}
    models : ndarray, shape (models, pairs)
        Of unit length, without what `basis` spans; for Kendall's tau as given.
    basis : ndarray, shape (pairs, n)
        Orthonormal: the mean, and nuisance.
    """

    method: Method
    models: Floats
    basis: Floats

    def scores(self, values: Floats) -> Floats:
        """Similarity of each row of `values` (n, pairs) to each model, shape (n, models).

        NaN where a row is constant, or nothing of it but nuisance.
        """
        if self.method == "kendall_tau_a":
            return np.array([[_tau_a(row, model) for model in self.models] for row in values])
        rows = _ranked(values) if self.method == "spearman" else values
        rest = rows
        for column in self.basis.T:
            rest = rest - _along(rows, column)[:, None] * column
        sizes, left = (np.sqrt(np.einsum("ij,ij->i", x, x)) for x in (rows, rest))
        left[left <= _NOTHING * sizes] = np.nan
        return np.column_stack([_along(rest, model) / left for model in self.models])


def make_similarity(
    models: Mapping[str, RDM],
    conditions: Sequence[str],
    method: str,
    nuisance: Mapping[str, RDM],
) -> Similarity:
    """Prepare models for comparisons.

    Parameters
    ----------
    models, nuisance : mapping of str to RDM
        Each with these conditions, in any order.
    conditions : sequence of str
        In the order of what will be compared.
    method : {"spearman", "pearson", "kendall_tau_a", "cosine"}

    Raises
    ------
    ParameterError
        If conditions differ or are fewer than three; if a model is constant,
        or nuisance explains all of it; if nuisance leaves nothing to compare,
        or is given with a method that has no partial form here.
    """
    one_of("method", method, get_args(Method))
    named: Method = method  # type: ignore[assignment]
    if len(conditions) < 3:
        raise ParameterError(
            f"`rdms` must have at least three conditions to compare, got {', '.join(conditions)}"
        )
    if not models:
        raise ParameterError("`models` must hold at least one RDM, got none")
    if nuisance and method not in ("spearman", "pearson"):
        raise ParameterError(
            f"`nuisance` must be None with method={method!r}; take 'spearman' or 'pearson'"
        )
    given = _aligned("models", models, conditions)
    taken = _aligned("nuisance", nuisance, conditions)
    if method == "spearman":
        given, taken = _ranked(given), _ranked(taken)
    basis = _basis(taken, given.shape[1], with_mean=method != "cosine")
    if basis.shape[0] - basis.shape[1] < 2:
        raise ParameterError(
            f"`nuisance` must leave pairs of conditions to compare: with {len(basis)} pairs and "
            f"{basis.shape[1] - 1} of nuisance every correlation is 1 or -1"
        )
    rest = given - (given @ basis) @ basis.T
    sizes, left = (np.sqrt(np.einsum("ij,ij->i", x, x)) for x in (given, rest))
    for name, none_left in zip(models, left <= _NOTHING * sizes, strict=True):
        if none_left:
            said = " beside what `nuisance` explains" if nuisance else ""
            raise ParameterError(f"`models` must have dissimilarities that differ{said}: {name!r}")
    if method == "kendall_tau_a":
        return Similarity(named, given, basis)
    return Similarity(named, rest / left[:, None], basis)


def _along(rows: Floats, vector: Floats) -> Floats:
    """``rows @ vector``, the last digit of which would depend on how many rows there are."""
    return np.asarray((rows * vector).sum(axis=1), np.float64)


def _aligned(parameter: str, rdms: Mapping[str, RDM], conditions: Sequence[str]) -> Floats:
    """Values (rdms, pairs) in the order of the conditions."""
    out = np.empty((len(rdms), len(conditions) * (len(conditions) - 1) // 2))
    for row, (name, rdm) in zip(out, rdms.items(), strict=True):
        check_conditions(f"`{parameter}`, {name!r},", rdm, conditions)
        row[:] = rdm.of(conditions).values
    return out


def check_conditions(what: str, rdm: RDM, conditions: Sequence[str]) -> None:
    """Raise `ParameterError`, with the names that differ, unless an RDM has these conditions."""
    lacking = [name for name in conditions if name not in rdm.conditions]
    more = [name for name in rdm.conditions if name not in set(conditions)]
    if lacking or more:
        parts = (f"it lacks {', '.join(map(repr, lacking))}" if lacking else "") + (
            (" and " if lacking else "") + f"it has {', '.join(map(repr, more))} beside"
            if more
            else ""
        )
        raise ParameterError(
            f"{what} must have the conditions {', '.join(conditions)}; {parts} "
            "(`RDM.of` takes some conditions of an RDM)"
        )


def _basis(nuisance: Floats, n_pairs: int, *, with_mean: bool) -> Floats:
    """Orthonormal columns (pairs, n) that span the mean and nuisance."""
    if not with_mean:
        return np.zeros((n_pairs, 0))
    mean = np.full((n_pairs, 1), 1 / np.sqrt(n_pairs))
    centred = nuisance - nuisance.mean(axis=1, keepdims=True)
    sizes = np.sqrt((nuisance**2).sum(axis=1))
    left = np.sqrt((centred**2).sum(axis=1))
    # One that is constant is the mean, and explains nothing.
    some = left > _NOTHING * sizes
    if not some.any():
        return mean
    scaled = centred[some] / left[some, None]
    columns, spread, _ = np.linalg.svd(scaled.T, full_matrices=False)
    return np.hstack([mean, columns[:, spread > 1e-8 * spread[0]]])


def _ranked(values: Floats) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values, axis=1), np.float64) if len(values) else values


def _tau_a(first: Floats, second: Floats) -> float:
    """Pairs in equal order less those in opposite order, as a share of all."""
    from scipy.stats import kendalltau

    tau_b = kendalltau(first, second, method="asymptotic").statistic
    n = len(first)
    every = n * (n - 1) / 2
    untied = (every - _ties(first)) * (every - _ties(second))
    return float(tau_b * np.sqrt(untied) / every)


def _ties(values: Floats) -> float:
    counts = np.unique(values, return_counts=True)[1]
    return float((counts * (counts - 1) / 2).sum())
