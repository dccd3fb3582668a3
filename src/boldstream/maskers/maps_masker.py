"""`NiftiMapsMasker`: one signal for each of several weighted maps, by least squares."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from nilearn import maskers as nilearn_maskers
from nilearn._utils.param_validation import check_parameter_in_allowed
from nilearn.image import check_niimg, get_data, new_img_like, resample_img
from nilearn.image.image import check_same_fov
from nilearn.maskers.base_masker import mask_logger
from nilearn.masking import load_mask_img
from numpy.typing import NDArray

from boldstream.io.opening import open_image
from boldstream.io.volume import real_values
from boldstream.maskers.extraction import Extraction
from boldstream.maskers.images import Images, dtype_of
from boldstream.maskers.options import MEMORY_LIMIT, NAN_POLICY, drop_in
from boldstream.maskers.preparing import (
    grid_of,
    is_changed,
    precision,
    prepared,
    warn_of_late,
    warn_of_resampling,
)
from boldstream.maskers.report import dimensions, shown
from boldstream.maskers.streamed import Streamed
from boldstream.streaming.reductions.maps import WeightMaps


@drop_in(
    nilearn_maskers.NiftiMapsMasker,
    nan_policy=("nilearn", NAN_POLICY),
    memory_limit=(None, MEMORY_LIMIT),
)
class NiftiMapsMasker(Streamed, nilearn_maskers.NiftiMapsMasker):
    """One signal for each of several weighted maps, in memory the size of the maps.

    The same as :class:`nilearn.maskers.NiftiMapsMasker`, but images are
    streamed: read once, in order, resampled and smoothed on the way.
    """

    def _fit(self, imgs: Any) -> Any:
        check_parameter_in_allowed(
            self.resampling_target, ("mask", "maps", "data", None), "resampling_target"
        )
        if self.mask_img is None and self.resampling_target == "mask":
            raise ValueError(
                "resampling_target has been set to 'mask' but no mask has been provided.\n"
                "Set resampling_target to something else or provide a mask."
            )
        mask_logger("load_regions", self.maps_img, verbose=self.verbose)
        each = self._each(imgs)
        images = each[0] if each else None
        maps = check_niimg(self.maps_img, atleast_4d=True)
        reference = self._reference(maps, images)
        self.maps_img_ = self._load_maps(maps, reference)
        if not get_data(self.maps_img_).any():
            raise ValueError("maps_img contains no map.")
        self._fit_mask(reference)
        self.n_elements_ = self.maps_img_.shape[3]
        self._fit_report(each)
        mask_logger("fit_done", verbose=self.verbose)
        return self

    def _reference(self, maps: Any, images: Images | None) -> Any:
        """The image whose grid maps and mask are brought to, if there is one."""
        data = None if images is None else images.stand_in
        if self.resampling_target is None:
            given = {"maps": maps, "mask": self.mask_img_, "data": data}
            check_same_fov(raise_error=True, **{k: v for k, v in given.items() if v is not None})
        return {"data": data, "mask": self.mask_img_, "maps": maps, None: None}[
            self.resampling_target
        ]

    def _load_maps(self, maps: Any, reference: Any) -> Any:
        """The maps as finite floats, on the grid of the reference, held once."""
        moved = reference is not None and not check_same_fov(reference, maps)
        if moved and self.resampling_target != "maps":
            mask_logger("resample_regions", verbose=self.verbose)
            return self._resampled(maps, reference)
        return new_img_like(maps, _gathered(maps), maps.affine)

    def _resampled(self, maps: Any, reference: Any) -> Any:
        """The maps, one by one, on the grid of the reference."""
        values = _gathered(maps, reference, self._resample_map)
        if not values.any():
            raise ValueError("No map left after resampling maps_img.")
        return new_img_like(maps, values, reference.affine)

    def _resample_map(self, one: Any, reference: Any) -> Any:
        with warnings.catch_warnings():
            # A map of one value looks like a mask, for which linear is a strange choice.
            warnings.filterwarnings("ignore", "Resampling binary images", UserWarning)
            return self._cache(resample_img)(
                one,
                interpolation="linear",
                target_shape=reference.shape[:3],
                target_affine=reference.affine,
            )

    def _fit_mask(self, reference: Any) -> None:
        if self.mask_img_ is None or reference is None:
            return
        if not check_same_fov(reference, self.mask_img_):
            mask_logger("resample_mask", verbose=self.verbose)
            self.mask_img_ = _moved_mask(self.mask_img_, reference)
            load_mask_img(self.mask_img_)
        inside = get_data(self.mask_img_).astype(bool)
        maps = get_data(self.maps_img_)
        if not any(maps[..., i][inside].any() for i in range(maps.shape[3])):
            raise ValueError("No map left after applying mask to the maps image.")

    def _fit_report(self, each: Sequence[Images]) -> None:
        self._report_content["reports_at_fit_time"] = self.reports
        self._middle = shown(each) if self.reports else None
        if self.reports:
            self._reporting_data = {
                "maps_image": self.maps_img_,
                "mask": self.mask_img_,
                "dim": dimensions(each) if each else None,
                "images": self._fitted_to(each),
            }

    def _extraction(self, images: Images) -> Extraction:
        maps_img, mask_img = self._on_grid_of(images)
        if not self.allow_overlap:
            _check_overlap(get_data(maps_img))
        weights = get_data(maps_img)
        target = None if self.resampling_target == "data" else grid_of(maps_img)
        changed = is_changed(images, target, self.smoothing_fwhm)
        taken = precision(images.dtype, changed=changed) if changed else images.dtype
        dtype = np.result_type(weights.dtype, taken)
        rows, columns = self._used(weights, mask_img)
        reduction = WeightMaps(
            # In Fortran order, so that this is a view; other maps have no weight in these rows.
            weights.reshape(-1, weights.shape[3], order="F"),
            rows,
            names=[str(i) for i in range(weights.shape[3])],
            dtype="float32" if dtype == np.float32 else "float64",
            nan_policy=self.nan_policy,
            missing=0.0,
        )
        return Extraction(
            prepared(
                reduction,
                images,
                target=target,
                smoothing_fwhm=self.smoothing_fwhm,
                nan_policy=self.nan_policy,
            ),
            lambda got: _columns(got.values, columns),
        )

    def _on_grid_of(self, images: Images) -> tuple[Any, Any]:
        """Maps and mask, resampled to images that were not fitted."""
        maps_img, mask_img, data = self.maps_img_, self.mask_img_, images.stand_in
        if self.resampling_target is None:
            given = {"maps": maps_img, "data": data, "mask": mask_img}
            check_same_fov(raise_error=True, **{k: v for k, v in given.items() if v is not None})
        same = grid_of(maps_img).is_near(images.grid)
        if self.resampling_target == "maps" and not same:
            warn_of_resampling()
        if self.resampling_target != "data":
            return maps_img, mask_img
        if not same:
            warn_of_late("maps")
            maps_img = self._resampled(maps_img, data)
        if mask_img is not None and not grid_of(mask_img).is_near(images.grid):
            warn_of_late("mask")
            mask_img = _moved_mask(mask_img, data)
        return maps_img, mask_img

    def _used(self, weights: NDArray[Any], mask_img: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Voxels with a weight inside the mask, and the maps that have one."""
        inside = np.ones(weights.shape[:3], dtype=bool)
        if mask_img is not None:
            inside = get_data(mask_img).astype(bool)
        any_weight = np.zeros(weights.shape[:3], dtype=bool)
        left = []
        for i in range(weights.shape[3]):
            weighted = (weights[..., i] != 0) & inside
            any_weight |= weighted
            left.append(bool(weighted.any()))
        kept = np.arange(weights.shape[3])
        if mask_img is not None:
            kept = self._kept_maps(np.array(left))
        return np.flatnonzero(any_weight.ravel(order="F")), kept

    def _kept_maps(self, left: NDArray[np.bool_]) -> NDArray[Any]:
        """Indices of the maps that keep their column, with nilearn's words about the others."""
        if self.keep_masked_maps:
            warnings.warn(
                'Applying "mask_img" before signal extraction may result in empty region '
                "signals in the output. These are currently kept.\n"
                '"keep_masked_maps" parameter will be removed in version 0.15. '
                'Set "keep_masked_maps=False" to silence this warning.',
                FutureWarning,
                stacklevel=2,
            )
            return np.arange(len(left))
        if not left.any():
            raise ValueError("No map left after applying mask to the maps image.")
        if not left.all():
            warnings.warn(
                "After applying mask to the maps image, maps with the following indices were "
                f"removed: {set(np.flatnonzero(~left).tolist())}. Out of {len(left)} maps, the "
                f"masked map image only contains {left.sum()} maps.",
                stacklevel=2,
            )
        return np.flatnonzero(left)


def _gathered(maps: Any, reference: Any = None, move: Any = None) -> NDArray[Any]:
    """All maps in one array, read and moved one by one, NaN and infinity made 0."""
    dtype = dtype_of(maps)
    if dtype.kind != "f":
        dtype = np.dtype(np.float64 if dtype.itemsize == 8 else np.float32)
    shape = maps.shape[:3] if reference is None else reference.shape[:3]
    values = np.empty((*shape, maps.shape[3]), dtype, order="F")
    for block in open_image(maps).blocks(1):
        one = real_values(block)[0].astype(dtype)
        one[~np.isfinite(one)] = 0
        one = one.reshape(maps.shape[:3], order="F")
        if move is not None:
            one = get_data(move(new_img_like(maps, one, maps.affine), reference))
        values[..., block.start] = one
    return values


def _moved_mask(mask_img: Any, reference: Any) -> Any:
    return resample_img(
        mask_img,
        interpolation="nearest",
        target_shape=reference.shape[:3],
        target_affine=reference.affine,
    )


def _columns(values: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
    return values if len(columns) == values.shape[1] else values[:, columns]


def _check_overlap(maps: NDArray[Any]) -> None:
    """Refuse maps that overlap; as in nilearn, small and negative weights become 0 here."""
    weighted = np.zeros(maps.shape[:3], dtype=np.bool_)
    for i in range(maps.shape[3]):
        one = maps[..., i]
        if maps.dtype.kind == "f":
            one[one < np.finfo(maps.dtype).eps] = 0
        if (weighted & (one > 0)).any():
            raise ValueError(
                "Overlap detected in the maps. The overlap may be due to the atlas itself or "
                "possibly introduced by resampling."
            )
        weighted |= one > 0
