"""What is said of a map in words and numbers."""

from __future__ import annotations

import numpy as np

from boldstream.report.blocks import number
from boldstream.report.viewer.canvas import Canvas
from boldstream.report.viewer.stat_map import StatMap


def caption_of(stat_map: StatMap, unit: str) -> str:
    """How many voxels, from which value to which, and where the highest is."""
    values = stat_map.shown
    if not values.size:
        return "The map has no value to show."
    highest = values.max()
    voxel = np.argwhere(stat_map.inside & (stat_map.values == highest))[0]
    # As the page rounds them; -0.0 + 0 is 0.
    x, y, z = (_signed(f"{round(at, 2) + 0:.9g}") for at in stat_map.grid.affine[:3] @ [*voxel, 1])
    span = f"from {_written(values.min())} to {_written(highest)} {unit}".rstrip()
    return (
        f"{values.size:,} voxels {span}, highest at x {x}, y {y}, z {z} mm. {_place_text(stat_map)}"
    )


def note_of(stat_map: StatMap, canvas: Canvas) -> str:
    """What a reader must know to use the numbers of the page."""
    sizes = stat_map.grid.voxel_sizes
    # A space is named beside the coordinates.
    place = "" if stat_map.space else f"{_place_text(stat_map)} "
    coarse = canvas.spacing > 1.001 * min(sizes)
    drawn = f", drawn at {canvas.spacing:.2g} mm" if coarse else ""
    return (
        f"{place}The value is that of the map at the voxel nearest to the crosshair, not read from "
        f"its colour. Voxels, counted from 0, are {' × '.join(f'{size:.3g}' for size in sizes)} mm"
        f"{drawn}. Left is on the left."
    )


def limits_of(stat_map: StatMap, unit: str) -> tuple[str, str]:
    """Texts at the ends of the colours."""
    low, high = map(_written, stat_map.limits)
    less = "≤ " if stat_map.shown.min(initial=np.inf) < stat_map.limits[0] else ""
    more = "≥ " if stat_map.shown.max(initial=-np.inf) > stat_map.limits[1] else ""
    return less + low, f"{more}{high} {unit}".rstrip()


def _written(value: float) -> str:
    """Without an exponent where that is short."""
    return _signed(number(float(value)))


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _place_text(stat_map: StatMap) -> str:
    if stat_map.space is None:
        return "Coordinates are in mm, in the image's own space: its file names no template."
    return f"Coordinates are in mm, in the space {stat_map.space}."
