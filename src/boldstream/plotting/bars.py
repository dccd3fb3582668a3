"""`plot_bars`: what several ways of doing one thing took, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from boldstream.core.budget import format_bytes
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.plotting.style import (
    HATCHES,
    NOTE_SIZE,
    Palette,
    axes_for,
    check_axes,
    dress,
    write_legend,
)

# Bars of a shorter one could not be seen beside the longest on a linear scale.
_LOG_FROM = 50.0
_BAR_INCHES = 0.36


@dataclass(frozen=True, eq=False)
class _Bar:
    """One bar: what was measured each time, or why there is nothing."""

    group: str
    way: str
    measured: NDArray[np.float64]
    note: str

    @property
    def value(self) -> float:
        """The median of what was measured."""
        return float(np.median(self.measured)) if self.measured.size else np.nan


def plot_bars(
    values: Mapping[str, Any],
    *,
    unit: str,
    label: str | None = None,
    highlight: str | Iterable[str] = (),
    log: bool | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what each way took as a horizontal bar, with its value written on it.

    Parameters
    ----------
    values : mapping of str to number, sequence of numbers, or str
        By way. Of repeated measurements the bar is the median, and each is a
        dot; a text such as "out of memory" is written in the place of a bar. Or
        a mapping of groups to such mappings: ways of one name have one colour
        and hatch in all groups then.
    unit : {"bytes", "seconds"} or str
        Bytes and seconds are written as people do, such as "1.5 GiB" and
        "2 min 5 s"; any other unit is put behind the number.
    label : str, optional
        What the axis says, such as "peak memory"; the unit by default.
    highlight : str or sequence of str
        Ways to set off, where there are no groups.
    log : bool, optional
        Whether the scale is logarithmic; by default where the largest value is
        at least 50 times the smallest.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Bars in the order they are given, from the top.

    Raises
    ------
    ParameterError
        If there are no values, one is negative or no number, or a way to
        highlight is not there; or a logarithmic scale is asked for and a value
        is 0.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ways = {"NiftiMasker": [2.0e9, 2.1e9, 2.2e9], "boldstream": 1.5e8}
    >>> ax = plot_bars(ways, unit="bytes", label="peak memory", highlight="boldstream")
    >>> [float(bar.get_width()) for bar in ax.patches], [text.get_text() for text in ax.texts]
    ([2100000000.0, 150000000.0], ['2 GiB', '143.1 MiB'])
    >>> plt.close(ax.figure)
    """
    check_axes(ax)
    bars = _bars_of(values)
    chosen = _chosen(highlight, bars)
    is_log = _is_log(log, bars)
    grouped = bool(bars[0].group)
    places = _places(bars)
    height = 1.2 + _BAR_INCHES * (places[-1] + 1) + 0.3 * grouped
    with axes_for(ax, width=7.2, height=height) as drawn:
        palette = dress(drawn, grid="x")
        if is_log:
            drawn.set_xscale("log")
        _draw(drawn, bars, places, palette, unit, chosen)
        _name(drawn, bars, places, palette, grouped=grouped)
        drawn.set_ylim(places[-1] + 0.7, -0.7)
        _scale(drawn, bars, unit, is_log=is_log)
        drawn.set_xlabel((unit if label is None else label) + (" (log scale)" if is_log else ""))
    return drawn


def _bars_of(values: Any) -> list[_Bar]:
    if not isinstance(values, Mapping) or not values:
        raise ParameterError(
            "`values` must be a mapping of ways to what they took, with at least one, "
            f"got {values!r}"
        )
    groups = [isinstance(one, Mapping) for one in values.values()]
    if not any(groups):
        return [_bar("", str(way), value) for way, value in values.items()]
    if not all(groups) or not all(values.values()):
        raise ParameterError("`values` must hold groups of at least one way each, or ways alone")
    return [
        _bar(str(group), str(way), value)
        for group, ways in values.items()
        for way, value in ways.items()
    ]


def _bar(group: str, way: str, value: Any) -> _Bar:
    if isinstance(value, str):
        return _Bar(group, way, np.empty(0), value)
    message = f"`values` must hold numbers from 0 up, or texts, got {value!r} of {way!r}"
    try:
        measured = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise ParameterError(message) from error
    usable = np.isfinite(measured) & (measured >= 0)
    if measured.ndim != 1 or not measured.size or not usable.all():
        raise ParameterError(message)
    return _Bar(group, way, measured, "")


def _chosen(highlight: str | Iterable[str], bars: list[_Bar]) -> frozenset[str]:
    names = [highlight] if isinstance(highlight, str) else list(highlight)
    ways = [bar.way for bar in bars]
    for name in names:
        if name not in ways:
            raise ParameterError(
                f"`highlight` must be some of the ways, got {name!r}{did_you_mean(name, ways)}"
            )
    return frozenset(names)


def _is_log(log: bool | None, bars: list[_Bar]) -> bool:
    found = [bar.measured.min() for bar in bars if bar.measured.size]
    lowest = min(found, default=0.0)
    if log is None:
        highest = max((bar.value for bar in bars if bar.measured.size), default=0.0)
        return bool(lowest > 0 and highest >= _LOG_FROM * lowest)
    if log and lowest <= 0:
        raise ParameterError("`log` must be False where a value is 0, or there is none")
    return log


def _places(bars: list[_Bar]) -> list[float]:
    """Height of each bar on the axis; one and a half steps between groups."""
    groups = list(dict.fromkeys(bar.group for bar in bars))
    return [i + 0.6 * groups.index(bar.group) for i, bar in enumerate(bars)]


def _draw(
    ax: Axes,
    bars: list[_Bar],
    places: list[float],
    palette: Palette,
    unit: str,
    chosen: frozenset[str],
) -> None:
    ways = list(dict.fromkeys(bar.way for bar in bars))
    for bar, place in zip(bars, places, strict=True):
        style = ways.index(bar.way) if bar.group else int(bar.way in chosen)
        if bar.measured.size:
            ax.barh(
                *(place, bar.value, 0.78),
                color=palette.colours[style % len(palette.colours)],
                hatch=HATCHES[style % len(HATCHES)],
                edgecolor=palette.paper,
                linewidth=0.0,
                label=bar.way,
            )
        if bar.measured.size > 1:
            dots: Any = {"markersize": 4, "markerfacecolor": palette.paper}
            ax.plot(
                *(bar.measured, np.full(bar.measured.size, place), "o"),
                markeredgecolor=palette.ink,
                **dots,
            )
        _write(ax, bar, place, palette, unit, is_bold=bar.way in chosen)


def _write(
    ax: Axes, bar: _Bar, place: float, palette: Palette, unit: str, *, is_bold: bool
) -> None:
    measured = bar.measured.size > 0
    ax.annotate(
        write_quantity(bar.value, unit) if measured else bar.note,
        (bar.measured.max() if measured else 0.0, place),
        # At the left edge of the axes, where there is no bar to end.
        xycoords="data" if measured else ax.get_yaxis_transform(),
        xytext=(5, 0),
        textcoords="offset points",
        ha="left",
        va="center",
        color=palette.ink,
        fontsize=NOTE_SIZE,
        fontweight="bold" if is_bold else "normal",
        annotation_clip=False,
    )


def _name(
    ax: Axes, bars: list[_Bar], places: list[float], palette: Palette, *, grouped: bool
) -> None:
    ax.tick_params(axis="y", length=0)
    if not grouped:
        ax.set_yticks(places, [bar.way for bar in bars])
        return
    middles: dict[str, list[float]] = {}
    for bar, place in zip(bars, places, strict=True):
        middles.setdefault(bar.group, []).append(place)
    ax.set_yticks([float(np.mean(at)) for at in middles.values()], list(middles))
    write_legend(ax, palette, list(dict.fromkeys(bar.way for bar in bars)), n_columns=3)


def _scale(ax: Axes, bars: list[_Bar], unit: str, *, is_log: bool) -> None:
    """End the axis where the values that are written have room, and name its ticks."""
    found = np.concatenate([bar.measured for bar in bars])
    low, high = (found.min(), found.max()) if found.size else (0.0, 1.0)
    # Logarithmic bars begin below the shortest, so that it has a length.
    start = 10.0 ** np.floor(np.log10(low) - 0.3) if is_log else 0.0
    end = high * (high / start) ** 0.22 if is_log else 1.22 * high or 1.0
    ax.set_xlim(start, end)
    if unit == "bytes":
        ax.set_xticks(_ticks_of_bytes(start, end, is_log=is_log), minor=False)
        ax.set_xticks([], minor=True)
    if unit in ("bytes", "seconds"):
        ax.xaxis.set_major_formatter(lambda value, _: write_quantity(value, unit))


def _ticks_of_bytes(start: float, end: float, *, is_log: bool) -> list[float]:
    """Ticks that are round numbers of KiB, MiB, ..., as these are written."""
    units = [1024.0**power for power in range(5)]
    if is_log:
        ticks = [factor * unit for unit in units for factor in (1, 10, 100)]
    else:
        unit = max(one for one in units if one <= max(end, 1.0))
        ticks = [
            tick * unit
            for tick in np.asarray(MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(0, end / unit))
        ]
    return [tick for tick in ticks if start <= tick <= end]


def write_quantity(value: float, unit: str) -> str:
    """Write a measured value for people.

    Examples
    --------
    >>> write_quantity(1.5 * 1024**3, "bytes"), write_quantity(0.0125, "seconds")
    ('1.5 GiB', '12.5 ms')
    >>> write_quantity(125, "seconds"), write_quantity(7.44, "seconds")
    ('2 min 5 s', '7.44 s')
    >>> write_quantity(3, "volumes")
    '3 volumes'
    """
    if unit == "bytes":
        return format_bytes(round(value))
    if unit != "seconds":
        return f"{value:.3g} {unit}"
    if value >= 119.5:
        minutes, seconds = divmod(round(value), 60)
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    return f"{value:.3g} s" if value >= 0.9995 or value == 0 else f"{value * 1000:.3g} ms"
