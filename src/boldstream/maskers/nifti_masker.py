"""`NiftiMasker`: the voxels of a mask."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from nilearn import maskers as nilearn_maskers
from nilearn.image import crop_img, resample_img
from nilearn.maskers._utils import compute_middle_image
from nilearn.masking import load_mask_img
from numpy.typing import NDArray

from boldstream.maskers.extraction import Extraction
from boldstream.maskers.images import Images
from boldstream.maskers.options import MEMORY_LIMIT, NAN_POLICY, drop_in
from boldstream.maskers.preparing import (
    Precision,
    grid_of,
    is_changed,
    precision,
    prepared,
)
from boldstream.maskers.streamed import Streamed
from boldstream.streaming.once import stream_once
from boldstream.streaming.reduction import Reduction
from boldstream.streaming.reductions import Mean, Voxels

MakeReduction: TypeAlias = Callable[[NDArray[np.bool_], Precision], Reduction]

_FROM_DATA = ("background", "epi")


@drop_in(
    nilearn_maskers.NiftiMasker,
    nan_policy=("nilearn", NAN_POLICY),
    memory_limit=(None, MEMORY_LIMIT),
)
class NiftiMasker(Streamed, nilearn_maskers.NiftiMasker):
    """Time courses of the voxels of a mask, in memory the size of the result.

    The same as :class:`nilearn.maskers.NiftiMasker`, but images are streamed:
    read once, in order, resampled and smoothed on the way.
    """

    def _fitted_to(self, each: Sequence[Images]) -> Any:
        if each and self._is_mask_from_data:
            return self._mean_of(each[0])
        return super()._fitted_to(each)

    @property
    def _is_mask_from_data(self) -> bool:
        return self.mask_img is None and self.mask_strategy in _FROM_DATA

    def _mean_of(self, images: Images) -> Any:
        """Mean volume, in the type that nilearn's would have: masks are cut at its values."""
        (mean,) = stream_once(
            images.source, [Mean(dtype="float64")], memory_limit=self.memory_limit
        )
        dtype = images.dtype if images.dtype.kind == "f" else np.dtype(np.float64)
        return images.like(mean.astype(dtype))

    def _show(self, volume: Any) -> None:
        super()._show(volume)
        if "transform" in self._reporting_data:
            moved = resample_img(
                volume, target_affine=self.affine_, copy=False, interpolation="nearest"
            )
            moved, _ = compute_middle_image(moved)
            self._reporting_data["transform"] = [moved, self.mask_img_]

    def reduction_of(self, images: Images, make: MakeReduction) -> Reduction:
        """A reduction of what this masker takes of each volume, resampled and smoothed as it asks.

        Cleaning is not part of it.

        Parameters
        ----------
        images : Images
        make : callable
            Makes the reduction of the mask (x, y, z) on the grid of the
            prepared volumes, and of the type that voxels have in nilearn. The
            mask may be cropped; its voxels are those of `mask_img_`, in order.
        """
        mask, target = self.mask_img_, None
        if not grid_of(mask).is_near(images.grid):
            warnings.warn(
                "imgs are being resampled to the mask_img resolution. "
                "This process is memory intensive. You might want to provide "
                "a target_affine that is equal to the affine of the imgs "
                "or resample the mask beforehand "
                "to save memory and computation time.",
                UserWarning,
                stacklevel=2,
            )
            mask = crop_img(mask, copy=False)
            target = grid_of(mask)
        inside, _ = load_mask_img(mask)
        changed = is_changed(images, target, self.smoothing_fwhm)
        return prepared(
            make(inside, precision(images.dtype, changed=changed)),
            images,
            target=target,
            smoothing_fwhm=self.smoothing_fwhm,
            nan_policy=self.nan_policy,
        )

    def _extraction(self, images: Images) -> Extraction:
        def voxels(inside: NDArray[np.bool_], dtype: Precision) -> Reduction:
            return Voxels(inside, dtype=dtype, nan_policy=self.nan_policy)

        return Extraction(self.reduction_of(images, voxels), lambda signals: signals)
