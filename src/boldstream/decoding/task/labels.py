"""Targets, from what scikit-learn and nilearn take as `y`, and other labels of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.core.labels import label_array, of_one_kind
from boldstream.decoding.task.problem import Targets

Labels = NDArray[Any]


def encode_targets(y: Any, *, classifier: bool, name: str = "y") -> Targets:
    """What is predicted, as codes of classes or as values.

    Parameters
    ----------
    y : sequence, shape (samples,)
        Labels of one kind (text, integers, booleans, whole floats), or
        numbers; pandas' Series and Categorical too.
    classifier : bool
    name : str
        What errors call it.

    Returns
    -------
    Targets
        With one labelling, what was given.

    Raises
    ------
    ParameterError
        If values are missing, a classifier is given continuous values or one
        class, or a regressor something else than finite numbers.

    Examples
    --------
    >>> targets = encode_targets(["house", "face", "house"], classifier=True)
    >>> targets.labellings, targets.classes
    (array([[1, 0, 1]], dtype=int16), array(['face', 'house'], dtype='<U5'))
    """
    labels = vector_of(name, y)
    if not classifier:
        return _values(labels, name)
    if labels.dtype.kind == "f":
        broken = labels[labels != np.round(labels)]
        if len(broken) or not np.isfinite(labels).all():
            raise ParameterError(
                f"`{name}` must hold classes for a classifier, got continuous values such as "
                f"{said(broken[0] if len(broken) else np.inf)}; for values take a regressor, "
                "such as 'ridge' or 'svr'"
            )
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ParameterError(
            f"`{name}` must hold at least two classes, got only {said(classes[0])}"
        )
    return Targets(codes.astype(np.int16)[None], classes)


def _values(labels: Labels, name: str) -> Targets:
    if labels.dtype.kind not in "biuf":
        raise ParameterError(
            f"`{name}` must hold numbers for a regressor, got {said(labels[0])}; for classes take "
            "a classifier, such as 'svc' or 'ridge_classifier'"
        )
    values = labels.astype(np.float64)
    if not np.isfinite(values).all():
        raise ParameterError(f"`{name}` must hold finite numbers, got infinity")
    return Targets(values[None], None, float(values.mean()))


def vector_of(name: str, given: Any, n_samples: int | None = None) -> Labels:
    """A label for each sample as an array of one kind.

    Raises
    ------
    ParameterError
        If it is not one-dimensional, of another length, mixes text and
        numbers, or misses values.
    """
    from pandas import isna

    array = label_array(name, given)
    if array.ndim != 1 or not len(array):
        raise ParameterError(
            f"`{name}` must hold one entry for each sample, got an array of shape {array.shape}"
        )
    if n_samples is not None and len(array) != n_samples:
        raise ParameterError(
            f"`{name}` must have one entry for each of the {n_samples} samples, got {len(array)}"
        )
    missing = int(np.sum(isna(array)))
    if missing:
        raise ParameterError(
            f"`{name}` must have no missing values, got {missing} among {len(array)}"
        )
    array = of_one_kind(name, array)
    if array.dtype.kind not in "biufUS":
        raise ParameterError(f"`{name}` must hold text, numbers or booleans, got {array.dtype}")
    return array


def said(label: Any) -> str:
    """A label as a user would write it: numpy's own form names its type."""
    return repr(label.item() if isinstance(label, np.generic) else label)
