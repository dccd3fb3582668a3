"""Labels of samples as users pass them, one for each: what numpy would make of them, undone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError


def label_array(name: str, given: Any) -> NDArray[Any]:
    """Return labels as an array; text that is no array of numpy as objects, each what it was.

    Raises
    ------
    ParameterError
        If entries are lists of several lengths.

    Examples
    --------
    >>> label_array("y", ["a", float("nan")]).tolist()
    ['a', nan]
    """
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ParameterError(
            f"`{name}` must hold one entry for each sample, got lists of several lengths"
        ) from error
    if array.dtype.kind in "US" and not isinstance(given, np.ndarray):
        # Beside text numpy has made text of numbers and of NaN.
        array = np.asarray(given, object)
    return array


def of_one_kind(name: str, labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as numpy's own type where they are objects, none of them missing.

    Raises
    ------
    ParameterError
        If text stands beside something else, of which numpy would make text.

    Examples
    --------
    >>> of_one_kind("y", label_array("y", ["a", 1]))
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `y` must hold entries of one kind, got int, str
    """
    if labels.dtype != object:
        return labels
    entries = labels.tolist()
    array = np.array(entries)
    if array.ndim != 1 or (array.dtype.kind == "U") != all(isinstance(e, str) for e in entries):
        kinds = sorted({type(entry).__name__ for entry in entries})
        raise ParameterError(f"`{name}` must hold entries of one kind, got {', '.join(kinds)}")
    return array
