"""The score that is expected where nothing is to be found."""

from __future__ import annotations

from typing import Any

import numpy as np

from boldstream.core.checks import finite_number
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
        return finite_number("chance", chance)
    of_values = targets.classes is None
    sizes = np.empty(0) if of_values else np.bincount(targets.labellings[0])
    metric = find_metric(scoring, len(sizes))
    if metric == ACCURACY:
        return float(sizes.max() / sizes.sum())
    if metric == BALANCED_ACCURACY:
        return 1 / len(sizes)
    return {ROC_AUC: 0.5, R2: 0.0}.get(metric) if isinstance(metric, int) else None
