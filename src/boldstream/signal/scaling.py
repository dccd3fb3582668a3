"""The last step of cleaning: time courses on one scale, with the rules of nilearn.

`boldstream.kernels.standardize` has rules of its own for constant columns;
here a result is to equal `nilearn.signal.clean`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
# What rounding leaves of a constant, as a multiple of its size.
_ROUNDING = 8

ONE_VOLUME = (
    "Standardization of 3D signal has been requested but would lead to zero values. Skipping."
)
NO_MEAN = (
    "psc standardization strategy is meaningless for features that have a mean of 0. "
    "These time series are set to 0."
)
BOOLEAN = (
    "boolean values for 'standardize' will be deprecated in nilearn 0.15.0.\n"
    "Use 'zscore_sample' instead of 'True' or use 'None' instead of 'False'."
)


def zscore_sample(block: Floats) -> None:
    """Mean 0 and standard deviation 1 (ddof 1) of each column, in place.

    What rounding left of a constant stays as small as it is; nilearn makes
    numbers of the order of 1 of it where the constant is large.
    """
    mean = block.mean(axis=0)
    block -= mean
    deviation = block.std(axis=0, ddof=1)
    deviation[deviation < _EPS * np.maximum(1, _ROUNDING * np.abs(mean))] = 1.0
    block /= deviation


def percent_change(block: Floats) -> bool:
    """Percent of each column's mean, in place; whether a column had none and became 0."""
    mean = block.mean(axis=0)
    meaningless = np.abs(mean) < _EPS
    block -= mean
    block *= 100 / np.abs(np.where(meaningless, 1.0, mean))
    block[:, meaningless] = 0.0
    return bool(meaningless.any())
