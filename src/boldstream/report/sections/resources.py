"""Memory over time, and the time of steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.budget import format_bytes
from boldstream.plotting import plot_memory
from boldstream.report.blocks import Block, Cell, Picture, make_table, seconds
from boldstream.report.pictures import as_picture, new_figure
from boldstream.report.results import Unit, by_analysis

if TYPE_CHECKING:
    from pandas import DataFrame

_BINS = 400
# Pauses are between runs, not within one.
_PAUSE_SECONDS = 60.0
_GB = 1 << 30
_MOST_MARKS = 12
# The plot is of one process; here there are several.
_NAMES_OF_LINES = {"this process": "workers", "in use by all": "whole system"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Span:
    """When a unit was done, in seconds from the start of the timeline without its pauses."""

    unit: Unit
    begin: float
    end: float


def resource_blocks(units: Sequence[Unit]) -> list[Block]:
    """A timeline of memory, and a table of steps."""
    done = [unit for unit in units if unit.seconds is not None]
    if not done:
        return []
    return [*memory_picture(done), _steps(done)]


def memory_picture(units: Iterable[Unit]) -> list[Picture]:
    """Memory of the processes that did these units, one over another."""
    spans, n_pauses = lay_out(units)
    if not spans:
        return []
    total = max(span.end for span in spans) or 1.0
    process, used, limit = _sums(spans, total)
    table = _timeline(spans, total, process, used)
    alt, caption = _told(spans, table, limit, n_pauses)
    figure = new_figure(3.6)
    ax = plot_memory(table, limit=limit, ax=figure.add_subplot())
    legend = ax.get_legend()
    for text in legend.get_texts() if legend is not None else ():
        text.set_text(_NAMES_OF_LINES.get(text.get_text(), text.get_text()))
    return [as_picture(figure, alt, caption)]


def lay_out(units: Iterable[Unit]) -> tuple[list[Span], int]:
    """When each unit was done, with pauses between runs cut out, and how many there were.

    Units whose beginning was not noted are left out.
    """
    found = sorted(
        ((begin, unit) for unit in units if (begin := _begin(unit)) is not None),
        key=lambda one: one[0],
    )
    spans: list[Span] = []
    n_pauses, cut, end = 0, found[0][0] if found else 0.0, found[0][0] if found else 0.0
    for begin, unit in found:
        if begin - end > _PAUSE_SECONDS:
            n_pauses += 1
            cut += begin - end
        spans.append(Span(unit, begin - cut, begin - cut + (unit.seconds or 0.0)))
        end = max(end, begin + (unit.seconds or 0.0))
    return spans, n_pauses


def _begin(unit: Unit) -> float | None:
    if unit.began is not None:
        return unit.began
    try:
        return datetime.fromisoformat(unit.started).timestamp()
    except ValueError:
        return None


def _sums(spans: Sequence[Span], total: float) -> tuple[Floats, Floats, int | None]:
    """Memory in each bin, of all workers together and of the system; and the limit of either."""
    by_worker: dict[str, Floats] = {}
    limits: dict[str, Floats] = {}
    used = np.full(_BINS, np.nan)
    system: int | None = None
    for span in spans:
        note = span.unit.note()
        points = np.array(note.get("memory_timeline") or np.empty((0, 2)), np.float64)
        if not len(points):
            continue
        at = np.arange(_bin(span.begin, total), _bin(span.end, total) + 1)
        worker = by_worker.setdefault(span.unit.worker, np.zeros(_BINS))
        worker[at] = np.maximum(worker[at], _highest(points[:, 0], points[:, 1], span, at, total))
        if points.shape[1] > 2:
            used[at] = np.fmax(used[at], _highest(points[:, 0], points[:, 2], span, at, total))
        own = limits.setdefault(span.unit.worker, np.zeros(_BINS))
        own[at] = note.get("memory_limit_bytes") or 0
        system = (note.get("memory_system") or {}).get("limit_bytes", system)
    process = np.sum([np.zeros(_BINS), *map(_held, by_worker.values())], axis=0)
    # Workers come and go: what those may hold that work at a time.
    together = int(np.sum([np.zeros(_BINS), *limits.values()], axis=0).max())
    return process, used, together or system


def _held(memory: Floats) -> Floats:
    """Between two units a worker holds what it held."""
    at = np.flatnonzero(memory)
    if not at.size:
        return memory
    last = np.maximum.accumulate(np.where(memory > 0, np.arange(len(memory)), 0))
    held = memory[last]
    held[at[-1] + 1 :] = 0
    return held


def _bin(at: float, total: float) -> int:
    return min(int(at / total * _BINS), _BINS - 1)


def _highest(times: Floats, values: Floats, span: Span, at: NDArray[Any], total: float) -> Floats:
    """The highest value in each bin; between samples the last one holds."""
    edges = (at / _BINS) * total - span.begin
    held = values[np.clip(np.searchsorted(times, edges, side="right") - 1, 0, None)]
    bins = np.minimum(((times + span.begin) / total * _BINS).astype(int), _BINS - 1) - at[0]
    inside = (bins >= 0) & (bins < len(at))
    np.maximum.at(held, bins[inside], values[inside])
    return held


def _timeline(spans: Sequence[Span], total: float, process: Floats, used: Floats) -> DataFrame:
    """As `plot_memory` takes it: the first unit of each step is marked."""
    from pandas import DataFrame

    names = [""] * _BINS
    marked: set[str] = set()
    for span in spans:
        if span.unit.name not in marked and len(marked) < _MOST_MARKS:
            marked.add(span.unit.name)
            at = _bin(span.begin, total)
            names[at] = f"{names[at]}, {span.unit.name}" if names[at] else span.unit.name
    middles = (np.arange(_BINS) + 0.5) / _BINS * total
    table = DataFrame({"seconds": middles, "process_gb": process / _GB, "operation": names})
    return table if np.isnan(used).all() else table.assign(used_gb=used / _GB)


def _told(
    spans: Sequence[Span], table: DataFrame, limit: int | None, n_pauses: int
) -> tuple[str, str]:
    peak = format_bytes(int(table["process_gb"].max() * _GB))
    n_workers = len({span.unit.worker for span in spans})
    workers = f"{n_workers} worker{'s' if n_workers > 1 else ''}"
    against = "" if limit is None else f", against a limit of {format_bytes(limit)}"
    lasted = seconds(max(span.end for span in spans))
    system = ""
    if "used_gb" in table:
        system = f"; the whole system used up to {format_bytes(int(table['used_gb'].max() * _GB))}"
    alt = f"Memory of {workers} over {lasted}: at most {peak} together{against}{system}."
    paused = f" {n_pauses} pauses between runs are cut out." if n_pauses else ""
    caption = (
        f"Memory over time, of {workers} together: at most {peak}{against}{system}. Pages that "
        f"workers share count for each. Marks are where each step first began.{paused}"
    )
    return alt, caption


def _steps(units: Sequence[Unit]) -> Block:
    rows = []
    for name, own in by_analysis(units):
        times = [unit.seconds or 0.0 for unit in own]
        peaks = [unit.peak_bytes for unit in own if unit.peak_bytes]
        highest = max(peaks) if peaks else None
        rows.append(
            [
                name,
                own[0].step,
                len(own),
                *(Cell(seconds(value), repr(value)) for value in (sum(times), max(times))),
                Cell(format_bytes(int(highest)), repr(highest)) if highest else None,
            ]
        )
    headings = ("name", "step", "units", "time, all", "time, longest", "highest peak")
    return make_table(
        "Time and memory of each step; the peak is that of its worker so far.", headings, rows
    )
