"""Masks: images of two values, of which one is 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import MaskError
from boldstream.core.grid import Grid
from boldstream.io.resample import (
    NEAREST,
    RESAMPLE_FIRST,
    RESAMPLE_HERE,
    ResampleMode,
    needs_resampling,
    resample_volume,
)
from boldstream.io.volume import VolumeLike, path_of, read_volume

MaskLike: TypeAlias = VolumeLike

# Scaled integers decode to 1.00000006 or 1e-6; no one means a third value by that.
_TOLERANCE = 1e-3
_ENDINGS = (".gz", ".bz2", ".zst", ".nii", ".img", ".hdr", ".mgz", ".mgh", ".mnc", ".head", ".brik")


@dataclass(frozen=True, eq=False)
class Mask:
    """Voxels of a grid that are taken.

    Attributes
    ----------
    name : str
    grid : Grid
    array : ndarray of bool, shape (x, y, z)
    """

    name: str
    grid: Grid
    array: NDArray[np.bool_]


def load_mask(
    mask: MaskLike,
    grid: Grid | None = None,
    *,
    resample: ResampleMode = None,
    name: str = "mask",
    may_resample: bool = True,
) -> Mask:
    """Read a mask and bring it to a grid.

    Parameters
    ----------
    mask : path, nibabel image or ndarray, shape (x, y, z)
        Holds 0 and one other value, up to a thousandth of it; NaN and
        infinity count as 0.
    grid : Grid, optional
        Grid of the image; by default that of the mask.
    resample : {None, "mask"}
        Whether a mask on another grid is refused, or resampled (nearest
        neighbour).
    name : str
        What errors call the mask.
    may_resample : bool
        Whether the user has the parameter `resample`, which an error may then propose.

    Raises
    ------
    MaskError
        If the mask is empty, or loses its last voxel in resampling; if it
        holds more than one value besides 0, or more than one volume.
    GridMismatchError
        If it lies on another grid and `resample` is None.

    Examples
    --------
    >>> import numpy as np
    >>> from boldstream.core.grid import Grid
    >>> ones = np.array([0, 1.00000006, 1]).reshape(3, 1, 1)
    >>> int(load_mask(ones, Grid((3, 1, 1), np.eye(4))).array.sum())
    2
    """
    volume = read_volume(mask, grid, name=name, hint="; maps of weights go to `Maps`")
    inside = _inside(volume.values, volume.label)
    hint = RESAMPLE_HERE if may_resample else RESAMPLE_FIRST
    if grid is None or not needs_resampling(
        volume.grid, grid, resample, name=volume.label, hint=hint
    ):
        return Mask(name, grid or volume.grid, inside)
    resampled = resample_volume(inside.view(np.uint8), volume.grid, grid, order=NEAREST)
    if not resampled.any():
        raise MaskError(
            f"{volume.label} has no voxel left on the grid of the image: {grid}; "
            "check that both are in one space"
        )
    return Mask(name, grid, np.asarray(resampled, dtype=np.bool_))


def mask_among(
    kept: NDArray[np.bool_] | None,
    grid: Grid,
    mask: MaskLike | Mask | None,
    *,
    resample: ResampleMode = None,
    name: str = "mask",
    may_resample: bool = True,
) -> Mask:
    """The voxels that are asked for, of those that there are.

    Parameters
    ----------
    kept : ndarray of bool, shape (x, y, z), or None
        Voxels that have samples; None if all have.
    grid : Grid
        Of the samples.
    mask : mask, Mask or None
        None asks for all that there are.
    resample, name, may_resample
        As for `load_mask`.

    Raises
    ------
    MaskError
        If voxels are asked for that have no samples; and as for `load_mask`.
    GridMismatchError
    """
    if mask is None:
        return Mask(name, grid, np.ones(grid.shape, np.bool_) if kept is None else kept)
    if isinstance(mask, Mask):
        mask.grid.require_same(grid, name=f"`{name}`", other_name="the image")
        wanted = mask
    else:
        wanted = load_mask(mask, grid, resample=resample, name=name, may_resample=may_resample)
    outside = 0 if kept is None else np.count_nonzero(~kept[wanted.array])
    if outside:
        raise MaskError(
            f"`{name}` must lie inside the mask of the samples; {outside} of its "
            f"{np.count_nonzero(wanted.array)} voxels do not; intersect the two first"
        )
    return wanted


def mask_name(mask: Any) -> str | None:
    """Name of a mask's file without its endings, or None where it has no file.

    Examples
    --------
    >>> mask_name("masks/left.hippocampus.nii.gz")
    'left.hippocampus'
    """
    path = path_of(mask)
    if path is None:
        return None
    while path.suffix.lower() in _ENDINGS:
        path = path.with_suffix("")
    return path.name


def _inside(values: NDArray[Any], label: str) -> NDArray[np.bool_]:
    """Voxels that hold the one value besides 0."""
    finite = np.isfinite(values)
    low, high = (float(end(values, where=finite, initial=0)) for end in (np.min, np.max))
    value = high if high >= -low else low
    near_zero = _TOLERANCE * abs(value)
    inside = finite & ((values > near_zero) | (values < -near_zero))
    if not inside.any():
        raise MaskError(f"{label} is empty: it holds no voxel that is not 0")
    chosen = values[inside].astype(np.float64)
    if np.abs(chosen - value).max() > near_zero:
        some = ", ".join(f"{v:g}" for v in np.unique(chosen)[:5])
        raise MaskError(
            f"{label} must hold 0 and one other value, got {some}, ...; "
            "an atlas goes to `Labels`, and weights must be cut at a threshold first"
        )
    return np.asarray(inside, dtype=np.bool_)
