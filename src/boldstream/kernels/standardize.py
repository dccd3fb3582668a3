"""Put time courses on one scale, column by column, in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.kernels.gather import tiles

_EPS = float(np.finfo(np.float64).eps)
# What rounding leaves of a constant, as a multiple of its size.
_ROUNDING = 8


@np.errstate(invalid="ignore", over="ignore")
def zscore(series: NDArray[Any], run_lengths: Sequence[int], *, ddof: int) -> None:
    """Mean 0 and standard deviation 1 within each run; a constant column becomes 0.

    A column with an infinite value becomes NaN.

    Parameters
    ----------
    series : ndarray, shape (volumes, columns)
        Changed in place; computed in float64.
    run_lengths : sequence of int
        Volumes of each run; they sum to the volumes.
    ddof : int
        1 divides by n - 1 (sample), 0 by n (population).
    """
    for part in _parts(series, run_lengths):
        values = part.astype(np.float64)
        mean = values.mean(axis=0)
        values -= mean
        deviation = np.sqrt((values**2).sum(axis=0) / (len(values) - ddof))
        constant = deviation <= _EPS * np.maximum(1, _ROUNDING * np.abs(mean))
        deviation[constant] = 1
        part[:] = np.where(constant, 0, values / deviation)


@np.errstate(invalid="ignore", over="ignore")
def percent_change(series: NDArray[Any], run_lengths: Sequence[int]) -> None:
    """Difference from the mean of its run, in percent of that mean's size.

    A column whose mean is 0 becomes 0. Parameters are those of `zscore`.
    """
    for part in _parts(series, run_lengths):
        values = part.astype(np.float64)
        mean = values.mean(axis=0)
        meaningless = np.abs(mean) < _EPS
        size = np.where(meaningless, 1, np.abs(mean))
        part[:] = np.where(meaningless, 0, 100 * (values - mean) / size)


def _parts(series: NDArray[Any], run_lengths: Sequence[int]) -> Iterator[NDArray[Any]]:
    """Views of each run, some columns at a time, so that their float64 copies stay small."""
    start = 0
    for length in run_lengths:
        for tile in tiles(series.shape[1]):
            yield series[start : start + length, tile]
        start += length
