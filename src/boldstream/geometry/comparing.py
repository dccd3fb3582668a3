"""`compare`: RDMs against RDMs of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.core.randomness import random_numbers
from boldstream.geometry.dissimilarities import RDM
from boldstream.geometry.similarity import Method, Similarity, make_similarity

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float64]
RDMs: TypeAlias = RDM | Sequence[RDM] | Mapping[str, RDM]

# Permuted dissimilarities that are compared together.
_TOGETHER = 1 << 18
# Similarities that differ by rounding are equal.
_SLACK = 1e-9


def compare(
    rdms: RDMs,
    models: RDMs,
    *,
    method: Method = "spearman",
    nuisance: RDMs | None = None,
    permutations: int = 0,
    random_state: Any = 0,
) -> DataFrame:
    """Compare RDMs with models: representational similarity analysis.

    Conditions are matched by name. With permutations, those of an RDM are
    exchanged, rows and columns together, and p is the share of similarities
    that are as large or larger, (b + 1) / (n + 1): one-sided. There are n! ways
    to order n conditions, so with four of them p cannot go below 1 / 24.

    Parameters
    ----------
    rdms : RDM, sequence of RDM, or mapping of names to RDM
    models : RDM, sequence of RDM, or mapping of names to RDM
        Each with the conditions of every RDM.
    method : {"spearman", "pearson", "kendall_tau_a", "cosine"}
        Kendall's tau-a suits models with many equal dissimilarities (Nili et
        al. 2014).
    nuisance : RDM, sequence of RDM, or mapping of names to RDM, optional
        Taken out of both sides: the correlation is partial, of ranks with
        "spearman". With "spearman" and "pearson" only.
    permutations : int
    random_state : int, Generator, RandomState or None
        All RDMs and models see the same permutations.

    Returns
    -------
    DataFrame
        For each RDM and model: ``rdm, model, correlation, p``. The correlation
        is NaN where an RDM is constant; p is NaN without permutations.

    Raises
    ------
    ParameterError
        If conditions do not match, naming those that differ; if there are
        fewer than three; if a model is constant, or nuisance explains it.

    References
    ----------
    Kriegeskorte, Mur and Bandettini (2008), Representational similarity
    analysis. Frontiers in Systems Neuroscience 2:4.

    Examples
    --------
    >>> import numpy as np
    >>> names = ("cat", "dog", "oak", "pine")
    >>> found = RDM(np.array([1.0, 4.1, 3.9, 4.2, 4.0, 0.8]), names, "euclidean")
    >>> alive = RDM(np.array([0.0, 1.0, 1.0, 1.0, 1.0, 0.0]), names, "model")
    >>> compare(found, {"kingdom": alive}, permutations=999).round(3)
       rdm    model  correlation      p
    0  rdm  kingdom        0.828  0.3...
    """
    from pandas import DataFrame

    integer_in("permutations", permutations, 0)
    named, against = named_rdms(rdms, "rdm"), named_rdms(models, "model")
    beside = named_rdms(nuisance, "nuisance") if nuisance is not None else {}
    # For all RDMs, so that each sees the same permutations.
    seed = int(random_numbers(random_state).integers(2**63))
    rows: list[dict[str, Any]] = []
    for name, rdm in named.items():
        similarity = make_similarity(against, rdm.conditions, method, beside)
        found = similarity.scores(rdm.values[None])[0]
        p = _p_values(similarity, rdm, found, permutations, seed)
        for model, correlation, its_p in zip(against, found, p, strict=True):
            rows.append({"rdm": name, "model": model, "correlation": correlation, "p": its_p})
    return DataFrame(rows, columns=["rdm", "model", "correlation", "p"])


def named_rdms(given: RDMs, word: str) -> dict[str, RDM]:
    """RDMs by name: "rdm" for one, "rdm_1", ... for a sequence.

    Raises
    ------
    ParameterError
        If there is something else among them.
    """
    if isinstance(given, RDM):
        return {word: given}
    if isinstance(given, Mapping):
        named = {str(name): rdm for name, rdm in given.items()}
    else:
        named = {f"{word}_{i}": rdm for i, rdm in enumerate(given, 1)}
    for name, rdm in named.items():
        if not isinstance(rdm, RDM):
            raise ParameterError(f"{name!r} must be an RDM, got {type(rdm).__name__}")
    return named


def _p_values(
    similarity: Similarity, rdm: RDM, found: Floats, n_permutations: int, seed: int
) -> Floats:
    if n_permutations == 0:
        return np.full(len(found), np.nan)
    counts = np.zeros(len(found))
    for permuted in _permuted(rdm, n_permutations, np.random.default_rng(seed)):
        counts += (similarity.scores(permuted) >= found - _SLACK).sum(axis=0)
    return np.where(np.isnan(found), np.nan, (counts + 1) / (n_permutations + 1))


def _permuted(rdm: RDM, n: int, random: np.random.Generator) -> Iterator[Floats]:
    """Dissimilarities (some, pairs) with exchanged conditions, `n` in all."""
    square, (rows, columns) = rdm.matrix(), np.triu_indices(len(rdm.conditions), 1)
    orders = random.permuted(np.tile(np.arange(len(square)), (n, 1)), axis=1)
    step = max(1, _TOGETHER // len(rdm.values))
    for start in range(0, n, step):
        some = orders[start : start + step]
        yield square[some[:, rows], some[:, columns]]
