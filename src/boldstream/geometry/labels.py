"""Labels of samples: conditions, folds, runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.core.labels import label_array, of_one_kind


@dataclass(frozen=True, eq=False)
class Labels:
    """A label for each sample.

    Attributes
    ----------
    names : tuple of str
        Different labels as text, sorted; numbers by their value.
    codes : ndarray of int, shape (samples,)
        Positions in `names`.
    """

    names: tuple[str, ...]
    codes: NDArray[np.intp]


def encode_labels(name: str, given: Any, n_samples: int | None = None) -> Labels:
    """Find the different labels, and the one of each sample.

    Parameters
    ----------
    name : str
        What errors call them.
    given : sequence, shape (samples,)
        Text, numbers or booleans; pandas' Series and Categorical too.
    n_samples : int, optional
        How many there must be.

    Raises
    ------
    ParameterError
        If they are not text or numbers, one for each sample, of one kind, none missing.

    Examples
    --------
    >>> labels = encode_labels("runs", [10.0, 2.0, 10.0])
    >>> labels.names, labels.codes.tolist()
    (('2', '10'), [1, 0, 1])
    """
    from pandas import isna

    array = label_array(name, given)
    wanted = "each sample" if n_samples is None else f"each of the {n_samples} samples"
    if array.ndim != 1 or not len(array) or (n_samples is not None and len(array) != n_samples):
        raise ParameterError(
            f"`{name}` must hold one label for {wanted}, got an array of shape {array.shape}"
        )
    missing = int(np.sum(isna(array)))
    if missing:
        raise ParameterError(
            f"`{name}` must have no missing labels, got {missing} among {len(array)}"
        )
    array = of_one_kind(name, array)
    if array.dtype.kind not in "biufU":
        raise ParameterError(f"`{name}` must hold text or numbers, got {array.dtype}")
    values, codes = np.unique(array, return_inverse=True)
    return Labels(tuple(_text(value) for value in values.tolist()), codes.astype(np.intp))


def _text(value: Any) -> str:
    # Whole numbers beside missing ones are floats in a table.
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
