"""Which score is asked for, and if kernels know it."""

from __future__ import annotations

from typing import Any

from boldstream.kernels.decoding.scores import ACCURACY, BALANCED_ACCURACY, NEG_MSE, R2, ROC_AUC

_OF_CLASSES = {"accuracy": ACCURACY, "balanced_accuracy": BALANCED_ACCURACY, "roc_auc": ROC_AUC}
_OF_VALUES = {"r2": R2, "neg_mean_squared_error": NEG_MSE}


def find_metric(scoring: Any, n_classes: int) -> int | str:
    """The score that kernels compute, or why there is none.

    Parameters
    ----------
    scoring : str, callable or None
        As scikit-learn takes it; None for accuracy or R².
    n_classes : int
        0 for values.
    """
    known = _OF_CLASSES if n_classes else _OF_VALUES
    if scoring is None:
        return ACCURACY if n_classes else R2
    name = scoring if isinstance(scoring, str) else _name_of(scoring, tuple(known))
    if name not in known:
        return f"scoring {scoring!r}"
    if name == "roc_auc" and n_classes > 2:
        return "roc_auc of more than two classes"
    return known[name]


def _name_of(scoring: Any, names: tuple[str, ...]) -> str | None:
    """The name under which scikit-learn knows a scorer object."""
    from sklearn.metrics import get_scorer

    for name in names:
        if repr(get_scorer(name)) == repr(scoring):
            return name
    return None
