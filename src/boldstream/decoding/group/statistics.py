"""Means and t of a group under sign flips."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.group.flips import Flips

Floats = NDArray[np.float64]
Statistic: TypeAlias = Literal["t", "mean"]

# Of the mean square of subjects, below which their variance is rounding.
_LEAST_VARIANCE = 1e-12


def t_of(means: Floats, squares: Any, n: Any) -> Floats:
    """One-sample t of at least two values, from their mean and the sum of their squares.

    Where all agree but for rounding, their variance counts as 1e-12 of their
    mean square; t of zeros is 0.

    Parameters
    ----------
    means : ndarray
    squares, n : number or ndarray
        Sums of squares, and how many values there are; broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([1.0, 2.0, 3.0])
    >>> t_of(values.mean(keepdims=True), (values**2).sum(), 3).round(3)
    array([3.464])
    """
    errors = np.sqrt(variance_of(means, squares, n) / n)
    out = np.zeros_like(means)
    np.divide(means, errors, out=out, where=errors > 0)
    return out


def variance_of(means: Floats, squares: Any, n: Any) -> Floats:
    """Variance (ddof 1) as `t_of` takes it."""
    scatter = np.maximum(squares - n * means**2, _LEAST_VARIANCE * squares)
    return np.asarray(scatter / (n - 1), np.float64)


def p_of_t(t: Floats, n: Any) -> Floats:
    """One-sided p of t with n − 1 degrees of freedom."""
    from scipy.special import stdtr

    return np.asarray(stdtr(np.asarray(n, np.float64) - 1, -t), np.float64)


def flipped_statistics(
    values: Floats, n: Any, flips: Flips, statistic: Statistic, *, step: int
) -> Floats:
    """The statistic of each row under every pattern of signs.

    Parameters
    ----------
    values : ndarray, shape (rows, subjects)
        Less chance; 0 where a subject lacks one.
    n : int or ndarray, shape (rows,)
        How many subjects have a value; at least two.
    flips : Flips
    statistic : {"t", "mean"}
    step : int
        Patterns that are worked on at a time.

    Returns
    -------
    ndarray, shape (rows, patterns)
    """
    counts = np.broadcast_to(np.asarray(n, np.float64), len(values))[:, None]
    # What flips leave as it is.
    squares = np.einsum("ij,ij->i", values, values)[:, None]
    out = np.empty((len(values), flips.n_patterns))
    for start in range(0, flips.n_patterns, step):
        stop = min(start + step, flips.n_patterns)
        means = values @ flips.signs(start, stop).T
        means /= counts
        out[:, start:stop] = means if statistic == "mean" else t_of(means, squares, counts)
    return out
