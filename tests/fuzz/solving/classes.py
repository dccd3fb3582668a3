"""Means, sizes and priors of the classes that a fold has."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from tests.fuzz.solving.fold import Fold


def means_of(fold: Fold) -> np.ndarray:
    return np.array([fold.x[fold.y == c].mean(axis=0) for c in fold.classes])


def sizes_of(fold: Fold) -> np.ndarray:
    return np.array([(fold.y == c).sum() for c in fold.classes])


def priors_of(estimator: Any, fold: Fold) -> np.ndarray | None:
    """Those given of the classes that there are, which are the whole; None if none are given."""
    if estimator.priors is None:
        return None
    priors = np.array(estimator.priors)[fold.classes]
    return np.asarray(priors / priors.sum())


def of_present(estimator: Any, fold: Fold) -> Any:
    """scikit-learn takes priors of the classes alone that there are."""
    return clone(estimator).set_params(priors=priors_of(estimator, fold))
