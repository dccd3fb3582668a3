"""p from what permutations gave."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# What rounding may do: scores that differ by less count as equal, so that a score which a
# permutation reaches again is never above it.
SLACK = 1e-6


def least_equal(scores: NDArray[Any], usual: Any) -> Floats:
    """What counts as equal to scores, at the least.

    Rounding goes with the size of a score, or with that of numbers up to 1
    where it is near 0 by subtraction, as R² is; `usual` is how large scores are.

    Examples
    --------
    >>> least_equal(np.array([0.5, 1e6]), 0.5)
    array([4.999995e-01, 9.999990e+05])
    """
    size = np.fmax(np.abs(scores), np.fmin(1.0, usual))
    return np.asarray(scores - SLACK * size, np.float64)


def less_chance(values: NDArray[Any], chance: Any) -> Floats:
    """Values less chance; 0 where only rounding lies between, of float32 or of a mean of folds.

    Of subjects who all are at chance, the same rounding in each would be a perfect effect.

    Examples
    --------
    >>> less_chance(np.array([1 / 3, 0.5], np.float32), 1 / 3).round(3)
    array([0.   , 0.167])
    """
    away = values.astype(np.float64)
    away -= chance
    away[np.abs(away) <= SLACK * np.abs(chance)] = 0.0
    return away


def p_of_counts(counts: NDArray[Any], n_permutations: int) -> Floats:
    """(b + 1) / (n + 1), where b of n permutations gave as much or more (Phipson and Smyth 2010).

    Examples
    --------
    >>> import numpy as np
    >>> p_of_counts(np.array([0, 3]), 99)
    array([0.01, 0.04])
    """
    return np.asarray((counts + 1) / (n_permutations + 1), np.float64)


def p_of_maxima(observed: NDArray[Any], maxima: NDArray[Any]) -> Floats:
    """FWE: p corrected for all that were looked at, by how often the largest of them was as large.

    Parameters
    ----------
    observed : ndarray, shape (any,)
        NaN has the p NaN.
    maxima : ndarray, shape (n_permutations,)
        The largest value of each permutation.

    Examples
    --------
    >>> import numpy as np
    >>> p_of_maxima(np.array([0.9, 0.5, np.nan]), np.array([0.5, 0.6, 0.7]))
    array([0.25, 1. ,  nan])
    """
    ordered = np.sort(maxima)
    least = least_equal(observed, np.abs(maxima).mean())
    counts = len(ordered) - np.searchsorted(ordered, least, side="left")
    return np.where(np.isnan(observed), np.nan, p_of_counts(counts, len(ordered)))


def p_of_fdr(p: Floats) -> Floats:
    """FDR: p adjusted as Benjamini and Hochberg say; NaN stays, and is not one of them.

    Examples
    --------
    >>> import numpy as np
    >>> p_of_fdr(np.array([0.01, 0.04, np.nan]))
    array([0.02, 0.04,  nan])
    """
    from scipy.stats import false_discovery_control

    out = np.full(len(p), np.nan)
    there = np.isfinite(p)
    if there.any():
        out[there] = false_discovery_control(p[there])
    return out
