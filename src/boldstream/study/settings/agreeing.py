"""Whether the parts of a study file go together: no setting is without effect."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, TypeAlias

from boldstream.core.checks import did_you_mean
from boldstream.study.settings.analyses import (
    Analysis,
    DecodingSettings,
    ExtractionSettings,
    GeometrySettings,
    GroupSettings,
    SearchlightSettings,
)

if TYPE_CHECKING:
    from boldstream.study.settings.models import StudySettings

Place: TypeAlias = tuple[str | int, ...]
Wrong: TypeAlias = tuple[Place, str]

# Units of these names there are beside those of analyses.
_STEPS = ("betas", "behaviour")
_OF_MODELS = ("method", "temporal", "permutations")


def wrong_values(settings: StudySettings) -> Iterator[Wrong]:
    """Where a part contradicts another, has no effect, or names what there is not."""
    yield from _confounds(settings)
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


def _of_analysis(settings: StudySettings, analysis: Analysis) -> Iterator[Wrong]:
    if isinstance(analysis, GroupSettings):
        yield from _group(settings, analysis)
        return
    if isinstance(analysis, DecodingSettings):
        yield from _decoding(settings, analysis)
    elif not isinstance(analysis, ExtractionSettings):
        yield from _unless_known(("target",), analysis.target, settings.targets)
    if isinstance(analysis, GeometrySettings):
        yield from _geometry(settings, analysis)
    elif not isinstance(analysis, ExtractionSettings):
        yield from _permutations(analysis)
    if not isinstance(analysis, SearchlightSettings) and settings.rois.atlas is None:
        for j, roi in enumerate(analysis.rois or ()):
            yield from _unless_known(("rois", j), roi, settings.rois.masks)


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
    target = settings.targets.get(analysis.target)
    if target is not None and target.values:
        yield ("target",), f"must have classes, got {analysis.target!r}, which has values"
    if analysis.noise is not None and analysis.metric == "correlation":
        yield ("noise",), "must be left out with `metric: correlation`, which makes no use of it"
    if not analysis.models:
        for key in _OF_MODELS:
            if key in analysis.model_fields_set and getattr(analysis, key):
                yield (key,), "goes with `models`, got none"
    elif analysis.temporal and analysis.method not in ("spearman", "pearson"):
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
    elif analysis.tfce and not isinstance(of, SearchlightSettings):
        yield ("tfce",), f"goes with maps of a searchlight, got scores of {of.kind}"


def _unless_known(place: Place, name: str, known: Collection[str]) -> Iterator[Wrong]:
    if name not in known:
        wanted = (
            f"must be one of {', '.join(known)}" if known else "must be known, and there is none"
        )
        yield place, f"{wanted}, got {name!r}{did_you_mean(name, known)}"
