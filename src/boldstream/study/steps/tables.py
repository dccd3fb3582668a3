"""Tables of results, as BIDS writes them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from boldstream.core.errors import TableError
from boldstream.io.tables import FRAME_FORMAT, write_frame

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["DECODING_TABLE", "read_frame", "run_file", "write_frame"]

DECODING_TABLE = "decoding.tsv"
"""Ending of the tables that hold the scores of regions."""
_TEXTS = ("subject", "roi", "target", "model", "condition", "other_condition")


def run_file(label: str, ending: str) -> str:
    """Ending of a file of one run, as ``run-1_timeseries.tsv``.

    Examples
    --------
    >>> run_file("run-1", "mean.nii.gz"), run_file("", "mean.nii.gz")
    ('run-1_mean.nii.gz', 'mean.nii.gz')
    """
    return f"{label}_{ending}" if label else ending


def read_frame(path: str | os.PathLike[str]) -> DataFrame:
    """Read a table that `write_frame` wrote; labels that look like numbers stay text.

    Raises
    ------
    TableError
        If it cannot be read.
    """
    import pandas as pd

    try:
        return pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, str), **FRAME_FORMAT)
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read as a table: {error}") from error
