"""Tables of what became of a study's units and subjects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from boldstream.io.writing import Outputs, write_json
from boldstream.study.inputs.found import Problem
from boldstream.study.running.schedule import Progress

STATUS = "status.tsv"
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
            "error": f"{one.what}: {one.path}",
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


def write_status(output: Path, status: pd.DataFrame, description: Mapping[str, Any]) -> None:
    """Write ``status.tsv`` and ``dataset_description.json``."""
    cells = status.assign(**{name: status[name].map(_line) for name in _TEXTS})
    with Outputs(output, [STATUS, DESCRIPTION], overwrite=True) as outputs:
        cells.to_csv(outputs[STATUS], sep="\t", index=False, na_rep="n/a", lineterminator="\n")
        write_json(outputs[DESCRIPTION], _description(description))


def _description(more: Mapping[str, Any]) -> dict[str, Any]:
    versions = more["versions"]
    return {
        "Name": "boldstream study",
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "boldstream", "Version": versions["boldstream"]}],
        **more,
    }
