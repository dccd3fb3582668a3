"""`noise_ceiling`: how well any model could do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.geometry.comparing import RDMs, named_rdms
from boldstream.geometry.dissimilarities import RDM
from boldstream.geometry.similarity import Method, make_similarity

Floats = NDArray[np.float64]


def noise_ceiling(rdms: RDMs, *, method: Method = "spearman") -> tuple[float, float]:
    """Mean similarity that the true model could have to the RDMs of many subjects.

    The upper bound compares every RDM with the mean of all, itself included;
    the lower bound with the mean of the others. Before they are averaged, RDMs
    are ranked ("spearman", "kendall_tau_a"), standardised ("pearson") or
    brought to equal length ("cosine"). For Kendall's tau-a no mean is known to
    be best, so that both bounds are approximate.

    Parameters
    ----------
    rdms : sequence of RDM, or mapping of names to RDM
        At least two, with the same conditions.
    method : {"spearman", "pearson", "kendall_tau_a", "cosine"}

    Returns
    -------
    lower, upper : float

    Raises
    ------
    ParameterError
        If there are fewer than two RDMs, or conditions differ.

    References
    ----------
    Nili, Wingfield, Walther, Su, Marslen-Wilson and Kriegeskorte (2014), A
    toolbox for representational similarity analysis. PLoS Computational Biology
    10(4).

    Examples
    --------
    >>> import numpy as np
    >>> names, shared = ("a", "b", "c", "d"), np.array([1.0, 4, 3, 4, 5, 2])
    >>> random = np.random.default_rng(0)
    >>> rdms = [RDM(shared + random.normal(size=6), names, "euclidean") for _ in range(8)]
    >>> lower, upper = noise_ceiling(rdms)
    >>> round(lower, 2), round(upper, 2)
    (0.85, 0.86)
    """
    named = named_rdms(rdms, "rdm")
    if len(named) < 2:
        raise ParameterError(f"`rdms` must be at least two, got {len(named)}")
    conditions = next(iter(named.values())).conditions
    # Checks that all have these conditions and differ between pairs.
    make_similarity(named, conditions, method, {})
    values = np.array([rdm.of(conditions).values for rdm in named.values()])
    scaled = _scaled(values, method)
    total = scaled.sum(axis=0)
    lower = [
        _similarity(one, total - own, conditions, method)
        for one, own in zip(values, scaled, strict=True)
    ]
    upper = [_similarity(one, total, conditions, method) for one in values]
    return float(np.mean(lower)), float(np.mean(upper))


def _scaled(values: Floats, method: Method) -> Floats:
    from scipy.stats import rankdata

    if method in ("spearman", "kendall_tau_a"):
        return np.asarray(rankdata(values, axis=1), np.float64)
    if method == "pearson":
        values = values - values.mean(axis=1, keepdims=True)
    return np.asarray(values / np.sqrt((values**2).mean(axis=1, keepdims=True)), np.float64)


def _similarity(one: Floats, pooled: Floats, conditions: tuple[str, ...], method: Method) -> float:
    model = {"the mean of the others": RDM(pooled, conditions, "model")}
    return float(make_similarity(model, conditions, method, {}).scores(one[None])[0, 0])
