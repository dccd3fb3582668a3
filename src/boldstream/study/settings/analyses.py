"""What is worked out: betas, behaviour, and the analyses of a study."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from boldstream.core.checks import did_you_mean
from boldstream.study.settings.base import Name, OwnPath, Settings

Count = Annotated[int, Field(ge=0)]
Millimetres = Annotated[float, Field(gt=0)]


def _count_or_share(number: float) -> float:
    if number > 1 and not number.is_integer():
        raise ValueError(f"must be a share below 1, or a whole number of voxels, got {number:g}")
    return number


def alphanumeric(label: str) -> str:
    """A label as BIDS has it in names of files: letters and digits only.

    Examples
    --------
    >>> alphanumeric("choose_now-later")
    'choosenowlater'
    """
    return "".join(char for char in label if char.isalnum())


ESTIMATORS = (
    *("svc", "svc_l1", "svc_l2", "logistic", "logistic_l1", "logistic_l2", "lda", "gnb"),
    *("nearest_centroid", "correlation", "ridge_classifier", "dummy_classifier"),
    *("ridge", "ridge_regressor", "lasso", "lasso_regressor", "svr", "dummy_regressor"),
)
"""Names that `boldstream.decoding` knows, here without its packages."""

_CV = re.compile(r"loo|logo(:0*[1-9]\d*)?|(kfold|stratified|groupkfold)(:0*([2-9]|[1-9]\d+))?")


def _known_estimator(name: str) -> str:
    if name not in ESTIMATORS:
        listed, hint = ", ".join(ESTIMATORS), did_you_mean(name, ESTIMATORS)
        raise ValueError(f"must be one of {listed}, got {name!r}{hint}")
    return name


def _known_folds(text: str) -> str:
    if not _CV.fullmatch(text):
        raise ValueError(
            "must be 'kfold:4', 'stratified:5', 'groupkfold:3', 'logo', 'logo:2' or 'loo', "
            f"got {text!r}"
        )
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must be a sum of conditions, as 'face - house', got nothing")
    return text.strip()


Expression = Annotated[str, AfterValidator(_not_blank)]


def _at_least_one(given: dict[str, str]) -> dict[str, str]:
    if not given:
        raise ValueError("must hold at least one, got none")
    return given


def _known_noise(name: str) -> str:
    if not re.fullmatch("ols|ar[1-9][0-9]?", name):
        raise ValueError(f"must be 'ols', or 'ar1', 'ar2', ..., got {name!r}")
    return name


NoiseModel = Annotated[str, AfterValidator(_known_noise)]
EstimatorName = Annotated[str, AfterValidator(_known_estimator)]
FoldsName = Annotated[str, AfterValidator(_known_folds)]
Selection = Annotated[float, Field(gt=0), AfterValidator(_count_or_share)]


class BetaSettings(Settings):
    """A beta for every trial, by `boldstream.trial_betas`."""

    method: Literal["lss", "lsa"] = "lss"
    """A model for each trial (least squares separate), or one for all."""
    others: Literal["condition", "all"] = "condition"
    """With lss: other trials have a regressor for each condition, or share one."""
    conditions: tuple[str, ...] | None = None
    """Values of trial_type whose trials get betas; all by default."""
    hrf_model: str = "glover"
    """As nilearn's."""
    drift_model: Literal["cosine", "polynomial"] | None = "cosine"
    """As nilearn's."""
    high_pass: Annotated[float, Field(gt=0)] = 0.01
    """In Hz."""
    smoothing_fwhm: Millimetres | None = None
    """Full width at half maximum in mm."""
    signal_scaling: Literal["voxel"] | None = None
    """Betas in percent of the mean of each voxel; by default in the unit of the image."""


class TargetSettings(Settings):
    """What is decoded: a column of the trial table."""

    column: str
    """Of the events, or one that a behavioural model adds: subjective_value, p_delayed."""
    values: bool = False
    """Whether it is a value to predict, rather than a class."""
    conditions: tuple[str, ...] | None = None
    """Classes to take; trials of others are left out."""


OF_BEHAVIOUR = ("subjective_value", "value_difference", "p_delayed")
"""Columns that a model of behaviour adds to trials."""


class BehaviourSettings(Settings):
    """Choices between an amount now and a larger one later."""

    model: Literal["hyperbolic"] = "hyperbolic"
    """V = A / (1 + kD) with a logistic choice rule."""
    choice: str = "choice"
    """Column: 1 or "delayed" where the later amount was taken."""
    amount: str = "delayed_amount"
    """Column: the later amount."""
    delay: str = "delay"
    """Column: how much later."""
    immediate: str | float = "immediate_amount"
    """Column, or the one amount now."""
    response_time: str | None = None
    """Column in seconds, to be checked."""
    max_missing: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Largest share of trials without a choice; a subject with more is left out."""
    min_trials: Annotated[int, Field(ge=1)] = 1
    """Smallest number of trials with a choice."""
    accuracy: str | None = None
    """Column of numbers from 0 to 1, to be checked."""
    min_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    """Smallest mean accuracy."""
    response_time_range: tuple[float, float] | None = None
    """Seconds; a response below is too fast, one above too slow."""
    max_outside: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Largest share of response times outside of that range."""


class _Analysis(Settings):
    name: Name
    """Its results have this name."""


class ExtractionSettings(_Analysis):
    """Time courses of regions, cleaned as nilearn cleans them."""

    kind: Literal["extraction"]
    rois: tuple[str, ...] | None = None
    """Names; all by default."""
    standardize: Literal["zscore_sample", "zscore", "psc"] | bool = "zscore_sample"
    """To mean 0 and SD 1, to percent of the mean, or not at all."""
    detrend: bool = True
    """Whether a straight line is taken out."""
    high_pass: Annotated[float, Field(gt=0)] | None = None
    """In Hz."""
    low_pass: Annotated[float, Field(gt=0)] | None = None
    """In Hz."""
    smoothing_fwhm: Millimetres | None = None
    """Full width at half maximum in mm."""


class _Decoder(_Analysis):
    estimator: EstimatorName = "svc"
    """As `boldstream.decoding.SearchLight` takes it."""
    cv: FoldsName = "logo"
    """Folds: logo leaves out a run, logo:2 two, loo a trial; or kfold:4, stratified:5,
    groupkfold:3."""
    scoring: str | None = None
    """Of scikit-learn; accuracy or R² by default."""
    permutations: Count = 0
    """Labellings for p."""
    permutation_blocks: Literal["auto", "trials"] | None = None
    """Needed where trials of a run share labels more than chance allows: "auto" keeps stretches
    of equal labels whole, "trials" says that every trial was drawn for itself."""


class DecodingSettings(_Decoder):
    """Targets decoded from regions."""

    kind: Literal["decoding"]
    rois: tuple[str, ...] | None = None
    """Names; all by default."""
    targets: tuple[str, ...] | None = None
    """Names; all by default."""
    estimators: dict[str, EstimatorName] = Field(default_factory=dict)
    """Estimators of single targets; by default "svc" for classes and "ridge" for values."""
    scale: bool = True
    """Whether voxels are standardised in each fold."""
    allow_leakage: bool = False
    """Whether folds may test what they train on, as runs on both sides of them; needed with one run
    and stratified folds."""
    select: Selection | None = None
    """Take so many voxels, or a share below 1, by their F in each fold."""
    param_grid: dict[str, list[Any]] | None = None
    """Parameters to choose inside each fold."""


class SearchlightSettings(_Decoder):
    """A target decoded around every voxel; one of values by "ridge", unless told otherwise."""

    kind: Literal["searchlight"]
    target: str
    """Name of the target."""
    radius: Millimetres = 8.0
    """In mm."""
    process_mask: OwnPath | None = None
    """Mask of the voxels that are centres, relative to the study file, with {subject} for subjects'
    own; by default all of the brain mask."""
    tfce: bool = False
    """Whether scores are enhanced; needs permutations."""


LEAST_CONDITIONS = 3
"""Fewer have one dissimilarity, which cannot be compared with those of a model."""


class GeometrySettings(_Analysis):
    """Dissimilarities of conditions in regions, and models of them."""

    kind: Literal["geometry"]
    rois: tuple[str, ...] | None = None
    """Names; all by default."""
    target: str
    """Name of the target whose classes are the conditions."""
    metric: Literal["correlation", "euclidean", "crossnobis"] = "crossnobis"
    """Of dissimilarity; crossnobis is cross-validated over runs."""
    noise: Literal["diagonal", "shrinkage", "ledoit_wolf"] | None = None
    """Whether patterns are whitened by the noise of trials about their condition's mean."""
    models: dict[Name, OwnPath] = Field(default_factory=dict)
    """Tables of model dissimilarities by name (conditions × conditions, TSV), relative to the study
    file."""
    method: Literal["spearman", "pearson", "kendall_tau_a", "cosine"] = "spearman"
    """How dissimilarities are compared with models."""
    embedding: Literal["mds", "pca"] | None = None
    """Whether conditions are placed in a plane: by their dissimilarities (classical scaling), or by
    principal components of their mean patterns."""
    temporal: bool = False
    """Whether how far apart in time conditions were is taken out of both first."""
    permutations: Count = 1000
    """Of conditions, for p."""


class RdmSearchlightSettings(_Analysis):
    """Models of dissimilarities compared with those around every voxel."""

    kind: Literal["rdm_searchlight"]
    target: str
    """Name of the target whose classes are the conditions."""
    models: Annotated[dict[Name, OwnPath], AfterValidator(_at_least_one)]
    """Tables of model dissimilarities by name (conditions × conditions, TSV), relative to the study
    file."""
    radius: Millimetres = 8.0
    """In mm."""
    process_mask: OwnPath | None = None
    """Mask of the voxels that are centres, relative to the study file, with {subject} for subjects'
    own; by default all of the brain mask."""
    metric: Literal["correlation", "euclidean", "crossnobis"] = "crossnobis"
    """Of dissimilarity; crossnobis is cross-validated over runs."""
    noise: Literal["diagonal"] | None = None
    """Whether voxels are divided by the noise of trials about their condition's mean."""
    method: Literal["spearman", "pearson", "kendall_tau_a", "cosine"] = "spearman"
    """How dissimilarities are compared with models."""
    temporal: bool = False
    """Whether how far apart in time conditions were is taken out of both first."""


class ContrastsSettings(_Analysis):
    """Contrasts of conditions in one model of all runs, by `boldstream.FirstLevel`."""

    kind: Literal["contrasts"]
    contrasts: Annotated[dict[Name, Expression], AfterValidator(_at_least_one)]
    """Sums of conditions by name, as "face - 0.5*house"; with backticks around conditions that are
    not one plain word."""
    hrf_model: str = "glover"
    """As nilearn's."""
    drift_model: Literal["cosine", "polynomial"] | None = "cosine"
    """As nilearn's."""
    high_pass: Annotated[float, Field(gt=0)] = 0.01
    """In Hz."""
    noise_model: NoiseModel = "ar1"
    """ols, or ar1, ar2, ... with an autoregression of that order."""
    smoothing_fwhm: Millimetres | None = None
    """Full width at half maximum in mm."""
    signal_scaling: Literal["voxel"] | None = "voxel"
    """Effects in percent of the mean of each voxel; with null in the unit of the image."""


class GroupSettings(_Analysis):
    """Results of all subjects of another analysis, tested together."""

    kind: Literal["group"]
    of: str
    """Name of the analysis."""
    permutations: Annotated[int, Field(ge=1)] = 5000
    """Sign flips."""
    tfce: bool = False
    """Of maps: whether they are enhanced."""
    chance: float | None = None
    """By default that of the scores."""


OF_SPHERES = (SearchlightSettings, RdmSearchlightSettings)
OF_BETAS = (DecodingSettings, GeometrySettings, *OF_SPHERES)
"""Analyses of betas of trials."""
OF_IMAGES = (*OF_BETAS, ExtractionSettings, ContrastsSettings)
"""Analyses that need images."""

Analysis = Annotated[
    ExtractionSettings
    | DecodingSettings
    | SearchlightSettings
    | GeometrySettings
    | RdmSearchlightSettings
    | ContrastsSettings
    | GroupSettings,
    Field(discriminator="kind"),
]
