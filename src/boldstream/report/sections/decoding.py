"""Scores of regions, with folds and permuted labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from boldstream.plotting import plot_decoding
from boldstream.report.blocks import NOTHING, Block, Picture, Title, number, p_value, table_of
from boldstream.report.frames import gather
from boldstream.report.pictures import as_picture, new_figure
from boldstream.report.results import Unit, by_analysis

if TYPE_CHECKING:
    from pandas import DataFrame

STEP = "decoding"
MOST_ROWS = 40
"""Regions that a picture shows; a table has them all."""
_OF_PERMUTED = "; grey is where 95 % (darker: 50 %) of the scores of permuted labels lie"
_HEADINGS = {
    "roi": "region",
    "target": "target",
    "score": "score",
    "chance": "chance",
    "p": "p",
    "n_voxels": "voxels",
    "n_samples": "trials",
    "scoring": "scored by",
    "note": "note",
}


def decoding_blocks(units: list[Unit]) -> list[Block]:
    """Of each analysis, a picture for each target and a table."""
    blocks: list[Block] = []
    for name, own in by_analysis(units):
        table = gather(own, "decoding.tsv", "roi", "target", "score")
        if table.empty:
            continue
        folds = gather(own, "folds.tsv", "roi", "target", "score")
        permuted = gather(own, "permuted.tsv", "roi", "target", "score")
        blocks.append(Title(name))
        for target, rows in table.groupby("target", sort=False):
            blocks += scores_picture(
                rows,
                _of(folds, str(target)),
                _of(permuted, str(target)),
                f"{name}: {target} from each region. Diamonds are means over folds, dots are folds"
                f"{_OF_PERMUTED if len(permuted) else ''}.",
            )
        blocks.append(table_of(_told(table), f"Scores of {name}.", _HEADINGS))
    return blocks


def scores_picture(
    rows: DataFrame, folds: DataFrame | None, permuted: DataFrame | None, caption: str
) -> list[Picture]:
    """Scores of the regions of one target; of many regions, the highest scores.

    Parameters
    ----------
    rows : DataFrame
        ``roi, target, score`` and more.
    folds, permuted : DataFrame or None
        Dots, and what lies behind them.
    caption : str
    """
    if rows["score"].notna().sum() == 0:
        return []
    if len(rows) > MOST_ROWS:
        kept = rows["score"].nlargest(MOST_ROWS).index
        caption += f" The {MOST_ROWS} highest of {len(rows)} regions."
        rows = rows.loc[kept]
    figure = new_figure(1.3 + 0.36 * len(rows))
    plot_decoding(rows, folds=folds, permuted=permuted, ax=figure.add_subplot())
    return [as_picture(figure, _alt(rows), caption)]


def _of(table: DataFrame, target: str) -> DataFrame | None:
    if table.empty:
        return None
    return table[table["target"] == target]


def _alt(rows: DataFrame) -> str:
    """All numbers of a few regions, the range of many."""
    known = rows[rows["score"].notna()]
    target = known["target"].iloc[0]
    chances = sorted(set(known["chance"].dropna())) if "chance" in known else []
    chance = f"; chance {', '.join(map(number, chances[:3]))}" if chances else ""
    if len(known) > 8:
        low, high = known.loc[known["score"].idxmin()], known.loc[known["score"].idxmax()]
        told = (
            f"from {number(low['score'])} in {low['roi']} to {number(high['score'])} in "
            f"{high['roi']}, of {len(known)} regions"
        )
    else:
        told = ", ".join(_score(row) for row in known.to_dict("records"))
    return f"Scores of {target}: {told}{chance}."


def _score(row: dict[str, float]) -> str:
    p = p_value(row.get("p", np.nan))
    of = "" if p == NOTHING else f" (p {p if p.startswith('<') else f'= {p}'})"
    return f"{row['roi']} {number(row['score'])}{of}"


def _told(table: DataFrame) -> DataFrame:
    """Without columns that are empty."""
    return table.dropna(axis="columns", how="all")
