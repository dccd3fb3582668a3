"""A map to look at: its values, and at which voxels it has any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.grid import Grid
from boldstream.io.bids.names import parse_name
from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.opening import OneImage
from boldstream.io.volume import path_of, read_volume

# Quantiles; colours reach beyond them by half of what lies between.
_USUAL = (0.005, 0.995)


@dataclass(frozen=True, eq=False)
class StatMap:
    """Values of a map on its own grid.

    Attributes
    ----------
    grid : Grid
    values : ndarray of float32, shape (x, y, z)
        NaN outside of the mask, and where the map is not finite.
    inside : ndarray of bool, shape (x, y, z)
        Voxels that are shown where no threshold is set: those of the mask, or
        without one those that are not 0.
    chance : float or None
    space : str or None
        Name of the template space that its file's name says, such as "MNI152NLin6Asym".
    """

    grid: Grid
    values: NDArray[np.float32]
    inside: NDArray[np.bool_]
    chance: float | None
    space: str | None

    @property
    def shown(self) -> NDArray[np.float32]:
        """Values inside, shape (voxels,)."""
        return self.values[self.inside]

    @property
    def two_sided(self) -> bool:
        """Whether values far below 0 count as much as those far above, as in a map of t."""
        return self.chance is None and bool(self.shown.min(initial=0) < 0)

    @property
    def limits(self) -> tuple[float, float]:
        """Where colours begin and end: one scale for all thresholds.

        The lowest and highest value, but nearer than those where a few voxels
        are so far from all others that these would have one colour, as where
        t has almost no variance to be divided by.
        """
        values = self.shown.astype(np.float64)
        if not values.size:
            return 0.0, 1.0
        if self.two_sided:
            size = np.abs(values)
            far = float(min(size.max(), 2 * np.quantile(size, _USUAL[1])) or size.max())
            return -far, far
        low, high = np.quantile(values, _USUAL)
        beyond = (high - low) / 2
        low, high = max(values.min(), low - beyond), min(values.max(), high + beyond)
        if low == high:
            low, high = min(values.min(), 0), max(values.max(), 0)
        return (float(low), float(high)) if low < high else (0.0, 1.0)


def read_stat_map(
    image: OneImage, *, mask: MaskLike | None, chance: float | None, space: str | None
) -> StatMap:
    """Read a map that is one volume.

    Raises
    ------
    MaskError
        If there is more than one volume, or the mask is empty.
    ImageFileError, UnsupportedImageError
        If it cannot be read, or its affine has no inverse.
    """
    volume = read_volume(image, None, name="image")
    values = finite(volume.values, fill=np.nan)
    if mask is None:
        inside = np.isfinite(values) & (values != 0)
    else:
        within = load_mask(mask, volume.grid, resample="mask").array
        values[~within] = np.nan
        inside = np.isfinite(values)
    path = path_of(image)
    named = parse_name(path.name)[0].get("space") if space is None and path else space
    return StatMap(volume.grid, values, inside, chance, str(named) if named else None)


def finite(values: NDArray[Any], *, fill: float) -> NDArray[np.float32]:
    """A copy in float32, with `fill` where a value is NaN, infinite or too large for that."""
    with np.errstate(over="ignore"):
        copy = np.array(values, np.float32)
    copy[~np.isfinite(copy)] = fill
    return copy
