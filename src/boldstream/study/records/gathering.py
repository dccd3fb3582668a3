"""Tables of all subjects, from those of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from boldstream.study.planning.unit import Unit
from boldstream.study.records.results import Results
from boldstream.study.steps.tables import read_frame

if TYPE_CHECKING:
    from pandas import DataFrame


def gather(results: Results, units: Iterable[Unit], suffix: str) -> DataFrame:
    """The tables with an ending of all units that have one, one below the other.

    An empty one if there are none.
    """
    import pandas as pd

    files = [path for unit in units for path in sorted(results.folder(unit.id).glob(f"*_{suffix}"))]
    tables = [table for table in map(read_frame, files) if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
