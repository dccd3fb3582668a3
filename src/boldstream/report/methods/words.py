"""Settings in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boldstream.report.blocks import listed, number
from boldstream.report.methods.references import Citations

_ESTIMATORS = {
    "svc": "a linear support vector classifier (LinearSVC, L2 penalty, C = 1)",
    "svc_l1": "a linear support vector classifier (LinearSVC, L1 penalty, C = 1)",
    "logistic": "logistic regression (L2 penalty chosen by cross-validation within the "
    "training data)",
    "logistic_l1": "logistic regression (L1 penalty chosen by cross-validation within the "
    "training data)",
    "lda": "linear discriminant analysis",
    "gnb": "Gaussian naive Bayes classification",
    "nearest_centroid": "nearest-centroid classification",
    "correlation": "classification by the highest correlation with the mean pattern of a class",
    "ridge_classifier": "ridge classification (penalty chosen by cross-validation within the "
    "training data)",
    "dummy_classifier": "guesses by the frequency of classes (DummyClassifier)",
    "ridge": "ridge regression (penalty chosen by cross-validation within the training data)",
    "lasso": "lasso regression (penalty chosen by cross-validation within the training data)",
    "svr": "linear support vector regression (SVR, C = 1)",
    "dummy_regressor": "the mean of the training data (DummyRegressor)",
}
_SAME = {
    "svc_l2": "svc",
    "logistic_l2": "logistic",
    "ridge_regressor": "ridge",
    "lasso_regressor": "lasso",
}
_SCORES = {"accuracy": "accuracy", "r2": "R²", "roc_auc": "area under the ROC curve"}
_NUMBER_OF_FOLDS = "5"


def estimator_words(name: str, cite: Citations) -> str:
    """What decodes.

    Examples
    --------
    >>> estimator_words("lda", Citations())
    'linear discriminant analysis'
    """
    name = _SAME.get(name, name)
    words = _ESTIMATORS.get(name, name)
    return f"{words} {cite('haxby2001')}" if name == "correlation" else words


def folds_words(cv: str) -> str:
    """How data were divided.

    Examples
    --------
    >>> folds_words("logo"), folds_words("logo:2"), folds_words("kfold:4")
    ('leave-one-run-out cross-validation', 'leave-2-runs-out cross-validation', '4-fold ...)
    """
    name, _, given = cv.partition(":")
    n = given.lstrip("0") or _NUMBER_OF_FOLDS
    return {
        "logo": "leave-one-run-out cross-validation"
        if given.lstrip("0") in ("", "1")
        else f"leave-{n}-runs-out cross-validation",
        "loo": "leave-one-trial-out cross-validation",
        "kfold": f"{n}-fold cross-validation of consecutive trials",
        "stratified": f"{n}-fold cross-validation, stratified by class",
        "groupkfold": f"{n}-fold cross-validation that keeps runs whole",
    }.get(name, f"cross-validation ({cv})")


def score_words(scoring: str | None, *, values: bool) -> str:
    """What a score is."""
    name = scoring if scoring is not None and not values else "r2" if values else "accuracy"
    return _SCORES.get(name, name)


def response_words(settings: Mapping[str, Any], cite: Citations) -> str:
    """The haemodynamic response and drift of a model."""
    hrf = str(settings["hrf_model"])
    cited = f" {cite('glover1999')}" if hrf.startswith("glover") else ""
    drift = settings.get("drift_model")
    if drift == "cosine":
        cut = settings["high_pass"]
        slow = f"cosine drift terms (high-pass cut-off {number(cut)} Hz, {number(1 / cut)} s)"
    else:
        slow = "no drift terms" if drift is None else f"{drift} drift terms"
    return f"the haemodynamic response model “{hrf}” of nilearn{cited}, {slow}"


def confound_words(parameters: Mapping[str, Any], cite: Citations) -> str:
    """Nuisance regressors."""
    settings = parameters.get("confound_settings") or {}
    if settings.get("strategy"):
        name = settings["strategy"]
        return f"the confounds of the strategy “{name}” of nilearn for fMRIPrep {cite('wang2024')}"
    if settings.get("columns"):
        return f"the confounds {listed(settings['columns'], most=40)}"
    return "no confounds"


def smoothing_words(fwhm: float | None) -> str:
    """Whether volumes were smoothed."""
    if fwhm is None:
        return "Volumes were not smoothed."
    width = f"{number(fwhm)} mm full width at half maximum"
    return f"Volumes were smoothed with a Gaussian kernel of {width}."


def permutation_words(settings: Mapping[str, Any], cite: Citations) -> str:
    """Where p came from; nothing without permutations."""
    n = settings.get("permutations") or 0
    if not n:
        return ""
    blocks = settings.get("permutation_blocks")
    what = "stretches of equal labels" if blocks == "auto" else "labels of trials"
    return (
        f"p values are one-sided, from {n} permutations of {what} within runs, "
        f"p = (b + 1) / (n + 1) {cite('phipson2010')}."
    )


def target_words(targets: Mapping[str, Mapping[str, Any]]) -> str:
    """What was decoded.

    Examples
    --------
    >>> target_words({"value": {"column": "subjective_value", "values": True}})
    'value (values of the column “subjective_value”)'
    """
    return listed([_target(name, target) for name, target in targets.items()])


def _target(name: str, target: Mapping[str, Any]) -> str:
    kind = "values" if target.get("values") else "classes"
    some = target.get("conditions")
    of = f": {listed(some)}" if some else ""
    return f"{name} ({kind} of the column “{target.get('column', name)}”{of})"
