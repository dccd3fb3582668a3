"""What an image says of itself before its data are read, and whether it holds volumes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage

from boldstream.core.errors import UnsupportedImageError
from boldstream.core.grid import Grid

_NEED = "volumes in NIfTI, AFNI, MGH, MINC, PAR/REC or ANALYZE format are needed"
_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6, "unknown": 1.0}
# NIfTI's codes of the unit of time, without the bits of the unit of space.
_TIME_BITS = 0o70
_NIFTI_TIME_UNITS = {0: "unknown", 8: "sec", 16: "msec", 24: "usec"}
# AFNI's codes of the unit of TAXIS_FLOATS.
_AFNI_TIME_UNITS = {77001: "msec", 77002: "sec", 77003: "hz"}


@dataclass(frozen=True, slots=True)
class Header:
    """One image, as far as its header tells.

    Attributes
    ----------
    name : str
        The file's path, or what to call an image that has none.
    grid : Grid
    n_volumes : int
    axis : int or None
        Axis of the volumes in the array that nibabel shows; None where there
        is but one volume.
    tr : float or None
        Repetition time in seconds.
    kind : {"3-D", "4-D", "either"}
        What a list takes it for; (x, y, z, 1) is either.
    """

    name: str
    grid: Grid
    n_volumes: int
    axis: int | None
    tr: float | None
    kind: Literal["3-D", "4-D", "either"]


def read_header(image: Any, name: str) -> Header:
    """Check that a loaded image holds volumes, and say which.

    Raises
    ------
    UnsupportedImageError
        Surfaces, fewer than three dimensions, more than one axis of volumes,
        or no voxels.
    """
    _check_is_volumetric(image, name)
    shape = tuple(int(n) for n in image.shape)
    axis = _volume_axis(image, shape, name)
    x, y, z = [n for i, n in enumerate(shape) if i != axis][:3]
    return Header(
        name=name,
        grid=Grid((x, y, z), _affine(image, name)),
        n_volumes=1 if axis is None else shape[axis],
        axis=axis,
        tr=_repetition_time(image, 3 if axis is None else axis),
        kind="4-D" if axis is not None else "3-D" if len(shape) == 3 else "either",
    )


def _check_is_volumetric(image: Any, name: str) -> None:
    if isinstance(image, nib.Cifti2Image):
        raise UnsupportedImageError(f"{name} is a CIFTI-2 image of grayordinates; {_NEED}")
    if isinstance(image, nib.GiftiImage):
        raise UnsupportedImageError(f"{name} is a GIFTI image of a surface; {_NEED}")
    if not isinstance(image, SpatialImage):
        raise UnsupportedImageError(f"{name} is a {type(image).__name__}; {_NEED}")


def check_type(dtype: np.dtype[Any], name: str) -> None:
    """Raise `UnsupportedImageError` unless values of this type are real numbers."""
    if dtype.kind == "c":
        raise UnsupportedImageError(
            f"{name} holds complex numbers ({dtype}); store their magnitude or phase"
        )
    if dtype.fields:
        raise UnsupportedImageError(f"{name} holds colours ({', '.join(dtype.fields)}); {_NEED}")
    if dtype.kind not in "biuf":
        raise UnsupportedImageError(f"{name} must hold numbers, got values of type {dtype}")


def _volume_axis(image: Any, shape: tuple[int, ...], name: str) -> int | None:
    if len(shape) < 3:
        raise UnsupportedImageError(f"{name} must have three dimensions or more, got {shape}")
    if min(shape) < 1:
        raise UnsupportedImageError(f"{name} must hold voxels, got the shape {shape}")
    if isinstance(image, nib.Minc1Image) and len(shape) > 3:
        # MINC names its axes, and time usually comes first.
        proxy: Any = image.dataobj
        return list(proxy.minc_file._dim_names).index("time")
    axes = [axis for axis in range(3, len(shape)) if shape[axis] > 1]
    if len(axes) > 1:
        raise UnsupportedImageError(
            f"{name} must have one axis of volumes beyond the third, got the shape {shape}"
        )
    return axes[0] if axes else None


def _affine(image: Any, name: str) -> Any:
    affine = image.affine
    if affine is None or not np.isfinite(affine).all():
        raise UnsupportedImageError(f"{name} must have an affine of finite numbers, got {affine}")
    if np.linalg.matrix_rank(affine[:3, :3]) < 3:
        raise UnsupportedImageError(
            f"{name} must have an affine that gives its voxels a volume, got {affine}"
        )
    return np.array(affine, dtype=np.float64)


def _repetition_time(image: Any, axis: int) -> float | None:
    zooms = image.header.get_zooms()
    if axis >= len(zooms) or (axis > 3):
        return None
    unit = _time_unit(image)
    if unit == "unknown" and zooms[axis] == 1:
        # What stands there when nobody filled it in, as in an image made of an array.
        return None
    seconds = float(zooms[axis]) * _SECONDS.get(unit, math.nan)
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _time_unit(image: Any) -> str:
    header = image.header
    if isinstance(image, nib.MGHImage):
        return "msec"
    if isinstance(image, nib.brikhead.AFNIImage):
        codes = header.info.get("TAXIS_NUMS", ())
        return _AFNI_TIME_UNITS.get(codes[2], "unknown") if len(codes) > 2 else "unknown"
    if hasattr(header, "get_xyzt_units"):
        return _NIFTI_TIME_UNITS.get(int(header["xyzt_units"]) & _TIME_BITS, "no time")
    return "unknown"
