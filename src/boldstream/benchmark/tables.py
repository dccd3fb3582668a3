"""Tables for the terminal."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from rich.markup import escape
from rich.table import Table

from boldstream.benchmark.cases import Row
from boldstream.benchmark.results import Comparison, peak_bytes, ratio, seconds
from boldstream.core.budget import format_bytes


def tables(comparison: Comparison) -> list[Table]:
    """One table for each heading, in order."""
    rows = comparison.rows
    headed = groupby(rows, key=lambda row: (row.case.seed, row.case.table))
    return [_table(comparison, *heading, list(members)) for heading, members in headed]


def _table(comparison: Comparison, seed: str, heading: str, rows: list[Row]) -> Table:
    table = Table(title=escape(f"{seed}: {heading}"), title_justify="left", title_style="bold")
    has_tasks = any(row.case.task for row in rows)
    for name in ("task", "way") if has_tasks else ("way",):
        table.add_column(name)
    for name in ("time", "peak memory", "time × ours", "memory × ours", "documented"):
        table.add_column(name, justify="left" if name == "documented" else "right")
    last = ""
    for row in rows:
        case = row.case
        cells = [escape(case.title), *_figures(comparison, row), escape(case.claim)]
        if has_tasks:
            cells.insert(0, "" if case.task == last else escape(case.task))
            if last and case.task != last:
                table.add_section()
        last = case.task
        table.add_row(*cells, style="bold" if case.ours else None)
    return table


def _figures(comparison: Comparison, row: Row) -> list[str]:
    if row.outcome != "done":
        return [row.outcome, row.outcome, "", ""]
    took = _time(seconds(row.repeats))
    peak = format_bytes(round(peak_bytes(row.repeats)))
    if row.differs:
        took, peak = f"{took} !", f"{peak} !"
    reference = comparison.reference(row)
    if reference is None or reference is row:
        return [took, peak, "", ""]
    return [took, peak, *(_times(ratio(row, reference, of)) for of in (seconds, peak_bytes))]


def _time(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.1f} ms"


def _times(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f} ×" if value >= 10 else f"{value:.2g} ×"


def legend() -> str:
    """What the columns are."""
    return (
        "time: of the work, after all imports; peak memory: of all processes together, shared "
        "pages once; documented: at the size and on the machine of the document"
    )


def describe(facts: dict[str, Any]) -> str:
    """The machine in a line."""
    machine, versions = facts["machine"], facts["versions"]
    memory = format_bytes(machine["memory_bytes"])
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {memory} ({machine['memory_source']}), "
        f"Python {versions['python']}, nilearn {versions['nilearn']}"
    )
