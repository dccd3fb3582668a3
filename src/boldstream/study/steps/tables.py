"""Tables of results, as BIDS writes them."""

from __future__ import annotations

import os

import pandas as pd

from boldstream.glm.betas.outputs import write_trials

MISSING = "n/a"


def write_frame(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table with tabs between, and ``n/a`` where there is no value."""
    write_trials(path, table)


def read_frame(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table that `write_frame` wrote; labels that look like numbers stay text."""
    return pd.read_csv(
        path,
        sep="\t",
        keep_default_na=False,
        na_values=[MISSING],
        dtype={"subject": str, "roi": str, "target": str},
    )
