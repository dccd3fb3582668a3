"""Columns that a study needs of its tables, seen from their first lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from boldstream.core.checks import did_you_mean
from boldstream.signal.confounds import matching
from boldstream.study.settings.analyses import OF_BEHAVIOUR
from boldstream.study.settings.models import StudySettings

# Those that trials have beside what their events say.
_OF_TRIALS = ("run", "row", "modulation", "trial_type")


def columns_of_events(settings: StudySettings) -> tuple[str, ...]:
    """Columns that a table of events must have."""
    columns = ["onset", "duration"]
    added = set(_OF_TRIALS)
    behaviour = settings.behaviour
    if behaviour is not None:
        added |= set(OF_BEHAVIOUR)
        asked = (behaviour.choice, behaviour.amount, behaviour.delay, behaviour.immediate)
        checked = (behaviour.response_time, behaviour.accuracy)
        columns += [name for name in (*asked, *checked) if isinstance(name, str)]
    columns += [target.column for target in settings.targets.values()]
    return tuple(dict.fromkeys(name for name in columns if name not in added))


def missing_columns(path: Path, wanted: Iterable[str]) -> Iterator[str]:
    """Say which columns a table lacks; * stands for anything."""
    names = _first_line(path)
    for pattern in wanted:
        if not matching(names, pattern):
            yield f"must have a column {pattern!r}{did_you_mean(pattern, names)}"


def _first_line(path: Path) -> list[str]:
    # What is no text is told when the table is read; a byte that is none has no column's name.
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline()
    return [cell.strip().strip('"') for cell in line.split("," if path.suffix == ".csv" else "\t")]
