"""Names that nilearn and scikit-learn know, and whether they suit what is decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from boldstream.core.checks import did_you_mean
from boldstream.study.settings.analyses import (
    Analysis,
    ContrastsSettings,
    DecodingSettings,
    SearchlightSettings,
    TargetSettings,
)

if TYPE_CHECKING:
    from boldstream.study.settings.agreeing import Wrong
    from boldstream.study.settings.models import StudySettings

RESPONSES = tuple(
    f"{shape}{more}"
    for shape in ("glover", "spm")
    for more in ("", " + derivative", " + derivative + dispersion")
)
"""Models of the response that have one size for each trial, as nilearn names them."""

REGRESSORS = ("ridge", "ridge_regressor", "lasso", "lasso_regressor", "svr", "dummy_regressor")
"""Names of estimators that predict values; the others predict classes."""

SCORES_OF_VALUES = (
    *("r2", "explained_variance", "neg_max_error", "d2_absolute_error_score"),
    *("neg_mean_absolute_error", "neg_median_absolute_error", "neg_mean_absolute_percentage_error"),
    *("neg_mean_squared_error", "neg_root_mean_squared_error"),
    *("neg_mean_squared_log_error", "neg_root_mean_squared_log_error"),
    *("neg_mean_poisson_deviance", "neg_mean_gamma_deviance"),
)
SCORES_OF_CLASSES = (
    *("accuracy", "balanced_accuracy", "top_k_accuracy", "matthews_corrcoef"),
    *("roc_auc", "roc_auc_ovr", "roc_auc_ovo", "roc_auc_ovr_weighted", "roc_auc_ovo_weighted"),
    *("average_precision", "neg_log_loss", "neg_brier_score"),
    *(
        f"{name}{average}"
        for name in ("f1", "precision", "recall", "jaccard")
        for average in ("", "_macro", "_micro", "_weighted")
    ),
)
"""Names of scikit-learn that are known here, so that it need not be imported for them."""


def wrong_names(settings: StudySettings) -> Iterator[Wrong]:
    """Where a score, a response or an estimator is unknown, or not for what it is given for."""
    betas = settings.betas.hrf_model
    if betas.lower() == "fir":
        what = "must have one size for each trial, got 'fir', which has one for each delay"
        yield ("betas", "hrf_model"), what
    else:
        for message in _unless_response(betas, RESPONSES):
            yield ("betas", "hrf_model"), message
    for i, analysis in enumerate(settings.analyses):
        for key, message in _of_analysis(settings, analysis):
            yield ("analyses", i, *key), message


def _of_analysis(settings: StudySettings, analysis: Analysis) -> Iterator[Wrong]:
    if isinstance(analysis, ContrastsSettings):
        for message in _unless_response(analysis.hrf_model, (*RESPONSES, "fir")):
            yield ("hrf_model",), message
    elif isinstance(analysis, DecodingSettings):
        yield from _decoding(settings, analysis)
    elif isinstance(analysis, SearchlightSettings):
        yield from _searchlight(settings, analysis)


def _unless_response(name: str, known: Iterable[str]) -> Iterator[str]:
    if name.lower() not in known:
        listed = ", ".join(map(repr, known))
        yield f"must be one of {listed}, got {name!r}{did_you_mean(name.lower(), known)}"


def _searchlight(settings: StudySettings, analysis: SearchlightSettings) -> Iterator[Wrong]:
    target = settings.targets.get(analysis.target)
    if target is None:
        return
    # Without one that is named, a target of values has a regressor.
    if "estimator" in analysis.model_fields_set:
        for message in _unless_suited(analysis.estimator, analysis.target, target):
            yield ("estimator",), message
    for message in _unless_score(analysis.scoring, analysis.target, target):
        yield ("scoring",), message


def _decoding(settings: StudySettings, analysis: DecodingSettings) -> Iterator[Wrong]:
    names = analysis.targets or tuple(settings.targets)
    known = {name: settings.targets[name] for name in names if name in settings.targets}
    for name, estimator in analysis.estimators.items():
        if name in known:
            for message in _unless_suited(estimator, name, known[name]):
                yield ("estimators", name), message
    classes = {name: target for name, target in known.items() if not target.values}
    left = {name: x for name, x in classes.items() if name not in analysis.estimators}
    is_given = "estimator" in analysis.model_fields_set
    if is_given and known and not left:
        yield ("estimator",), f"is for classes, and {_why_unused(classes)}"
    for name, target in list(left.items())[:1]:
        for message in _unless_suited(analysis.estimator, name, target):
            yield ("estimator",), message
    # Values are scored by R².
    for name, target in list(classes.items())[:1]:
        for message in _unless_score(analysis.scoring, name, target):
            yield ("scoring",), message


def _why_unused(classes: dict[str, TargetSettings]) -> str:
    if classes:
        return "each target of classes has its own in `estimators`"
    return "there are values only: name theirs in `estimators`"


def _unless_suited(estimator: str, name: str, target: TargetSettings) -> Iterator[str]:
    is_regressor = estimator in REGRESSORS
    if is_regressor == target.values:
        return
    if is_regressor:
        hint = "ridge_classifier" if "ridge" in estimator else "svc"
        got = f"got the regressor {estimator!r}; did you mean {hint!r}?"
        yield f"must be a classifier for {name!r}, which has classes, {got}"
    else:
        hint = "svr" if estimator.startswith("svc") else "ridge"
        got = f"got the classifier {estimator!r}; did you mean {hint!r}?"
        yield f"must be a regressor for {name!r}, which has values, {got}"


def _unless_score(scoring: str | None, name: str, target: TargetSettings) -> Iterator[str]:
    if scoring is None or scoring in (SCORES_OF_VALUES if target.values else SCORES_OF_CLASSES):
        return
    if scoring in (SCORES_OF_CLASSES if target.values else SCORES_OF_VALUES):
        kind, other = ("values", "classes") if target.values else ("classes", "values")
        yield f"must be a score of {kind}, as {name!r} has, got {scoring!r}, which is of {other}"
    elif not _is_score(scoring):
        known = SCORES_OF_VALUES if target.values else SCORES_OF_CLASSES
        few = " or ".join(map(repr, known[:2]))
        hint = did_you_mean(scoring, known)
        yield f"must be a score of scikit-learn, such as {few}, got {scoring!r}{hint}"


def _is_score(name: str) -> bool:
    """Whether scikit-learn knows it: asked only of names that are not known here."""
    from sklearn.metrics import get_scorer_names

    return name in get_scorer_names()
