"""Results of a study: its units, its subjects, and what was noted of each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from boldstream.core.checks import as_number, did_you_mean
from boldstream.core.errors import ParameterError, TableError
from boldstream.io.manifests import MANIFEST

GROUP = "group"
FAILED = ("failed", "blocked", "unusable", "damaged")
_NUMBERS = ("seconds", "peak_bytes", "memory_started")


@dataclass(frozen=True)
class Unit:
    """One step for one subject or the group, and what became of it.

    Attributes
    ----------
    id, step : str
    state : str
        As in ``status.tsv``; "unfinished" where a run was broken off before
        it, "missing" where its results were removed, "damaged" where they
        cannot be read.
    folder : Path or None
        Of its results; None where there are none to show.
    files : mapping of str to int
        Sizes in bytes by name.
    seconds, peak_bytes : float or None
    attempts : int
    began : float or None
        In seconds since 1970, where it was noted so finely.
    started, worker, error, traceback : str
    """

    id: str
    step: str = ""
    state: str = "unfinished"
    folder: Path | None = None
    files: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None
    peak_bytes: float | None = None
    attempts: int = 0
    began: float | None = None
    started: str = ""
    worker: str = ""
    error: str = ""
    traceback: str = ""

    @property
    def subject(self) -> str:
        """Label without "sub-"; empty for the group."""
        first = self.id.split("/")[0]
        return "" if first == GROUP else first.removeprefix("sub-")

    @property
    def name(self) -> str:
        """Of the analysis, or of the step."""
        return self.id.partition("/")[2].partition("/")[0]

    @property
    def part(self) -> str:
        """Such as a region; empty for all."""
        return self.id.partition("/")[2].partition("/")[2]

    def note(self) -> Mapping[str, Any]:
        """All that was noted of it: parameters, versions, memory over time."""
        return {} if self.folder is None else read_note(self.folder)

    def parameters(self) -> Mapping[str, Any]:
        """What its results depend on.

        Raises
        ------
        TableError
            If that was not noted.
        """
        found = self.note().get("parameters")
        if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
            raise TableError(f"{self.id} is damaged: its parameters were not noted")
        return found

    def find(self, suffix: str) -> list[Path]:
        """Its files whose names end so, in order."""
        if self.folder is None:
            return []
        return [self.folder / name for name in sorted(self.files) if name.endswith(suffix)]


@dataclass(frozen=True)
class Subject:
    """A subject of the study, and why it was not used."""

    label: str
    included: bool = True
    n_runs: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Run:
    """The folder of a study's results.

    Attributes
    ----------
    folder : Path
    description : mapping
        Versions, settings and so on; empty where a run has never ended.
    units : tuple of Unit
    subjects : tuple of Subject
        In natural order.
    left_over : tuple of str
        Units on disk that are not of this study any more.
    whole : Run or None
        Where only some subjects are chosen: the run with all of them.
    """

    folder: Path
    description: Mapping[str, Any]
    units: tuple[Unit, ...]
    subjects: tuple[Subject, ...]
    left_over: tuple[str, ...] = ()
    whole: Run | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """Of the study file; empty where they are not known."""
        found = self.description.get("settings", {})
        return found if isinstance(found, dict) else {}

    def of(self, subject: str) -> list[Unit]:
        """Units of a subject; of the group where it is empty."""
        return [*self._by_subject.get(subject, ())]

    @cached_property
    def _by_subject(self) -> dict[str, list[Unit]]:
        found: dict[str, list[Unit]] = {}
        for unit in self.units:
            found.setdefault(unit.subject, []).append(unit)
        return found

    def only(self, labels: Sequence[str] | None) -> Run:
        """The run with these subjects alone, and the group.

        Raises
        ------
        ParameterError
            If there is no such subject.
        """
        if labels is None:
            return self
        if isinstance(labels, str) or not labels:
            raise ParameterError(f"`subjects` must be a list of labels, got {labels!r}")
        known = [subject.label for subject in self.subjects]
        wanted = [label.removeprefix("sub-") for label in labels]
        for label in wanted:
            if label not in known:
                listed = ", ".join(known) or "none"
                hint = did_you_mean(label, known)
                raise ParameterError(f"`subjects` must be of {listed}, got {label!r}{hint}")
        return replace(
            self,
            units=tuple(unit for unit in self.units if unit.subject in ("", *wanted)),
            subjects=tuple(subject for subject in self.subjects if subject.label in wanted),
            whole=self,
        )


def by_analysis(units: Iterable[Unit]) -> Iterator[tuple[str, list[Unit]]]:
    """Units of each analysis, with its name, in the order of the first of each."""
    listed = list(units)
    for name in dict.fromkeys(unit.name for unit in listed):
        yield name, [unit for unit in listed if unit.name == name]


def read_note(folder: Path) -> Mapping[str, Any]:
    """Read what was noted beside the results of a unit.

    Raises
    ------
    TableError
        If it cannot be read, or holds something else.
    """
    note = read_json(folder / MANIFEST)
    if not isinstance(note.get("files"), dict):
        raise TableError(f"{folder / MANIFEST} is damaged: it names no files")
    given = {name: note.get(name) for name in _NUMBERS} | {
        f"the size of {name}": size for name, size in note["files"].items()
    }
    for name, value in given.items():
        if not ((value is None and name in _NUMBERS) or _is_amount(value)):
            raise TableError(
                f"{folder / MANIFEST} is damaged: {name} must be a number of at least 0, "
                f"got {value!r}"
            )
    return note


def _is_amount(value: Any) -> bool:
    return 0 <= as_number(value) < math.inf


def read_json(path: Path) -> dict[str, Any]:
    """Read names with values.

    Raises
    ------
    TableError
        If the file cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise TableError(f"{path} is damaged: it holds no names with values")
    return content
