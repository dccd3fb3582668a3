"""The score that is expected where nothing is to be found."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from boldstream.core.errors import ParameterError
from boldstream.decoding.task.problem import Targets
from boldstream.decoding.task.scorers import find_metric
from boldstream.kernels.decoding.scores import ACCURACY, BALANCED_ACCURACY, R2, ROC_AUC


def find_chance(chance: Any, scoring: Any, targets: Targets) -> float | None:
    """The score that is given, or that of guessing; None where the scorer is not known.

    Parameters
    ----------
    chance : float or None
    scoring : str, callable or None
        As scikit-learn takes it.
    targets : Targets

    Returns
    -------
    float or None
        By default the share of the most frequent class for accuracy, 1 / classes
        for balanced accuracy, 0.5 for ROC AUC and 0 for R².

    Raises
    ------
    ParameterError
        If `chance` is no finite number.
    """
    if chance is not None:
        is_number = isinstance(chance, numbers.Real) and not isinstance(chance, bool)
        if not (is_number and np.isfinite(float(chance))):
            raise ParameterError(f"`chance` must be a finite number, got {chance!r}")
        return float(chance)
    metric = find_metric(scoring, targets.n_classes)
    if metric == ACCURACY:
        counts = np.bincount(targets.labellings[0])
        return float(counts.max() / counts.sum())
    known = {BALANCED_ACCURACY: 1 / max(1, targets.n_classes), ROC_AUC: 0.5, R2: 0.0}
    return None if isinstance(metric, str) else known.get(metric)
