"""What is in the folder of a study's results: of whatever age, and however far its run came."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError, TableError
from boldstream.io.bids.names import natural_order
from boldstream.io.tables import MISSING, read_table

GROUP = "group"
DESCRIPTION, STATUS, SUBJECTS = "dataset_description.json", "status.tsv", "subjects.tsv"
_NUMBERS = ("seconds", "peak_bytes", "memory_started")
_MANIFEST, _PLANS = "unit.json", ".boldstream/plan"
_FOLDERS = ("sub-*/*", "sub-*/*/*", f"{GROUP}/*", f"{GROUP}/*/*")
# The usual place of results below that of the data.
_USUAL = Path("derivatives", "boldstream")
_DONE = ("done", "cached")
FAILED = ("failed", "blocked", "unusable", "damaged")


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
        return {} if self.folder is None else _read_note(self.folder)

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
        return [unit for unit in self.units if unit.subject == subject]

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


def read_run(folder: Path) -> Run:
    """Read what is known of a study's results, without the results themselves.

    Parameters
    ----------
    folder : Path
        As `boldstream.run_study` and ``boldstream run`` write it; a run that
        was broken off, or has failed in part, will do.

    Raises
    ------
    ParameterError
        If it is no such folder.
    TableError
        If one of its tables is damaged.
    """
    status = _status(folder / STATUS)
    planned = _planned(folder)
    on_disk = {str(path.relative_to(folder)): path for path in _folders(folder)}
    if not (status or planned or on_disk):
        raise ParameterError(_no_run(folder))
    known = {**planned, **status} or {name: Unit(name) for name in on_disk}
    units = [_with_results(unit, on_disk.get(name)) for name, unit in known.items() if name]
    return Run(
        folder,
        _description(folder / DESCRIPTION),
        tuple(sorted(units, key=lambda unit: (unit.subject == "", natural_order(unit.subject)))),
        tuple(_subjects(folder / SUBJECTS, units, status)),
        tuple(sorted(name for name in on_disk if name not in known)),
    )


def _no_run(folder: Path) -> str:
    got = f"{folder}, which {'is a file' if folder.is_file() else 'does not exist'}"
    if folder.is_dir():
        got = f"{folder}, which holds neither {STATUS} nor results of subjects"
    there = folder / _USUAL
    hint = f"; did you mean {there}?" if there.is_dir() else ""
    return f"`run_dir` must be the output folder of a study, got {got}{hint}"


def _folders(folder: Path) -> Iterator[Path]:
    """Folders with results of a unit; a link that leads elsewhere is none."""
    home = folder.resolve()
    for pattern in _FOLDERS:
        for manifest in sorted(folder.glob(f"{pattern}/{_MANIFEST}")):
            if manifest.resolve().is_relative_to(home):
                yield manifest.parent


def _status(path: Path) -> dict[str, Unit]:
    """Units of ``status.tsv`` by their ids."""
    if not path.is_file():
        return {}
    table = read_table(path)
    found = {}
    labels = table.column("subject")
    for i, name in enumerate(table.column("unit")):
        cells = {key: _text(column[i]) for key, column in table.columns.items()}
        # Subjects that could not be used at all have a row without a unit.
        unit_id = _text(name) or f"sub-{labels[i]}/"
        found[unit_id] = Unit(
            unit_id,
            cells.get("step", ""),
            cells.get("state", ""),
            attempts=_count(cells.get("attempts", "")) or 0,
            worker=cells.get("worker", ""),
            error=cells.get("error", ""),
            traceback=cells.get("traceback", ""),
        )
    return found


def _text(cell: str) -> str:
    """A cell as it was before it became one line."""
    if cell == MISSING:
        return ""
    return "\\".join(part.replace("\\n", "\n").replace("\\t", "\t") for part in cell.split("\\\\"))


def _count(cell: str) -> int | None:
    """A whole number, also one that pandas wrote beside missing ones."""
    whole = cell.removesuffix(".0")
    return int(whole) if whole.isdecimal() else None


def _planned(folder: Path) -> dict[str, Unit]:
    """Units that the last run was about."""
    found: dict[str, Unit] = {}
    for path in sorted(folder.glob(f"{_PLANS}/*.json")):
        plan = read_json(path)
        try:
            units = [_of_plan(unit) for unit in plan.get("units", ())]
        except (LookupError, TypeError) as error:
            raise TableError(f"{path} is damaged: {type(error).__name__}: {error}") from error
        found |= {unit.id: unit for unit in units}
    return found


def _of_plan(unit: Mapping[str, str]) -> Unit:
    place = GROUP if not unit["subject"] else f"sub-{unit['subject']}"
    parts = (place, unit["name"], unit["part"])
    return Unit("/".join(part for part in parts if part), unit["step"])


def _with_results(unit: Unit, folder: Path | None) -> Unit:
    """A unit with what is on disk of it."""
    if unit.state not in (*_DONE, "unfinished"):
        return unit
    if folder is None:
        return replace(unit, state="missing" if unit.state in _DONE else unit.state)
    try:
        note = _read_note(folder)
    except TableError as error:
        return replace(unit, state="damaged", error=str(error))
    return replace(
        unit,
        state="done" if unit.state == "unfinished" else unit.state,
        folder=folder,
        files={name: size for name, size in note["files"].items() if _is_inside(name)},
        step=str(note.get("step", unit.step)),
        seconds=note.get("seconds"),
        peak_bytes=note.get("peak_bytes"),
        began=note.get("memory_started"),
        started=str(note.get("started", "")),
        worker=str(note.get("worker", unit.worker)),
    )


def _is_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _read_note(folder: Path) -> Mapping[str, Any]:
    note = read_json(folder / _MANIFEST)
    if not isinstance(note.get("files"), dict):
        raise TableError(f"{folder / _MANIFEST} is damaged: it names no files")
    given = {name: note.get(name) for name in _NUMBERS} | {
        f"the size of {name}": size for name, size in note["files"].items()
    }
    for name, value in given.items():
        if not ((value is None and name in _NUMBERS) or _is_amount(value)):
            raise TableError(
                f"{folder / _MANIFEST} is damaged: {name} must be a number of at least 0, "
                f"got {value!r}"
            )
    return note


def _is_amount(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0


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


def _description(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _subjects(path: Path, units: Sequence[Unit], status: Mapping[str, Unit]) -> list[Subject]:
    """Subjects of ``subjects.tsv``, and those that only have units."""
    found = {}
    if path.is_file():
        table = read_table(path)
        for i, label in enumerate(table.column("subject")):
            row = {key: _text(column[i]) for key, column in table.columns.items()}
            included = row.get("included") != "False"
            n_runs = _count(row.get("n_runs", ""))
            found[label] = Subject(label, included, n_runs, row.get("reason", ""))
    for unit in units:
        if unit.subject and unit.subject not in found:
            is_unusable = unit.state == "unusable"
            reason = unit.error if is_unusable else ""
            found[unit.subject] = Subject(unit.subject, not is_unusable, reason=reason)
    return sorted(found.values(), key=lambda subject: natural_order(subject.label))
