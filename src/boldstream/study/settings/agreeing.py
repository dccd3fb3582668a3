"""Whether the parts of a study file go together: no setting is without effect."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, TypeAlias

from boldstream.core.checks import did_you_mean
from boldstream.study.settings.analyses import (
    LEAST_CONDITIONS,
    Analysis,
    ContrastsSettings,
    DecodingSettings,
    ExtractionSettings,
    GeometrySettings,
    GroupSettings,
    RdmSearchlightSettings,
    SearchlightSettings,
    alphanumeric,
)
from boldstream.study.settings.names import wrong_names

if TYPE_CHECKING:
    from boldstream.study.settings.models import StudySettings

Place: TypeAlias = tuple[str | int, ...]
Wrong: TypeAlias = tuple[Place, str]

# Units of these names there are beside those of analyses.
_STEPS = ("betas", "behaviour", "quality")
_OF_MAPS = (SearchlightSettings, ContrastsSettings, RdmSearchlightSettings)
_OF_MODELS = ("method", "temporal", "permutations")


def wrong_values(settings: StudySettings) -> Iterator[Wrong]:
    """Where a part contradicts another, has no effect, or names what there is not."""
    yield from _confounds(settings)
    yield from _behaviour(settings)
    yield from wrong_names(settings)
    execution = settings.execution
    if execution.scheduler is not None and execution.kind != "dask":
        yield ("execution", "scheduler"), f"goes with `kind: dask`, got {execution.kind!r}"
    names = [analysis.name for analysis in settings.analyses]
    for i, analysis in enumerate(settings.analyses):
        at = ("analyses", i)
        if analysis.name in names[:i]:
            yield (*at, "name"), f"must differ from those of others, got {analysis.name!r} again"
        if analysis.name in _STEPS:
            yield (*at, "name"), f"must not be that of a step, got {analysis.name!r}"
        for key, message in _of_analysis(settings, analysis):
            yield (*at, *key), message


def _confounds(settings: StudySettings) -> Iterator[Wrong]:
    if settings.confounds.strategy is None:
        return
    if settings.confounds.columns:
        yield ("confounds", "columns"), "must be left out with a `strategy`"
    if settings.data.confounds_template is not None:
        place = ("data", "confounds_template")
        yield place, "goes with `confounds.columns`: a `strategy` reads what lies beside images"


def _behaviour(settings: StudySettings) -> Iterator[Wrong]:
    behaviour = settings.behaviour
    if behaviour is None:
        return
    limits = {
        "min_accuracy": ("accuracy", behaviour.accuracy),
        "response_time_range": ("response_time", behaviour.response_time),
        "max_outside": ("response_time_range", behaviour.response_time_range),
    }
    for key, (needed, value) in limits.items():
        is_given = key in behaviour.model_fields_set and getattr(behaviour, key) is not None
        if is_given and value is None:
            yield ("behaviour", key), f"goes with `{needed}`, got none"
    span = behaviour.response_time_range
    if span is not None and not 0 <= span[0] < span[1]:
        yield (
            ("behaviour", "response_time_range"),
            f"must be two times in rising order, such as [0.2, 5], got [{span[0]:g}, {span[1]:g}]",
        )


def _of_analysis(settings: StudySettings, analysis: Analysis) -> Iterator[Wrong]:
    if isinstance(analysis, GroupSettings):
        yield from _group(settings, analysis)
    elif isinstance(analysis, ContrastsSettings):
        yield from _labels("contrasts", analysis.contrasts)
    elif isinstance(analysis, RdmSearchlightSettings):
        yield from _labels("models", analysis.models)
        yield from _unless_known(("target",), analysis.target, settings.targets)
        yield from _conditions(settings, analysis)
    elif isinstance(analysis, SearchlightSettings):
        yield from _unless_known(("target",), analysis.target, settings.targets)
        yield from _permutations(analysis)
    else:
        if isinstance(analysis, DecodingSettings):
            yield from _decoding(settings, analysis)
            yield from _permutations(analysis)
        elif isinstance(analysis, GeometrySettings):
            yield from _unless_known(("target",), analysis.target, settings.targets)
            yield from _geometry(settings, analysis)
        yield from _rois(settings, analysis)


def _rois(
    settings: StudySettings, analysis: ExtractionSettings | DecodingSettings | GeometrySettings
) -> Iterator[Wrong]:
    if settings.rois.atlas is None:
        for j, roi in enumerate(analysis.rois or ()):
            yield from _unless_known(("rois", j), roi, settings.rois.masks)


def _labels(key: str, names: Collection[str]) -> Iterator[Wrong]:
    """Names of maps must differ in what names of files are made of."""
    labels: dict[str, str] = {}
    for name in names:
        label = alphanumeric(name)
        if not label:
            yield (key, name), f"must have letters or digits in its name, got {name!r}"
        elif label in labels:
            yield (
                (key, name),
                f"must differ from {labels[label]!r} in letters or digits, of which names of files "
                f"are made, got {name!r}",
            )
        labels.setdefault(label, name)


def _decoding(settings: StudySettings, analysis: DecodingSettings) -> Iterator[Wrong]:
    for i, target in enumerate(analysis.targets or ()):
        yield from _unless_known(("targets", i), target, settings.targets)
    taken = analysis.targets or tuple(settings.targets)
    for target in analysis.estimators:
        yield from _unless_known(("estimators", target), target, taken)
    known = [settings.targets[name] for name in taken if name in settings.targets]
    if analysis.scoring is not None and known and all(target.values for target in known):
        yield ("scoring",), f"is for classes: values are scored by R², got {analysis.scoring!r}"


def _permutations(analysis: DecodingSettings | SearchlightSettings) -> Iterator[Wrong]:
    if analysis.permutations:
        return
    if analysis.permutation_blocks is not None:
        yield ("permutation_blocks",), "goes with `permutations`, got none"
    if isinstance(analysis, SearchlightSettings) and analysis.tfce:
        yield ("tfce",), "needs `permutations`, got none"


def _geometry(settings: StudySettings, analysis: GeometrySettings) -> Iterator[Wrong]:
    yield from _conditions(settings, analysis)
    if not analysis.models:
        for key in _OF_MODELS:
            if key in analysis.model_fields_set and getattr(analysis, key):
                yield (key,), "goes with `models`, got none"


def _conditions(
    settings: StudySettings, analysis: GeometrySettings | RdmSearchlightSettings
) -> Iterator[Wrong]:
    """What regions and searchlights of dissimilarities have in common."""
    target = settings.targets.get(analysis.target)
    if target is not None and target.values:
        yield ("target",), f"must have classes, got {analysis.target!r}, which has values"
    n_conditions = None if target is None or not target.conditions else len(set(target.conditions))
    if analysis.models and n_conditions is not None and n_conditions < LEAST_CONDITIONS:
        yield (
            ("models",),
            f"must be left out with fewer than {LEAST_CONDITIONS} conditions, whose one "
            f"dissimilarity cannot be compared with others; {analysis.target!r} has {n_conditions}",
        )
    if analysis.noise is not None and analysis.metric == "correlation":
        yield ("noise",), "must be left out with `metric: correlation`, which makes no use of it"
    if analysis.models and analysis.temporal and analysis.method not in ("spearman", "pearson"):
        yield ("temporal",), f"goes with spearman and pearson, got `method: {analysis.method}`"


def _group(settings: StudySettings, analysis: GroupSettings) -> Iterator[Wrong]:
    others = {one.name: one for one in settings.analyses if one.name != analysis.name}
    yield from _unless_known(("of",), analysis.of, others)
    of = others.get(analysis.of)
    if of is None:
        return
    if isinstance(of, ExtractionSettings | GroupSettings):
        yield ("of",), f"must be an analysis that has scores or maps, got one of {of.kind}"
    elif isinstance(of, GeometrySettings) and not of.models:
        yield ("of",), f"must be an analysis that has scores, got {of.name!r} without `models`"
    elif analysis.tfce and not isinstance(of, _OF_MAPS):
        yield ("tfce",), f"goes with maps, got scores of {of.kind}"
    if analysis.chance is not None and isinstance(of, ContrastsSettings | RdmSearchlightSettings):
        yield ("chance",), f"goes with scores, got maps of {of.kind}, which are tested against 0"


def _unless_known(place: Place, name: str, known: Collection[str]) -> Iterator[Wrong]:
    if name not in known:
        wanted = (
            f"must be one of {', '.join(known)}" if known else "must be known, and there is none"
        )
        yield place, f"{wanted}, got {name!r}{did_you_mean(name, known)}"
