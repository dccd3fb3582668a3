"""Confounds that a step's models and cleaning take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from boldstream.core.cells import is_no_value
from boldstream.io.tables import read_table
from boldstream.signal.confounds import match_columns
from boldstream.study.steps.context import Context


def confounds_of(context: Context) -> Any:
    """Confounds of all runs, as `boldstream.extract` takes them."""
    settings = context.parameters["confound_settings"]
    if settings["strategy"]:
        return f"fmriprep:{settings['strategy']}"
    if not settings["columns"]:
        return None
    tables = context.parameters["confounds"]
    return [_columns(context.path(text), settings["columns"]) for text in tables]


def _columns(path: Path, patterns: list[str]) -> pd.DataFrame:
    """Columns that match; what a first row lacks, as derivatives do, is 0."""
    columns = read_table(path).columns
    wanted = match_columns(list(columns), patterns, str(path))
    chosen = {
        name: [
            "0" if i == 0 and is_no_value(cell, of_numbers=True) else cell
            for i, cell in enumerate(cells)
        ]
        for name, cells in columns.items()
        if name in wanted
    }
    return pd.DataFrame(chosen)
