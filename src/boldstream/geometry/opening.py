"""What holds samples: images, folders of betas, arrays."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import MaskError, ParameterError
from boldstream.io.betas import open_betas_folder
from boldstream.io.betas_source import BetasSource
from boldstream.io.masks import Mask, load_mask
from boldstream.io.opening import open_image
from boldstream.io.source import VolumeSource
from boldstream.io.translate import expanded


def open_samples(imgs: Any) -> VolumeSource | NDArray[Any]:
    """A folder of betas or images as a source; an array as it is."""
    if isinstance(imgs, np.ndarray):
        return imgs
    if isinstance(imgs, str | os.PathLike) and expanded(imgs).is_dir():
        return BetasSource(open_betas_folder(imgs))
    return open_image(imgs)


def mask_of(imgs: Any, samples: VolumeSource | NDArray[Any], mask: Any) -> Mask:
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
    if isinstance(samples, BetasSource):
        kept = open_betas_folder(imgs).mask
        return kept if mask is None else inside_of(kept, load_mask(mask, kept.grid))
    if mask is None:
        raise ParameterError("`mask` must be given for images: a path, an image or an array")
    return load_mask(mask, samples.series.grid)


def inside_of(kept: Mask, wanted: Mask) -> Mask:
    """`wanted`, if all of it was kept; raises `ParameterError` if not."""
    outside = np.count_nonzero(wanted.array & ~kept.array)
    if outside:
        raise MaskError(
            f"`{wanted.name}` must lie inside the mask of the betas; {outside} of its "
            f"{np.count_nonzero(wanted.array)} voxels do not"
        )
    return wanted


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
