"""Units of the group: tests of what all subjects have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from boldstream.study.planning.unit import GROUP, Unit
from boldstream.study.settings.analyses import (
    Analysis,
    ContrastsSettings,
    GeometrySettings,
    GroupSettings,
    RdmSearchlightSettings,
)
from boldstream.study.settings.models import StudySettings


def group_units(settings: StudySettings, units: Sequence[Unit]) -> Iterator[Unit]:
    """Units that need those of all subjects."""
    of = {analysis.name: analysis for analysis in settings.analyses}
    for analysis in settings.analyses:
        if isinstance(analysis, GroupSettings):
            needed = [unit for unit in units if unit.name == analysis.of]
            parameters = {
                "kind": of[analysis.of].kind,
                "settings": analysis.model_dump(mode="json", exclude={"name"}),
                "random_state": settings.random_state,
                **_of_kind(of[analysis.of]),
            }
            needs = tuple(unit.id for unit in needed)
            yield Unit(GROUP, analysis.name, parameters=parameters, needs=needs)


def _of_kind(analysis: Analysis) -> dict[str, Any]:
    """What a group must know of the analysis that it tests."""
    if isinstance(analysis, ContrastsSettings):
        return {"contrasts": list(analysis.contrasts)}
    if isinstance(analysis, RdmSearchlightSettings):
        return {"models": list(analysis.models)}
    return {"method": analysis.method} if isinstance(analysis, GeometrySettings) else {}
