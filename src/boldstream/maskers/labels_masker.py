"""`NiftiLabelsMasker`: one signal for each region of an atlas."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from nilearn import maskers as nilearn_maskers
from nilearn._utils.bids import sanitize_look_up_table
from nilearn._utils.niimg import safe_get_data
from nilearn.image import get_data, new_img_like, resample_img
from nilearn.regions.signal_extraction import _get_labels_data, signals_to_img_labels
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from boldstream.maskers.extraction import Extraction
from boldstream.maskers.images import Images
from boldstream.maskers.options import KEEP_ALL_LABELS, MEMORY_LIMIT, NAN_POLICY, drop_in
from boldstream.maskers.preparing import (
    grid_of,
    is_changed,
    prepared,
    region_precision,
    warn_of_late,
    warn_of_resampling,
)
from boldstream.maskers.streamed import Streamed
from boldstream.streaming.reductions.regions import Regions


@drop_in(
    nilearn_maskers.NiftiLabelsMasker,
    keep_all_labels=(False, KEEP_ALL_LABELS),
    nan_policy=("nilearn", NAN_POLICY),
    memory_limit=(None, MEMORY_LIMIT),
)
class NiftiLabelsMasker(Streamed, nilearn_maskers.NiftiLabelsMasker):
    """One signal for each region of an atlas, in memory the size of the result.

    The same as :class:`nilearn.maskers.NiftiLabelsMasker`, but images are
    streamed: read once, in order, resampled and smoothed on the way.
    """

    keep_all_labels: bool

    def _extraction(self, images: Images) -> Extraction:
        labels_img, mask_img = self._on_grid_of(images)
        target = grid_of(labels_img) if self.resampling_target == "labels" else None
        reference = images.stand_in if target is None else labels_img
        labels, data = self._labels_data(reference, labels_img, mask_img)
        counts, rows = _rows_by_label(labels, data)
        empty = [i for i, count in enumerate(counts) if count == 0]
        self.region_atlas_ = new_img_like(labels_img, data.astype(np.int32), labels_img.affine)
        self._lut_ = self._look_up(labels)
        changed = is_changed(images, target, self.smoothing_fwhm)
        regions = Regions(
            rows,
            counts,
            ids=range(1, len(labels) + 1),
            names=[str(label) for label in labels],
            strategy=self.strategy,
            dtype=region_precision(images.dtype, changed=changed),
            nan_policy=self.nan_policy,
            label=type(self).__name__,
        )
        reduction = prepared(
            regions,
            images,
            target=target,
            smoothing_fwhm=self.smoothing_fwhm,
            nan_policy=self.nan_policy,
        )
        if self.keep_all_labels:
            # NaN has no place in what is cleaned: psc looks at the mean of all columns.
            return Extraction(reduction, lambda got: np.delete(got.values, empty, axis=1), empty)
        return Extraction(reduction, lambda got: _zeroed(got.values, empty))

    @property
    def _keeps_labels(self) -> bool:
        return bool(self.keep_masked_labels or self.keep_all_labels)

    def _labels_data(
        self, reference: Any, labels_img: Any, mask_img: Any
    ) -> tuple[list[Any], NDArray[Any]]:
        """The labels that have a column, and the label of every voxel in the mask."""
        with warnings.catch_warnings():
            if self.keep_all_labels:
                # nilearn's own keyword goes away in 0.15; this one does not.
                warnings.filterwarnings("ignore", ".*keep_masked_labels", FutureWarning)
            labels, data = _get_labels_data(
                reference,
                labels_img,
                mask_img,
                self.background_label,
                keep_masked_labels=self._keeps_labels,
            )
        if self._keeps_labels:
            # Those of the atlas as it was given, whatever resampling left of it.
            labels = [i for i in self._original_region_ids if i != self.background_label]
        return labels, data

    def _on_grid_of(self, images: Images) -> tuple[Any, Any]:
        """Labels and mask, resampled to images that were not fitted."""
        labels_img, mask_img = self.labels_img_, self.mask_img_
        same = grid_of(labels_img).is_near(images.grid)
        if self.resampling_target == "labels" and not same:
            warn_of_resampling()
        if self.resampling_target != "data":
            return labels_img, mask_img
        if not same:
            warn_of_late("labels")
            labels_img = self._resample_labels(images.stand_in)
        if mask_img is not None and not grid_of(mask_img).is_near(images.grid):
            warn_of_late("mask")
            mask_img = self._cache(resample_img, func_memory_level=2)(
                mask_img,
                interpolation="nearest",
                target_shape=images.grid.shape,
                target_affine=images.parts[0].affine,
            )
            if not get_data(labels_img)[get_data(mask_img).astype(bool)].any():
                raise ValueError("No label left after applying mask to the labels image.")
        return labels_img, mask_img

    def _look_up(self, labels: Sequence[Any]) -> Any:
        """The rows of the look-up table in the order of the columns, background first."""
        order = list(labels)
        if self.background_label in np.unique(safe_get_data(self.labels_img_)):
            order = [self.background_label, *order]
        table = self.lut_[self.lut_["index"].isin(order)]
        table = sanitize_look_up_table(table, atlas=np.array(order))
        return table.set_index("index").loc[order].reset_index()

    def inverse_transform(self, signals: Any) -> Any:
        """Give every voxel the signal of its region.

        Parameters
        ----------
        signals : array or frame, shape (columns,) or (volumes, columns)

        Returns
        -------
        image, 3-D or 4-D
        """
        check_is_fitted(self)
        labels, _ = _get_labels_data(
            self.labels_img_, self.labels_img_, self.mask_img_, self.background_label
        )
        columns = [i for i in self.labels_ if i != self.background_label]
        present = np.isin(columns, labels)
        if present.all():
            return super().inverse_transform(signals)
        # nilearn takes the first columns for those of the labels that are left.
        signals = np.array(signals.to_numpy() if hasattr(signals, "to_numpy") else signals)
        if signals.shape[-1:] == present.shape:
            signals[..., ~present] = 0
        signals = self._check_array(signals)
        image = signals_to_img_labels(
            signals[..., present],
            self.labels_img_,
            self.mask_img_,
            background_label=self.background_label,
        )
        return self._post_process_inverse_transform(signals, image)


def _rows_by_label(labels: Sequence[Any], data: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """How many voxels each label has, and their flat positions, label by label."""
    flat = data.ravel(order="F")
    rows = np.flatnonzero(np.isin(flat, labels))
    found = flat[rows]
    rows = rows[np.argsort(found, kind="stable")]
    values, sizes = np.unique(found, return_counts=True)
    counts = np.zeros(len(labels), dtype=np.intp)
    # Labels come in ascending order, as those that were found do.
    counts[np.isin(labels, values)] = sizes
    return counts, rows


def _zeroed(values: NDArray[Any], columns: Sequence[int]) -> NDArray[Any]:
    values[:, columns] = 0
    return values
