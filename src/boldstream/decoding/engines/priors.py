"""How probable classes are before anything is measured."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.task.problem import Targets

Floats = NDArray[np.float64]
Priors: TypeAlias = tuple[float, ...] | None


def read_priors(given: Any, targets: Targets) -> Priors | str:
    """Given probabilities of classes, None for those of each fold; or why they are not taken."""
    if given is None:
        return None
    priors = np.asarray(given, dtype=np.float64)
    well = priors.shape == (targets.n_classes,) and bool((priors > 0).all())
    if not (well and abs(priors.sum() - 1) < 1e-8):
        return "priors that are not one positive number for each class, of sum 1"
    return tuple(map(float, priors))


def priors_of(priors: Priors, sizes: Floats) -> Floats:
    """Of the classes that there are by their `sizes` (..., classes); 0 of an absent one."""
    given = sizes if priors is None else np.where(sizes > 0, priors, 0.0)
    out: Floats = given / given.sum(axis=-1, keepdims=True)
    return out


def log_priors(priors: Priors, sizes: Floats) -> Floats:
    """Logarithms (labellings, folds, classes) from `sizes` of classes; 0 of an absent one."""
    out: Floats = np.log(np.where(sizes > 0, priors_of(priors, sizes), 1.0))
    return out
