"""Pictures of all slices of a map, made by what nilearn's ``view_img`` is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from nilearn.plotting.html_stat_map import create_brainsprite
from numpy.typing import NDArray

from boldstream.core.grid import Grid
from boldstream.io.resample import LINEAR, resample_volume
from boldstream.io.volume import Volume
from boldstream.io.writing import as_image
from boldstream.report.viewer.canvas import Canvas
from boldstream.report.viewer.stat_map import StatMap, finite
from boldstream.report.viewer.thresholds import Threshold

# Bright on black from its darkest colour on, for everyone, whatever colours they tell apart.
_ONE_SIDED, _TWO_SIDED = "plasma", "RdBu_r"
# nilearn hides what is exactly 0, which may be a value of the map.
_ALMOST_ZERO = np.float32(1e-30)
_BRIGHTEST = 99.5
_TISSUE = 0.1


@dataclass(frozen=True)
class Sprites:
    """Pictures for a page.

    Attributes
    ----------
    params : dict
        For the ``brainsprite`` of nilearn's script.
    background, colours : str
        PNG in base64.
    overlays : tuple of str
        One for each threshold, PNG in base64.
    """

    params: dict[str, Any]
    background: str
    colours: str
    overlays: tuple[str, ...]


def sprites_of(
    stat_map: StatMap,
    canvas: Canvas,
    thresholds: list[Threshold],
    background: Volume | None,
) -> Sprites:
    """Draw a map at each threshold over the same background, in the same colours.

    The crosshair begins at the highest value, or at the farthest from 0 where
    both sides count.
    """
    behind = False if background is None else as_image(_behind(background, canvas), canvas.grid)
    peak = canvas.grid.affine @ [*_peak(stat_map, canvas), 1]
    low, high = stat_map.limits
    drawn = [
        create_brainsprite(
            as_image(_visible(stat_map, threshold, canvas), canvas.grid),
            behind,
            cut_coords=peak[:3].tolist(),
            threshold=0,
            annotate=False,
            black_bg=True,
            cmap=_TWO_SIDED if stat_map.two_sided else _ONE_SIDED,
            symmetric_cmap=False,
            vmin=low,
            vmax=high,
            resampling_interpolation="nearest",
            unique_id="map",
        )
        for threshold in thresholds
    ]
    first = drawn[0]
    return Sprites(
        first["params"],
        first["bg_base64"],
        first["cm_base64"],
        tuple(view["stat_map_base64"] for view in drawn),
    )


def tissue_of(background: Volume) -> tuple[Grid, NDArray[np.bool_]]:
    """Where a background is bright enough to be worth showing."""
    values = finite(background.values, fill=0)
    return background.grid, values > _TISSUE * max(float(np.percentile(values, _BRIGHTEST)), 0)


def _visible(stat_map: StatMap, threshold: Threshold, canvas: Canvas) -> NDArray[np.float32]:
    values = np.where(stat_map.values == 0, _ALMOST_ZERO, stat_map.values)
    visible: NDArray[np.float32] = canvas.take(np.where(threshold.shown, values, 0), fill=0)
    return visible


def _behind(background: Volume, canvas: Canvas) -> NDArray[np.float32]:
    values = finite(background.values, fill=0)
    # A few bright voxels, of eyes or vessels, would make all others dark.
    values = np.clip(values, None, np.percentile(values, _BRIGHTEST))
    return resample_volume(values, background.grid, canvas.grid, order=LINEAR)


def _peak(stat_map: StatMap, canvas: Canvas) -> tuple[int, ...]:
    size = np.abs(stat_map.values) if stat_map.two_sided else stat_map.values
    taken = canvas.take(np.where(stat_map.inside, size, -np.inf), fill=-np.inf)
    if not np.isfinite(taken).any():
        return tuple(n // 2 for n in taken.shape)
    return tuple(int(i) for i in np.unravel_index(taken.argmax(), taken.shape))
