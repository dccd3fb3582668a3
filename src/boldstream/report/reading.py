"""What is in the folder of a study's results: of whatever age, and however far its run came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from boldstream.core.errors import ParameterError, TableError
from boldstream.io.bids.names import natural_order
from boldstream.io.manifests import MANIFEST
from boldstream.io.tables import MISSING, read_table
from boldstream.report.results import GROUP, Run, Subject, Unit, read_json, read_note

DESCRIPTION, STATUS, SUBJECTS = "dataset_description.json", "status.tsv", "subjects.tsv"
_PLANS = ".boldstream/plan"
_FOLDERS = ("sub-*/*", "sub-*/*/*", f"{GROUP}/*", f"{GROUP}/*/*")
# The usual place of results below that of the data.
_USUAL = Path("derivatives", "boldstream")
_DONE = ("done", "cached")
_DIGITS = 19


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
    units = list(_without_parts_of_wholes(units))
    return Run(
        folder,
        _description(folder / DESCRIPTION),
        tuple(sorted(units, key=lambda unit: (unit.subject == "", natural_order(unit.subject)))),
        tuple(_subjects(folder / SUBJECTS, units)),
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
        for manifest in sorted(folder.glob(f"{pattern}/{MANIFEST}")):
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
    # Python reads no whole number of thousands of digits.
    return int(whole) if whole.isdecimal() and len(whole) < _DIGITS else None


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
        note = read_note(folder)
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


def _without_parts_of_wholes(units: Sequence[Unit]) -> Iterator[Unit]:
    """Units but those of single regions whose analysis was done of all: these have them."""
    whole = {unit.id for unit in units if unit.folder is not None and not unit.part}
    for unit in units:
        if not unit.part or "/".join(unit.id.split("/")[:2]) not in whole:
            yield unit


def _is_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _description(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _subjects(path: Path, units: Sequence[Unit]) -> list[Subject]:
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
