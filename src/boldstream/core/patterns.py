"""Patterns that users pass: an array (samples, voxels) of finite numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import NonFiniteError, ParameterError


def checked_patterns(name: str, patterns: Any, *, of: str = "") -> NDArray[Any]:
    """Return patterns as an array (samples, voxels) of finite numbers.

    Parameters
    ----------
    name : str
        Of the parameter.
    patterns : array
    of : str
        What they are of, for errors: "the region 'V1'".

    Raises
    ------
    ParameterError
        If they are no numbers, have another shape, or are empty.
    NonFiniteError
        If there is NaN or infinity.

    Examples
    --------
    >>> checked_patterns("X", [[1.0, np.nan]], of="the region 'V1'")
    Traceback (most recent call last):
    boldstream.core.errors.NonFiniteError: `X` must hold finite numbers, got NaN or infinity in ...
    """
    values = np.asarray(patterns)
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "biuf":
        raise ParameterError(
            f"`{name}` must hold numbers (samples, voxels), got {values.dtype} of shape "
            f"{values.shape}{of and f' for {of}'}"
        )
    broken = int(np.count_nonzero(~np.isfinite(values).all(axis=0)))
    if broken:
        raise NonFiniteError(
            f"`{name}` must hold finite numbers, got NaN or infinity in {broken} of "
            f"{values.shape[1]} voxels{of and f' of {of}'}"
        )
    return values
