"""Conditions: which samples are taken, by their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError


def kept_by_condition(labels: NDArray[Any], conditions: Sequence[Any] | None) -> NDArray[np.intp]:
    """Positions of samples whose label is among `conditions`; all without these.

    Raises
    ------
    ParameterError
        If there is no sample of a condition, or conditions are one text.

    Examples
    --------
    >>> kept_by_condition(np.array(["rest", "face", "house"]), ["face", "house"])
    array([1, 2])
    """
    if conditions is None:
        return np.arange(len(labels))
    there = set(labels.tolist())
    if isinstance(conditions, str) or not len(conditions):
        raise ParameterError(f"`conditions` must be a list of labels, got {conditions!r}")
    for condition in conditions:
        if condition not in there:
            names = sorted(map(str, there))
            listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
            raise ParameterError(
                f"`conditions` must be labels of samples ({listed}), got {condition!r}"
                f"{did_you_mean(condition, names)}"
            )
    return np.flatnonzero(np.isin(labels, list(conditions)))
