"""What nilearn does to images before it takes voxels: the type, the grid and the smoothing."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np

from boldstream.core.grid import Grid
from boldstream.maskers.images import Images
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.preparations import Prepared
from boldstream.streaming.reduction import Reduction

Precision = Literal["float32", "float64"]


def grid_of(image: Any) -> Grid:
    """The grid of a nibabel image."""
    return Grid(tuple(image.shape[:3]), np.asarray(image.affine, dtype=np.float64))


def precision(dtype: np.dtype[Any], *, changed: bool) -> Precision:
    """The type that voxels have in nilearn once they are floats.

    Small integers that are resampled or smoothed become float32 there, and
    64-bit ones float64.
    """
    if dtype.kind == "f":
        return "float32" if dtype.itemsize <= 4 else "float64"
    return "float64" if dtype.itemsize == 8 and changed else "float32"


def region_precision(dtype: np.dtype[Any], *, changed: bool) -> Precision:
    """The type of a mean over voxels: float64 of anything but float32."""
    if dtype.kind != "f" and not changed:
        return "float64"
    return precision(dtype, changed=changed)


def warn_of_late(what: str) -> None:
    """Say, as nilearn does, that regions are resampled again for every image."""
    warnings.warn(
        f"Resampling {what} at transform time...\n"
        "To avoid this warning, make sure to pass the images you want to transform to fit() "
        "first, or directly use fit_transform().",
        stacklevel=2,
    )


def warn_of_resampling() -> None:
    """Say, as nilearn does, that volumes are brought to the grid of the regions."""
    warnings.warn(
        "Resampling images at transform time...\n"
        "To avoid this warning, make sure to resample the images you want to transform "
        "to the shape of the maps or set resampling_target to 'data'.",
        stacklevel=2,
    )


def is_changed(images: Images, target: Grid | None, smoothing_fwhm: Any) -> bool:
    """Whether volumes are resampled or smoothed before voxels are taken."""
    resampled = target is not None and not target.is_near(images.grid)
    return resampled or smoothing_fwhm is not None


def prepared(
    reduction: Reduction,
    images: Images,
    *,
    target: Grid | None,
    smoothing_fwhm: Any,
    nan_policy: NanPolicy,
) -> Reduction:
    """The reduction, of volumes resampled to `target` and then smoothed where that is asked."""
    changed = is_changed(images, target, smoothing_fwhm)
    if not changed:
        return reduction
    return Prepared(
        reduction,
        target=target,
        smoothing_fwhm=smoothing_fwhm,
        nan_policy=nan_policy,
        dtype=precision(images.dtype, changed=changed),
    )
