"""`Prepared`: a reduction of volumes that are resampled and smoothed as they pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from boldstream.core.checks import as_number, one_of
from boldstream.core.errors import GridMismatchError, ParameterError
from boldstream.core.grid import Grid
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.source import Series
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.preparations.smoothing import Fwhm
from boldstream.streaming.preparations.volumes import Recipe, VolumePreparation
from boldstream.streaming.reduction import Bound, Reduction

Interpolation: TypeAlias = Literal["continuous", "linear", "nearest"]

_ORDERS = {"continuous": 3, "linear": 1, "nearest": 0}


@dataclass(frozen=True, eq=False)
class Prepared(Reduction):
    """A reduction of resampled and smoothed volumes, without an image of them.

    Values are those of `nilearn.image.resample_img` (cut off at the range of
    the data), then `nilearn.image.smooth_img`; integers are interpolated as
    real numbers. Reductions with equal parameters share the work.

    Parameters
    ----------
    reduction : Reduction
        Takes the prepared volumes; its masks and the like lie on their grid.
        Where there is nothing to prepare, it takes those of the image.
    target : path, nibabel image or Grid, optional
        Resample to this grid, or that of this image, unless the image lies on it.
    interpolation : {"continuous", "linear", "nearest"}
    smoothing_fwhm : float, sequence of three float or None, or "fast", optional
        Full width at half maximum in mm, for all axes or for each of x, y, z;
        0 or None leaves an axis as it is. "fast" adds a fifth of each of the
        six neighbours.
    nan_policy : {"nilearn", "zero", "propagate", "raise"}
        What becomes of NaN and infinity where something is resampled or
        smoothed. "zero" puts 0 in their place. "propagate" resamples around
        them, leaves NaN where the nearest voxel was one, and lets them spread
        as far as the smoothing reaches; "nilearn" resamples alike, and smooths
        zeros. "raise" refuses them.
    dtype : {"float32", "float64"}
        Of the prepared volumes.

    Returns
    -------
    object
        What `stream` gives for `reduction`.

    Raises
    ------
    ParameterError
        If a parameter has none of its values, or `reduction` is `Prepared` itself.
    GridMismatchError
        If no voxel of the image lies within `target`.
    NonFiniteError
        While reading, if `nan_policy` is "raise" and a value is not finite.

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> data = np.zeros((4, 4, 4, 9), "f4")
    >>> data[1, 1, 1] = 8
    >>> image = nib.Nifti1Image(data, np.eye(4))
    >>> coarse = nib.Nifti1Image(np.zeros((2, 2, 2)), np.diag([2, 2, 2, 1]))
    >>> raw, smooth, moved = bs.stream(
    ...     image,
    ...     bs.Mean(),
    ...     bs.Prepared(bs.Mean(), smoothing_fwhm=2),
    ...     bs.Prepared(bs.Mean(), target=coarse, interpolation="linear"),
    ... )
    >>> bool(0 < smooth[0, 1, 1] < smooth[1, 1, 1] < raw[1, 1, 1]), moved.shape
    (True, (2, 2, 2))
    """

    reduction: Reduction
    target: ImageLike | Grid | None = None
    interpolation: Interpolation = "continuous"
    smoothing_fwhm: float | Sequence[float | None] | Literal["fast"] | None = None
    nan_policy: NanPolicy = "propagate"
    dtype: Literal["float32", "float64"] = "float32"

    def bind(self, series: Series) -> Bound[Any]:
        recipe = self._recipe(series.grid)
        if recipe.target is None and recipe.fwhm is None:
            return self.reduction.bind(series)
        preparation = VolumePreparation(series, recipe)
        bound = self.reduction.bind(preparation.series)
        if bound.preparation is not None:
            raise ParameterError(
                "`reduction` must take volumes as they are, got one that prepares them itself"
            )
        return replace(bound, label=f"{bound.label}, {preparation}", preparation=preparation)

    def _recipe(self, grid: Grid) -> Recipe:
        order = _ORDERS[one_of("interpolation", self.interpolation, _ORDERS)]
        one_of("nan_policy", self.nan_policy, get_args(NanPolicy))
        one_of("dtype", self.dtype, ("float32", "float64"))
        fwhm = _checked_fwhm(self.smoothing_fwhm)
        target = _grid_of(self.target)
        if target is None or grid.is_near(target):
            return Recipe(None, None, 0, fwhm, self.nan_policy, self.dtype)
        _require_overlap(grid, target)
        affine = tuple(tuple(row) for row in target.affine.tolist())
        return Recipe(target.shape, affine, order, fwhm, self.nan_policy, self.dtype)


def _grid_of(target: ImageLike | Grid | None) -> Grid | None:
    if target is None or isinstance(target, Grid):
        return target
    return open_image(target).series.grid


def _require_overlap(grid: Grid, target: Grid) -> None:
    """Refuse a target in which the image would be zeros all over."""
    last = np.subtract(grid.shape, 1)
    corners = np.array(np.meshgrid(*[(0, n) for n in last])).reshape(3, -1)
    to_target = np.linalg.inv(target.affine) @ grid.affine
    placed = (to_target @ np.vstack([corners, np.ones(8)]))[:3]
    if (placed.max(axis=1) < 0).any() or (placed.min(axis=1) > np.subtract(target.shape, 1)).any():
        raise GridMismatchError(
            f"`target` must overlap the image, got\n  target: {target}\n  the image: {grid}"
        )


def _checked_fwhm(fwhm: object) -> Fwhm | None:
    if isinstance(fwhm, str):
        one_of("smoothing_fwhm", fwhm, ("fast",))
        return "fast"
    each = list(fwhm) if isinstance(fwhm, Sequence | np.ndarray) else [fwhm] * 3
    widths = [_width(width) for width in each]
    if len(widths) != 3 or not all(0 <= width < math.inf for width in widths):
        raise ParameterError(
            "`smoothing_fwhm` must be a number of mm (0 or more), one for each of x, y and z, "
            f"'fast' or None, got {fwhm!r}"
        )
    x, y, z = widths
    return (x, y, z) if any(widths) else None


def _width(width: object) -> float:
    """A width as a float; NaN for what is none."""
    return 0.0 if width is None else as_number(width)
