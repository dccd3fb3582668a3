"""Dissimilarities of conditions in regions, and models of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from boldstream.geometry import RDM
from boldstream.plotting import plot_rdm
from boldstream.report.blocks import Block, Picture, Pictures, Title, listed, number, table_of
from boldstream.report.drawings import draw_points
from boldstream.report.frames import gather
from boldstream.report.pictures import as_picture, new_figure
from boldstream.report.results import Unit, by_analysis

if TYPE_CHECKING:
    from pandas import DataFrame

STEP = "geometry"
MOST = 12
"""Regions that are drawn; tables have them all."""
_MODELS = {"roi": "region", "model": "model", "score": "similarity", "p": "p", "note": "note"}
_DIMENSIONS = {"roi": "region", "participation_ratio": "participation ratio", "note": "note"}
_PAIRS = {
    "roi": "region",
    "condition": "condition",
    "other_condition": "other condition",
    "dissimilarity": "dissimilarity",
}


def geometry_blocks(units: list[Unit]) -> list[Block]:
    """Of each analysis its RDMs, models and dimensions."""
    blocks: list[Block] = []
    for name, own in by_analysis(units):
        pairs = gather(own, "rdm.tsv", *_PAIRS)
        if not pairs.empty:
            metric = str(own[0].parameters()["settings"].get("metric", "dissimilarity"))
            blocks += [Title(name), *_pictures(pairs, metric), *_points(own)]
            blocks += _tables(name, own, pairs)
    return blocks


def _tables(name: str, own: list[Unit], pairs: DataFrame) -> list[Block]:
    blocks: list[Block] = []
    models = gather(own, "geometry.tsv", "roi", "model", "score").dropna(axis=1, how="all")
    if len(models):
        blocks.append(table_of(models, f"Similarity of RDMs and models, {name}.", _MODELS))
    dimensions = gather(own, "dimensions.tsv", "roi", "participation_ratio")
    if len(dimensions):
        caption = (
            f"Dimensions of the patterns of all trials, {name}: how many count, by the "
            "participation ratio."
        )
        blocks.append(table_of(dimensions.dropna(axis=1, how="all"), caption, _DIMENSIONS))
    if pairs["roi"].nunique() > MOST:
        more = f"Dissimilarities of {name}; {MOST} of {pairs['roi'].nunique()} regions are drawn."
        blocks.append(table_of(pairs, more, _PAIRS))
    return blocks


def _pictures(pairs: DataFrame, metric: str) -> list[Block]:
    regions = list(pairs.groupby("roi", sort=False))[:MOST]
    return [Pictures(tuple(_rdm(rows, str(roi), metric) for roi, rows in regions))]


def _points(own: list[Unit]) -> list[Block]:
    """Conditions as points, where that was asked for."""
    points = gather(own, "embedding.tsv", "roi", "condition")
    if points.empty or "dimension_1" not in points:
        return []
    found = []
    for roi, rows in list(points.groupby("roi", sort=False))[:MOST]:
        some = rows.dropna(axis=1, how="all")
        if "dimension_1" not in some:
            continue
        places = ", ".join(
            f"{row['condition']} at {number(row['dimension_1'])}, {number(row.get('dimension_2'))}"
            for row in some.to_dict("records")[:12]
        )
        figure = new_figure(3.2, width=4.2)
        draw_points(figure, some)
        found.append(
            as_picture(figure, f"Conditions in {roi} as points: {places}.", f"{roi}, in a plane.")
        )
    return [Pictures(tuple(found))] if found else []


def _rdm(rows: DataFrame, roi: str, metric: str) -> Picture:
    conditions = list(dict.fromkeys([*rows["condition"], *rows["other_condition"]]))
    rdm = RDM(rows["dissimilarity"].to_numpy(np.float64), tuple(conditions), metric)
    low, high = rows.loc[rows["dissimilarity"].idxmin()], rows.loc[rows["dissimilarity"].idxmax()]
    alt = (
        f"Dissimilarities of {listed(conditions)} in {roi}: from {number(low['dissimilarity'])} "
        f"({low['condition']}, {low['other_condition']}) to {number(high['dissimilarity'])} "
        f"({high['condition']}, {high['other_condition']})."
    )
    figure = new_figure(3.6, width=4.2)
    plot_rdm(rdm, ax=figure.add_subplot())
    return as_picture(figure, alt, f"{roi}, {metric}.")
