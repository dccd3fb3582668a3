"""Bar plots of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from boldstream.benchmark.cases import Row

ENDINGS = (".png", ".svg")
_DPI = 150


def picture_names(seeds: Sequence[str]) -> list[str]:
    """Names of the files that `draw` writes for comparisons."""
    return [f"{seed}{ending}" for seed in seeds for ending in ENDINGS]


def draw(rows: Sequence[Row], paths: Sequence[Path]) -> None:
    """Draw time and peak memory of one comparison, a row of axes for each of its tables.

    Parameters
    ----------
    rows : sequence of Row
        Of one comparison.
    paths : sequence of Path
        Files to write, by their endings.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from boldstream.plotting import plot_bars

    tables = list(dict.fromkeys(row.case.table for row in rows))
    members = [[row for row in rows if row.case.table == table] for table in tables]
    heights = [1.6 + 0.42 * len(some) for some in members]
    # Not by pyplot, which would keep it.
    figure = Figure(figsize=(15, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(tables), 2, squeeze=False, height_ratios=heights)
    for table, some, (left, right) in zip(tables, members, axes, strict=True):
        for ax, name, unit, label in (
            (left, "peak_bytes", "bytes", "peak memory"),
            (right, "seconds", "seconds", "time"),
        ):
            ours = [row.case.step for row in some if row.case.ours]
            values = {row.case.step: _value(row, name) for row in some}
            plot_bars(values, unit=unit, label=label, highlight=ours, ax=ax)
        left.set_title(table, loc="left", fontsize=10)
        # They are those of the left.
        right.set_yticklabels([])
    for path in paths:
        figure.savefig(path, dpi=_DPI)


def _value(row: Row, name: str) -> list[float] | str:
    if row.outcome != "done":
        return str(row.outcome)
    return [float(getattr(one, name)) for one in row.repeats]
