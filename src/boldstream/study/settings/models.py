"""`StudySettings`: all that a study file says."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from boldstream.core.checks import did_you_mean
from boldstream.study.settings.analyses import (
    Analysis,
    BehaviourSettings,
    BetaSettings,
    DecodingSettings,
    GeometrySettings,
    GroupSettings,
    SearchlightSettings,
    TargetSettings,
)
from boldstream.study.settings.base import Name, Settings
from boldstream.study.settings.data import ConfoundSettings, DataSettings, RoiSettings
from boldstream.study.settings.execution import ExecutionSettings, MemorySettings


class StudySettings(Settings):
    """A whole study: where the data are, what is worked out, and who does the work.

    Examples
    --------
    >>> settings = StudySettings.model_validate(
    ...     {
    ...         "targets": {"choice": {"column": "trial_type"}},
    ...         "analyses": [{"kind": "decoding", "name": "choices"}],
    ...     }
    ... )
    >>> settings.analyses[0].name, settings.betas.method
    ('choices', 'lss')
    """

    data: DataSettings = DataSettings()
    rois: RoiSettings = RoiSettings()
    confounds: ConfoundSettings = ConfoundSettings()
    betas: BetaSettings = BetaSettings()
    behaviour: BehaviourSettings | None = None
    """Fitted for each subject where it is given; its values can be targets."""
    targets: dict[Name, TargetSettings] = Field(default_factory=dict)
    """What is decoded, by name."""
    analyses: tuple[Analysis, ...] = ()
    """What is worked out, each by its name."""
    memory: MemorySettings = MemorySettings()
    execution: ExecutionSettings = ExecutionSettings()
    output: Path = Path("derivatives", "boldstream")
    """Folder of the results, relative to `data.root`."""
    random_state: int = 0
    """Of all permutations."""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        wrong = list(_wrong_values(self))
        if wrong:
            text = "; ".join(f"`{place[-1]}` {message}" for place, message in wrong)
            raise PydanticCustomError(WRONG_VALUES, "{text}", {"text": text, "wrong": wrong})
        return self


WRONG_VALUES = "wrong_values"
"""Type of the error whose context holds ``wrong``: places in the study file, and messages."""

_Place: TypeAlias = tuple[str | int, ...]
_Wrong: TypeAlias = tuple[_Place, str]


def _wrong_values(settings: StudySettings) -> Iterator[_Wrong]:
    """Where a part contradicts another, or an analysis names what there is not."""
    if settings.confounds.strategy is not None:
        if settings.confounds.columns:
            yield ("confounds", "columns"), "must be left out with a `strategy`"
        if settings.data.confounds_template is not None:
            place = ("data", "confounds_template")
            yield place, "goes with `confounds.columns`: a `strategy` reads what lies beside images"
    names = [analysis.name for analysis in settings.analyses]
    for i, analysis in enumerate(settings.analyses):
        at = ("analyses", i)
        if analysis.name in names[:i]:
            yield (*at, "name"), f"must differ from those of others, got {analysis.name!r} again"
        for key, target in _targets_of(analysis):
            yield from _unless_known((*at, *key), target, settings.targets)
        if isinstance(analysis, GroupSettings):
            others = [name for name in names if name != analysis.name]
            yield from _unless_known((*at, "of"), analysis.of, others)
        elif not isinstance(analysis, SearchlightSettings) and settings.rois.atlas is None:
            for j, roi in enumerate(analysis.rois or ()):
                yield from _unless_known((*at, "rois", j), roi, settings.rois.masks)


def _targets_of(analysis: Analysis) -> Iterator[_Wrong]:
    """Targets that an analysis names, and where."""
    if isinstance(analysis, DecodingSettings):
        for i, target in enumerate(analysis.targets or ()):
            yield ("targets", i), target
        for target in analysis.estimators:
            yield ("estimators", target), target
    elif isinstance(analysis, SearchlightSettings | GeometrySettings):
        yield ("target",), analysis.target


def _unless_known(place: _Place, name: str, known: Collection[str]) -> Iterator[_Wrong]:
    if name not in known:
        wanted = (
            f"must be one of {', '.join(known)}" if known else "must be known, and there is none"
        )
        yield place, f"{wanted}, got {name!r}{did_you_mean(name, known)}"
