"""Which voxels of a map are shown at which thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import as_number
from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid
from boldstream.io.opening import OneImage
from boldstream.io.volume import read_volume
from boldstream.report.viewer.stat_map import StatMap, finite

_QUANTILES = (0.9, 0.99)
_P_LEVELS = (0.05, 0.001)


@dataclass(frozen=True, eq=False)
class Threshold:
    """A choice of the control.

    Attributes
    ----------
    label : str
        What is shown, with its number, its unit and how many voxels that are.
    shown : ndarray of bool, shape (x, y, z)
    """

    label: str
    shown: NDArray[np.bool_]


def thresholds_of(
    stat_map: StatMap,
    *,
    levels: Sequence[float] | None = None,
    unit: str = "",
    p_map: OneImage | None = None,
    p_name: str = "p",
) -> list[Threshold]:
    """All voxels, then those beyond each level, then those of low p.

    Parameters
    ----------
    stat_map : StatMap
        What counts is how far values are from 0 on both sides, or how high
        they are where there is a chance level or no value is negative.
    levels : sequence of float, optional
        In the unit of the map. By default chance, and the levels that a tenth
        and a hundredth of the voxels exceed, where they are different.
    unit : str
    p_map : path or nibabel image, optional
        On the grid of the map; adds p below 0.05 and 0.001.
    p_name : str
        What kind of p, such as "p (FWE)".

    Raises
    ------
    ParameterError
        If a level is no finite number, or below 0 where both sides count.
    GridMismatchError, MaskError
        If the p map is not one volume on the map's grid.
    """
    choices = [Threshold(f"all {_count(stat_map.inside)}", stat_map.inside)]
    size = np.abs(stat_map.values) if stat_map.two_sided else stat_map.values
    for level in _usual_levels(stat_map) if levels is None else _checked(levels, stat_map):
        # NaN, of which nothing is known, is not above anything.
        shown = stat_map.inside & (size > level)
        text = _level_text(stat_map, level, unit)
        if levels is not None or 0 < shown.sum() < choices[-1].shown.sum():
            choices.append(_choice(text, shown))
    if p_map is not None:
        p = _read_p(p_map, stat_map.grid)
        choices += [_choice(f"{p_name} < {x}", stat_map.inside & (p < x)) for x in _P_LEVELS]
    return choices


def _choice(text: str, shown: NDArray[np.bool_]) -> Threshold:
    return Threshold(f"{text} ({_count(shown)})", shown)


def _count(shown: NDArray[np.bool_]) -> str:
    n = int(shown.sum())
    return f"{n:,} voxel" if n == 1 else f"{n:,} voxels"


def _usual_levels(stat_map: StatMap) -> list[float]:
    values = np.abs(stat_map.shown) if stat_map.two_sided else stat_map.shown
    if not values.size:
        return []
    levels = [float(f"{x:.3g}") for x in np.quantile(values.astype(np.float64), _QUANTILES)]
    chance = stat_map.chance
    return levels if chance is None else [chance, *(x for x in levels if x > chance)]


def _checked(levels: Sequence[float], stat_map: StatMap) -> Sequence[float]:
    least = 0.0 if stat_map.two_sided else -math.inf
    for level in levels:
        number = as_number(level)
        if not (math.isfinite(number) and number >= least):
            above = " of 0 or more" if stat_map.two_sided else ""
            raise ParameterError(f"`thresholds` must be finite numbers{above}, got {level!r}")
    return levels


def _level_text(stat_map: StatMap, level: float, unit: str) -> str:
    number = f"{level:g} {unit}".rstrip()
    if stat_map.two_sided:
        return f"beyond ±{number}"
    return f"above chance, {number}" if level == stat_map.chance else f"above {number}"


def _read_p(p_map: OneImage, grid: Grid) -> NDArray[np.float32]:
    volume = read_volume(p_map, None, name="p_map")
    volume.grid.require_same(grid, name=volume.label, other_name="the map")
    return finite(volume.values, fill=1.0)
