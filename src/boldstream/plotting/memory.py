"""`plot_memory`: what a process held over time, against its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from boldstream.core.budget import parse_bytes
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.memory.config import GB
from boldstream.memory.monitor import MemoryMonitor, Sample
from boldstream.plotting.labels import Placed, place_labels
from boldstream.plotting.style import (
    LINE_HEIGHT,
    NOTE_SIZE,
    Palette,
    axes_for,
    check_axes,
    dress,
    figure_of,
    plain,
    reserve_above,
    write_legend,
    write_note,
)

# Points; DejaVu Sans has letters of 0.6 of its size, and a few that are wider.
_LETTER_WIDTH = 0.64 * NOTE_SIZE
_LONGEST_NAME = 28
# A limit this many times above all that was used would leave the lines at the bottom.
_FAR_ABOVE = 4.0
_MB_OF_GB = 1024.0
_NEEDED = ("seconds", "process_gb")


@dataclass(frozen=True, eq=False)
class _Timeline:
    """Samples in the order of time: GB, and names of operations, empty where there is none."""

    seconds: NDArray[np.float64]
    process: NDArray[np.float64]
    used: NDArray[np.float64] | None
    operations: tuple[str, ...]

    @property
    def highest(self) -> float:
        used = self.process if self.used is None else self.used
        return float(np.nanmax(np.concatenate([self.process, used])))


def plot_memory(
    timeline: Any,
    *,
    limit: str | int | None = None,
    names: tuple[str, str] = ("this process", "in use by all"),
    ax: Axes | None = None,
) -> Axes:
    """Draw the memory of a process and of the system over time, against the limit.

    Parameters
    ----------
    timeline : MemoryMonitor, sequence of Sample, or DataFrame
        What a monitor recorded; or a table with the columns ``seconds`` and
        ``process_gb``, and if they are known ``used_gb`` (of the usable memory,
        by everybody) and ``operation`` (what happened at that moment). As in
        all of boldstream, GB are GiB, 1024³ bytes.
    limit : str or int, optional
        Most that may be used, as ``"16GB"`` or in bytes; by default what a
        monitor finds. One far above all that was used is named at the top.
    names : tuple of two str
        What the legend calls ``process_gb`` and ``used_gb``.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Operations are marked on the line of the process and named above it, as
        many as there is room for.

    Raises
    ------
    ParameterError
        If there are no samples, a column is missing, or `limit` is no size.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from boldstream.memory.monitor import Sample
    >>> samples = [Sample(0.0, 0.2, 1.1), Sample(0.5, 0.9, 1.9, "load"), Sample(1.0, 0.4, 1.4)]
    >>> ax = plot_memory(samples, limit="2GB")
    >>> ax.get_ylabel(), ax.lines[0].get_ydata().tolist()
    ('memory (GiB)', [0.2, 0.9, 0.4])
    >>> plt.close(ax.figure)
    """
    check_axes(ax)
    found = _read(timeline)
    limit_gb = _limit_of(timeline, limit)
    with axes_for(ax, width=8.0, height=3.8) as drawn:
        palette = dress(drawn, grid="y")
        scale = _draw_lines(drawn, found, names, palette)
        if limit_gb is not None:
            _draw_limit(drawn, limit_gb, found.highest, scale, palette)
        drawn.set_ylim(bottom=0)
        _draw_operations(drawn, found, scale, palette)
        drawn.set_xlabel("time (s)")
        drawn.set_ylabel("memory (GiB)" if scale == 1 else "memory (MiB)")
        _, labels = drawn.get_legend_handles_labels()
        write_legend(drawn, palette, labels, below=True)
    return drawn


def _limit_of(timeline: Any, limit: str | int | None) -> float | None:
    if limit is not None:
        return parse_bytes(limit, name="limit") / GB
    if isinstance(timeline, MemoryMonitor):
        return timeline.get_memory_info()["total_gb"]
    return None


def _read(timeline: Any) -> _Timeline:
    given = timeline.timeline if isinstance(timeline, MemoryMonitor) else timeline
    columns = _columns_of_table(given) if hasattr(given, "columns") else _columns_of_samples(given)
    seconds = _numbers("seconds", columns["seconds"])
    process = _numbers("process_gb", columns["process_gb"])
    if not seconds.size:
        raise ParameterError(
            "`timeline` must hold at least one sample, got none; a monitor records inside "
            "`with monitor:`, if MONITOR_MEMORY_USAGE is on"
        )
    if not (np.isfinite(seconds).all() and np.isfinite(process).all()):
        raise ParameterError("`timeline` must have finite seconds and process_gb, got NaN")
    used = _numbers("used_gb", columns["used_gb"]) if "used_gb" in columns else None
    # Threads that log and the one that samples may come in turn.
    order = np.argsort(seconds, kind="stable")
    names = columns.get("operation", [""] * len(seconds))
    return _Timeline(
        seconds[order],
        process[order],
        None if used is None else used[order],
        tuple(names[i] if isinstance(names[i], str) else "" for i in order),
    )


def _columns_of_samples(given: Any) -> dict[str, Sequence[Any]]:
    is_sequence = isinstance(given, Sequence) and not isinstance(given, str)
    if not is_sequence or not all(isinstance(one, Sample) for one in given):
        raise ParameterError(
            "`timeline` must be a MemoryMonitor, a sequence of its samples, or a data frame with "
            f"the columns seconds and process_gb, got {type(given).__name__}"
        )
    rows = zip(*given, strict=True) if given else [()] * len(Sample._fields)
    return dict(zip(Sample._fields, rows, strict=True))


def _columns_of_table(table: Any) -> dict[str, Sequence[Any]]:
    present = [str(name) for name in table.columns]
    for name in _NEEDED:
        if name not in present:
            raise ParameterError(
                f"`timeline` must have the columns seconds and process_gb, got no {name} among "
                f"{', '.join(present)}{did_you_mean(name, present)}"
            )
    return {name: list(table[name]) for name in present if name in Sample._fields}


def _numbers(name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"`timeline` must hold numbers in {name}: {error}") from error


def _draw_lines(ax: Axes, found: _Timeline, names: tuple[str, str], palette: Palette) -> float:
    """Draw what was used; return what one GB is in the unit that suits it."""
    scale = 1.0 if found.highest >= 1 else _MB_OF_GB
    # A line of one point cannot be seen.
    alone: Any = {"marker": "o"} if len(found.seconds) == 1 else {}
    first, second = palette.colours[:2]
    process = found.process * scale
    ax.plot(found.seconds, process, color=first, linewidth=1.8, label=names[0], **alone)
    if found.used is not None:
        used = found.used * scale
        ax.plot(found.seconds, used, "-.", color=second, linewidth=1.4, label=names[1], **alone)
    return scale


def _draw_limit(ax: Axes, limit: float, highest: float, scale: float, palette: Palette) -> None:
    if limit <= _FAR_ABOVE * highest or highest <= 0:
        ax.axhline(limit * scale, color=palette.ink, linestyle="--", linewidth=1.2, label="limit")
        ax.set_ylim(top=1.08 * scale * max(limit, highest))
        return
    ax.set_ylim(top=1.35 * scale * highest)
    write_note(ax, f"limit far above: {limit:.3g} GiB ↑", palette, at=(0.99, 0.98), va="top")


def _draw_operations(ax: Axes, found: _Timeline, scale: float, palette: Palette) -> None:
    at = [i for i, name in enumerate(found.operations) if name]
    if not at:
        return
    times, names = found.seconds[at], [plain(found.operations[i], _LONGEST_NAME) for i in at]
    width = 72 * ax.get_position().width * figure_of(ax).get_size_inches()[0]
    low, high = ax.get_xlim()
    points = (times - low) / (high - low) * width
    placed = place_labels(points, [_LETTER_WIDTH * len(name) for name in names], width)
    reserve_above(ax, LINE_HEIGHT * (1 + max((one.lane for one in placed if one), default=-1)))
    for time, name, one in zip(times, names, placed, strict=True):
        if one is not None:
            _draw_name(ax, time, name, one, palette)
    n_named = sum(one is not None for one in placed)
    some = "" if n_named == len(at) else f" ({n_named} of {len(at)} named)"
    ax.plot(
        *(times, found.process[at] * scale, "v"),
        color=palette.colours[0],
        markeredgecolor=palette.ink,
        markersize=6,
        label=f"operation{some}",
    )


def _draw_name(ax: Axes, time: float, name: str, placed: Placed, palette: Palette) -> None:
    is_left = placed.left < placed.point
    ax.axvline(time, color=palette.middle, linewidth=0.7, zorder=1)
    ax.annotate(
        name,
        (time, 1),
        xycoords=ax.get_xaxis_transform(),
        xytext=(0, 2 + placed.lane * LINE_HEIGHT),
        textcoords="offset points",
        ha="right" if is_left else "left",
        va="bottom",
        color=palette.ink,
        fontsize=NOTE_SIZE,
        annotation_clip=False,
        arrowprops={
            "arrowstyle": "-",
            "color": palette.middle,
            "linewidth": 0.7,
            "shrinkA": 0,
            "shrinkB": 0,
            # From the corner of the text, straight down.
            "relpos": (1 if is_left else 0, 0),
        },
    )
