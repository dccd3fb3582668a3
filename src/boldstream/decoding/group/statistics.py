"""Means and t of a group under sign flips."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.group.flips import Flips
from boldstream.decoding.inference.t_statistics import t_of

Floats = NDArray[np.float64]
Statistic: TypeAlias = Literal["t", "mean"]

# Of each sign: its byte, float64.
SIGN_BYTES = 1 + 8
# Of each row under a pattern: its mean, what t is made of, and whether that is above 0.
FLIPPED_BYTES = 3 * 8 + 1


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
