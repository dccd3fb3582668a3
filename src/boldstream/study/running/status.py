"""Tables of what became of a study's units and subjects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from boldstream.io.tables import MISSING
from boldstream.io.writing import Outputs, write_json
from boldstream.study.inputs.found import Problem
from boldstream.study.running.schedule import Progress

STATUS, SUBJECTS = "status.tsv", "subjects.tsv"
DESCRIPTION = "dataset_description.json"
_BIDS_VERSION = "1.10.0"
_COLUMNS = [
    *("subject", "unit", "step", "state", "attempts", "seconds", "peak_mb", "worker"),
    *("error", "traceback"),
]
_TEXTS = ("subject", "unit", "step", "state", "worker", "error", "traceback")


def status_of(
    units: Iterable[Progress], notes: Mapping[str, Mapping[str, Any]], problems: Iterable[Problem]
) -> pd.DataFrame:
    """A row for each unit, and for each subject that could not be used.

    Parameters
    ----------
    units : iterable of Progress
    notes : mapping of str to mapping
        Manifests of the units that are done.
    problems : iterable of Problem
    """
    rows = [_row(one, notes.get(one.unit.id, {})) for one in units]
    rows += [
        {
            **dict.fromkeys(_TEXTS, ""),
            "subject": one.subject,
            "state": "unusable",
            "error": str(one),
        }
        for one in problems
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _row(one: Progress, note: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "subject": one.unit.subject,
        "unit": one.unit.id,
        "step": one.unit.step,
        "state": one.state,
        "attempts": one.attempts,
        "seconds": round(note["seconds"], 3) if note else None,
        "peak_mb": round(note["peak_bytes"] / 1e6, 1) if note else None,
        "worker": one.worker or note.get("worker", ""),
        "error": one.error,
        "traceback": one.traceback,
    }


def _line(text: str) -> str:
    """A cell of a table holds neither line breaks nor tabs."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def write_status(
    output: Path,
    status: pd.DataFrame,
    subjects: pd.DataFrame,
    description: Mapping[str, Any],
    *,
    is_whole: bool = True,
) -> None:
    """Write ``status.tsv``, ``subjects.tsv`` and ``dataset_description.json``.

    Of a part of a study, the rows of tables that are about others stay.
    """
    cells = status.assign(**{name: status[name].map(_line) for name in _TEXTS})
    if not is_whole:
        cells = _with_others(output / STATUS, cells, ["subject", "unit"])
        subjects = _with_others(output / SUBJECTS, subjects, ["subject"])
    with Outputs(output, [STATUS, SUBJECTS, DESCRIPTION], overwrite=True) as outputs:
        _write(outputs[STATUS], cells)
        _write(outputs[SUBJECTS], subjects)
        write_json(outputs[DESCRIPTION], _description(description))


def _write(path: Path, table: pd.DataFrame) -> None:
    _as_text(table).to_csv(path, sep="\t", index=False, lineterminator="\n")


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Cells as they are written: no table of BIDS has an empty one."""
    cells = table.astype(object).where(table.notna(), MISSING)
    return cells.astype(str).replace("", MISSING)


def _with_others(path: Path, table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A table with the rows of an older one that are about something else, as they were written."""
    if not path.exists():
        return table
    older = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    cells = _as_text(table)
    known = set(cells[names].itertuples(index=False, name=None))
    others = [row not in known for row in older[names].itertuples(index=False, name=None)]
    return pd.concat([older[others], cells], ignore_index=True)


def _description(more: Mapping[str, Any]) -> dict[str, Any]:
    versions = more["versions"]
    return {
        "Name": "boldstream study",
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "boldstream", "Version": versions["boldstream"]}],
        **more,
    }
