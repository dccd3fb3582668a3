"""Statistics of regions: consecutive segments of one gathered volume.

Each function takes `values`, float64, in which the voxels of a region stand
side by side, `starts`, where each region begins, and `counts`, its number of
voxels (never 0), and returns one float64 number per region.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def segment_sum(values: Floats, starts: Ints, counts: Ints) -> Floats:
    """Sum of each region."""
    return np.add.reduceat(values, starts)


def segment_mean(values: Floats, starts: Ints, counts: Ints) -> Floats:
    """Mean of each region."""
    return segment_sum(values, starts, counts) / counts


def segment_minimum(values: Floats, starts: Ints, counts: Ints) -> Floats:
    """Least value of each region."""
    return np.minimum.reduceat(values, starts)


def segment_maximum(values: Floats, starts: Ints, counts: Ints) -> Floats:
    """Greatest value of each region."""
    return np.maximum.reduceat(values, starts)


def segment_variance(values: Floats, starts: Ints, counts: Ints) -> Floats:
    """Population variance of each region, by two passes over its values."""
    apart = np.repeat(segment_mean(values, starts, counts), counts)
    np.subtract(values, apart, out=apart)
    apart *= apart
    return segment_mean(apart, starts, counts)


def segment_standard_deviation(values: Floats, starts: Ints, counts: Ints) -> Floats:
    """Population standard deviation of each region."""
    return np.sqrt(segment_variance(values, starts, counts))


def segment_median(values: Floats, starts: Ints, counts: Ints) -> Floats:
    """Median of each region."""
    regions = zip(starts, starts + counts, strict=True)
    return np.array([np.median(values[start:stop]) for start, stop in regions])


STRATEGIES: dict[str, Callable[[Floats, Ints, Ints], Floats]] = {
    "mean": segment_mean,
    "sum": segment_sum,
    "median": segment_median,
    "minimum": segment_minimum,
    "maximum": segment_maximum,
    "standard_deviation": segment_standard_deviation,
    "variance": segment_variance,
}
