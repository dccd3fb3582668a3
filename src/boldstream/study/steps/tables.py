"""Tables of results, as BIDS writes them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from boldstream.io.tables import MISSING, write_frame

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["DECODING_TABLE", "MISSING", "read_frame", "write_frame"]

DECODING_TABLE = "decoding.tsv"
"""Ending of the tables that hold the scores of regions."""


def read_frame(path: str | os.PathLike[str]) -> DataFrame:
    """Read a table that `write_frame` wrote; labels that look like numbers stay text."""
    import pandas as pd

    return pd.read_csv(
        path,
        sep="\t",
        keep_default_na=False,
        na_values=[MISSING],
        dtype={"subject": str, "roi": str, "target": str, "model": str},
    )
