"""Bring a volume to the grid of an image, with the arithmetic of nilearn."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid

ResampleMode: TypeAlias = Literal["mask"] | None

NEAREST, LINEAR = 0, 1
RESAMPLE_HERE = 'resample="mask" resamples it to the image'
# Where that is no parameter.
RESAMPLE_FIRST = "resample it to the image first, as nilearn.image.resample_to_img does"


def needs_resampling(
    source: Grid, target: Grid, resample: ResampleMode, *, name: str, hint: str = RESAMPLE_HERE
) -> bool:
    """Whether a volume lies on another grid than the image and may be resampled.

    `hint` is what an error proposes.

    Raises
    ------
    GridMismatchError
        If it lies on another grid and `resample` is None.
    ParameterError
        If `resample` is neither None nor "mask".
    """
    if resample not in (None, "mask"):
        raise ParameterError(f"`resample` must be None or 'mask', got {resample!r}")
    if resample is None:
        source.require_same(target, name=name, other_name="the image", hint=hint)
    return not source.same_as(target)


def resample_volume(
    values: NDArray[Any], source: Grid, target: Grid, *, order: int
) -> NDArray[Any]:
    """Interpolate a volume at the voxels of another grid; 0 outside.

    The same steps as `nilearn.image.resample_to_img`, so that values on the
    tie between two voxels go to the same side.

    Parameters
    ----------
    values : ndarray, shape (x, y, z)
        Finite numbers.
    source, target : Grid
    order : {0, 1}
        Nearest neighbour, or linear.

    Returns
    -------
    ndarray, shape of `target`
        In the type of `values`.
    """
    from scipy import ndimage

    matrix, offset = to_source(source, target)
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    out = np.zeros(target.shape, native.dtype, order="F")
    ndimage.affine_transform(
        native, matrix, offset=offset, output_shape=target.shape, output=out, order=order
    )
    return out


def to_source(source: Grid, target: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Voxel indices of the target to those of the source: matrix (or its diagonal) and offset."""
    from scipy import linalg

    # The same steps as nilearn, so that ties between voxels go to the same side.
    if np.array_equal(source.affine, target.affine):
        both = np.eye(4)
    else:
        both = np.dot(linalg.inv(source.affine), target.affine)
    matrix, offset = both[:3, :3], both[:3, 3]
    diagonal = np.diag(matrix)
    return (diagonal if np.array_equal(np.diag(diagonal), matrix) else matrix), offset
