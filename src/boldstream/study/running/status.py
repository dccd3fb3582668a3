"""Tables of what became of a study's units and subjects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from boldstream.core.errors import TableError
from boldstream.io.sidecar import read_json
from boldstream.io.tables import MISSING, write_frame
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
        "peak_mb": round(note["peak_bytes"] / (1 << 20), 1) if note else None,
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
        write_frame(outputs[STATUS], _as_text(cells))
        write_frame(outputs[SUBJECTS], _as_text(subjects))
        write_json(outputs[DESCRIPTION], _description(description))


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
    # Those that could not be used have a row without a unit, which says so no longer.
    known |= {(subject, MISSING) for subject in cells["subject"]}
    others = [row not in known for row in older[names].itertuples(index=False, name=None)]
    return pd.concat([older[others], cells], ignore_index=True)


def name_of(root: Path) -> str:
    """What a data set calls itself, or else the name of its folder."""
    # Results are written whatever the description of the data is worth.
    with suppress(TableError):
        name = read_json(root / DESCRIPTION).get("Name")
        if isinstance(name, str) and name.strip():
            return " ".join(name.split())
    return f"Study {root.resolve().name}"


def _description(more: Mapping[str, Any]) -> dict[str, Any]:
    versions = more["versions"]
    return {
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "boldstream", "Version": versions["boldstream"]}],
        **more,
    }
