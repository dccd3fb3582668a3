"""What a searchlight takes of samples: images, betas, arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.io.masks import Mask, load_mask, mask_among
from boldstream.io.source import VolumeSource


def mask_of(samples: VolumeSource | NDArray[Any], mask: Any) -> Mask:
    """The voxels of a searchlight, on the grid of the samples.

    Raises
    ------
    ParameterError
        If there is no mask where one is needed.
    """
    if isinstance(samples, np.ndarray):
        if mask is None or isinstance(mask, np.ndarray):
            raise ParameterError(
                "`mask` must be a path or an image for an array, to know where its columns lie"
            )
        return mask if isinstance(mask, Mask) else load_mask(mask)
    grid, kept = samples.series.grid, samples.inside
    if mask is None and kept is None:
        raise ParameterError("`mask` must be given for images: a path, an image or an array")
    return mask_among(kept, grid, mask, may_resample=False)


def sample_count(samples: VolumeSource | NDArray[Any]) -> int:
    """Volumes, or rows."""
    return len(samples) if isinstance(samples, np.ndarray) else samples.series.n_volumes


def check_array(values: NDArray[Any], mask: Mask) -> None:
    """Raise `ParameterError` unless an array has a column for each voxel of the mask."""
    n_voxels = int(np.count_nonzero(mask.array))
    if values.ndim != 2 or values.shape[1] != n_voxels or values.dtype.kind not in "biuf":
        raise ParameterError(
            f"`imgs` must hold numbers (samples, {n_voxels}), a column for each voxel of `mask`, "
            f"got {values.dtype} of shape {values.shape}"
        )
