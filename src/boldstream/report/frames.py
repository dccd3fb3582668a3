"""Tables of results, as data frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import TableError
from boldstream.io.tables import FRAME_FORMAT
from boldstream.report.results import Unit

if TYPE_CHECKING:
    from pandas import DataFrame

# Labels that look like numbers stay text.
_TEXTS = (
    *("subject", "roi", "target", "model", "condition", "other_condition", "held_out"),
    *("reason", "note", "at_bound", "trial_type"),
)


def read_frame(path: Path, *needed: str) -> DataFrame:
    """Read a table that must have some columns.

    Raises
    ------
    TableError
        If it cannot be read, or lacks one of them.
    """
    import pandas as pd

    try:
        table: DataFrame = pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, str), **FRAME_FORMAT)
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read as a table: {error}") from error
    for name in needed:
        if name not in table:
            listed, hint = ", ".join(map(str, table)), did_you_mean(name, map(str, table))
            raise TableError(f"{path} must have a column {name!r}, got {listed}{hint}")
    return table


def gather(units: Iterable[Unit], suffix: str, *needed: str) -> DataFrame:
    """Tables with an ending, of all units that have one, one below the other.

    Examples
    --------
    >>> gather([], "decoding.tsv", "roi").empty
    True
    """
    import pandas as pd

    files = [path for unit in units for path in unit.find(f"_{suffix}")]
    tables = [table for table in (read_frame(path, *needed) for path in files) if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
