"""`Streamed`: how all drop-in maskers get from images to signals, in one decode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from nilearn._utils import logger
from nilearn._utils.helpers import stringify_path
from nilearn.maskers.base_masker import BaseMasker, mask_logger
from nilearn.signal import sanitize_confounds
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.maskers.images import Images, open_images
from boldstream.maskers.report import MiddleVolume
from boldstream.signal.caller import warnings_at_caller
from boldstream.signal.cleaning import Cleaning, clean
from boldstream.signal.confounds import read_confounds
from boldstream.signal.fmriprep import (
    fmriprep_confounds,
    merge_sample_masks,
    parse_confounds_strategy,
)
from boldstream.signal.high_variance import high_variance_confounds
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.once import stream_once
from boldstream.streaming.reduction import Reduction
from boldstream.streaming.reductions import Volumes

_CLEAN_ARGS = ("filter", "extrapolate", "ensure_finite")


@dataclass(frozen=True)
class Extraction:
    """What a masker wants of a pass, and what it makes of the outcome.

    Attributes
    ----------
    reduction : Reduction
        Prepared (resampled, smoothed) as the masker asks.
    signals : callable
        Makes the signals (volumes, columns) of what the reduction gives.
    missing : sequence of int
        Columns to add as NaN to the cleaned signals, by their final positions.
    """

    reduction: Reduction
    signals: Callable[[Any], NDArray[Any]]
    missing: Sequence[int] = ()


class Streamed(BaseMasker):
    """Transforms images by streaming them; subclasses say what to extract.

    Everything else (parameters, fitting, reports, the way back to images) is
    that of nilearn's class of the same name, the other base of each subclass.
    """

    nan_policy: NanPolicy
    memory_limit: str | int | None
    mask_img_: Any
    smoothing_fwhm: Any
    _reporting_data: dict[str, Any]
    _doc_link_module = "boldstream"

    def _doc_link_url_param_generator(self, *args: Any) -> dict[str, str]:
        """The page of nilearn's class: what it says holds here."""
        del args
        return {"estimator_module": "nilearn.maskers", "estimator_name": type(self).__name__}

    def _extraction(self, images: Images) -> Extraction:
        """What to take from these images."""
        raise NotImplementedError

    @warnings_at_caller()
    def fit(self, imgs: Any = None, y: Any = None) -> Any:
        """Learn the mask or regions; images are needed where these come from them.

        Parameters
        ----------
        imgs : image or list of images, optional
        y : None
            Ignored.
        """
        smoothing = self.smoothing_fwhm
        if not (smoothing == "fast" or isinstance(smoothing, list | tuple | np.ndarray)):
            return super().fit(imgs, y)
        # nilearn's smooth_img takes these, its check of a masker's parameters does not.
        self.smoothing_fwhm = None
        try:
            return super().fit(imgs, y)
        finally:
            self.smoothing_fwhm = smoothing

    def _fit(self, imgs: Any) -> Any:
        each = self._each(imgs)
        self._middle = shown(each) if self.reports else None
        if not self.reports:
            # Without, nilearn 0.14 fails where `target_shape` is given.
            self._reporting_data = {}
        super()._fit(self._fitted_to(each))
        if not self.reports:
            del self._reporting_data
        elif each:
            self._reporting_data["dim"] = dimensions(each)
        return self

    def _each(self, imgs: Any) -> list[Images]:
        """The series to be fitted: none or one, many for the Multi maskers."""
        return [] if imgs is None else [open_images(imgs)]

    def _fitted_to(self, each: Sequence[Images]) -> Any:
        """What nilearn's ``fit`` is given in place of the images: it asks for no more."""
        return each[0].stand_in.slicer[..., 0] if each else None

    @warnings_at_caller()
    def generate_report(
        self, engine: str = "matplotlib", title: str | None = None, **kwargs: Any
    ) -> Any:
        middle: MiddleVolume | None = getattr(self, "_middle", None)
        if middle is not None and self._has_report_data():
            self._show(middle.read())
        return super().generate_report(engine=engine, title=title, **kwargs)

    generate_report.__doc__ = BaseMasker.generate_report.__doc__

    def _show(self, volume: Any) -> None:
        """Let the report show this volume of the images that were fitted."""
        self._reporting_data["images"] = volume

    @warnings_at_caller()
    def transform(self, imgs: Any, confounds: Any = None, sample_mask: Any = None) -> Any:
        """Extract and clean signals from images, read once.

        Parameters
        ----------
        imgs : path, image, or list of 3-D ones
        confounds : array, frame, path, list of these, or "fmriprep"
            As for `nilearn.signal.clean`; "fmriprep" (or
            "fmriprep:scrubbing", ":compcor", ":ica_aroma") loads them from
            beside the image.
        sample_mask : array of int or bool, optional
            Volumes to keep.

        Returns
        -------
        ndarray, shape (volumes, columns)
        """
        check_is_fitted(self)
        self._check_imgs(imgs)
        images = open_images(imgs)
        confounds, sample_mask = load_confounds(images, confounds, sample_mask)
        confounds = self._with_high_variance(images, confounds)
        return self.transform_single_imgs(imgs, confounds=confounds, sample_mask=sample_mask)

    @warnings_at_caller()
    def transform_single_imgs(
        self, imgs: Any, confounds: Any = None, sample_mask: Any = None, copy: bool = True
    ) -> Any:
        """Extract and clean signals from one series of volumes, read once."""
        del copy
        check_is_fitted(self)
        images = open_images(imgs)
        confounds, sample_mask = load_confounds(images, confounds, sample_mask)
        key = self._cache_key(images, confounds, sample_mask)

        def compute() -> Any:
            (signals,) = extract_together([self], images, memory_limit=self.memory_limit)
            return self._finish(signals, images, confounds, sample_mask)

        return self._cache(recall, ignore=["compute"], shelve=self._is_shelving)(key, compute)

    def _tell_of(self, images: Images) -> None:
        mask_logger("load_data", images.given, verbose=self.verbose)
        if getattr(self, "smoothing_fwhm", None) is not None:
            logger.log("Smoothing images", verbose=self.verbose)
        mask_logger("extracting", verbose=self.verbose)

    @property
    def _is_shelving(self) -> bool:
        return bool(getattr(self, "_shelving", False))

    def _finish(
        self, extracted: Extracted, images: Images, confounds: Any, sample_mask: Any
    ) -> NDArray[Any]:
        """Clean extracted signals and bring them to the shape and type that nilearn gives."""
        mask_logger("cleaning", verbose=self.verbose)
        cleaning = self._cleaning(confounds, sample_mask)
        signals = clean(extracted.signals, cleaning, runs=getattr(self, "runs", None))
        if len(extracted.missing):
            signals = _with_missing(signals, extracted.missing)
        target = self._get_target_dtype(images.typed)
        if target is not None:
            signals = signals.astype(target, copy=False)
        if images.is_single_volume and getattr(self, "_sklearn_output_config", None) is None:
            return signals.squeeze()
        return signals

    def _cleaning(self, confounds: Any, sample_mask: Any) -> Cleaning:
        options = dict(self.clean_args_)
        filtering = {
            name.removeprefix("butterworth__"): options.pop(name)
            for name in list(options)
            if name.startswith("butterworth__")
        }
        for name in options:
            if name not in _CLEAN_ARGS:
                raise ParameterError(
                    f"`clean_args` must be among {', '.join(_CLEAN_ARGS)} and "
                    f"butterworth__*, got {name!r}{did_you_mean(name, _CLEAN_ARGS)}"
                )
        return Cleaning(
            detrend=self.detrend,
            standardize=self.standardize,
            standardize_confounds=self.standardize_confounds,
            t_r=self.t_r,
            low_pass=self.low_pass,
            high_pass=self.high_pass,
            confounds=confounds,
            sample_mask=sample_mask,
            filter_options=filtering,
            **options,
        )

    def _cache_key(self, images: Images, confounds: Any, sample_mask: Any) -> list[Any]:
        """All that the signals depend on."""
        learned = {
            name: getattr(self, name)
            for name in ("mask_img_", "labels_img_", "maps_img_", "seeds_")
            if hasattr(self, name)
        }
        parameters = self._get_masker_params(ignore=["reports", "cmap", "memory_limit"])
        return [
            type(self).__name__,
            parameters,
            learned,
            images.fingerprint,
            confounds,
            sample_mask,
        ]

    def _with_high_variance(self, images: Images, confounds: Any) -> Any:
        """Confounds with those of the voxels of highest variance, where they are asked for."""
        if not self.high_variance_confounds:
            return confounds
        found = high_variance_confounds(images.source, memory_limit=self.memory_limit)
        if confounds is None:
            return [found]
        return [found, *(confounds if isinstance(confounds, list) else [confounds])]


@dataclass(frozen=True)
class Extracted:
    """Signals before cleaning, and the columns that are to be added as NaN."""

    signals: NDArray[Any]
    missing: Sequence[int] = ()


def extract_together(
    maskers: Sequence[Streamed], images: Images, *, memory_limit: Any = None, progress: Any = False
) -> list[Extracted]:
    """Read images once for all maskers."""
    for masker in maskers:
        masker._tell_of(images)
    extractions = [masker._extraction(images) for masker in maskers]
    reductions: list[Reduction] = [extraction.reduction for extraction in extractions]
    waiting = [middle for masker in maskers if (middle := _due(masker, images)) is not None]
    reductions += [Volumes([middle.index]) for middle in waiting]
    results = stream_once(images.source, reductions, memory_limit=memory_limit, progress=progress)
    for middle, volumes in zip(waiting, results[len(maskers) :], strict=True):
        middle.supply(images.like(volumes[..., 0]))
    return [
        Extracted(extraction.signals(result), extraction.missing)
        for extraction, result in zip(extractions, results[: len(maskers)], strict=True)
    ]


def _due(masker: Streamed, images: Images) -> MiddleVolume | None:
    """The volume that a masker's report still wants, if these images hold it."""
    middle: MiddleVolume | None = getattr(masker, "_middle", None)
    return middle if middle is not None and middle.is_due_from(images) else None


def load_confounds(images: Images, confounds: Any, sample_mask: Any) -> tuple[Any, Any]:
    """Confounds as a matrix, and the sample mask; those of fMRIPrep come from beside the image."""
    strategy = parse_confounds_strategy(confounds)
    if strategy is not None:
        confounds, kept = fmriprep_confounds(images.given, strategy)
        sample_mask = merge_sample_masks(kept, sample_mask, images.n_volumes)
    if confounds is None:
        return None, sample_mask
    confounds = _without_polars(confounds, images.n_volumes)
    # nilearn's own reading, for its errors; ours says where a cell is empty.
    matrix = sanitize_confounds(images.n_volumes, confounds)
    if not np.isfinite(matrix).all():
        read_confounds(confounds, images.n_volumes)
    return matrix, sample_mask


def _without_polars(confounds: Any, n_volumes: int) -> Any:
    """Frames that nilearn does not know as matrices."""
    if isinstance(confounds, list | tuple):
        return [_without_polars(part, n_volumes) for part in confounds]
    is_frame = hasattr(confounds, "columns") and hasattr(confounds, "to_numpy")
    if is_frame and not isinstance(confounds, pd.DataFrame):
        return read_confounds(confounds, n_volumes)
    return stringify_path(confounds)


def recall(key: Any, compute: Callable[[], Any]) -> Any:
    """What joblib caches under the key."""
    del key
    return compute()


def _with_missing(signals: NDArray[Any], missing: Sequence[int]) -> NDArray[Any]:
    """Add columns of NaN at these positions of the outcome."""
    n = signals.shape[1] + len(missing)
    out = np.full((len(signals), n), np.nan, signals.dtype)
    out[:, np.setdiff1d(np.arange(n), missing)] = signals
    return out


def shown(each: Sequence[Images]) -> MiddleVolume | None:
    """What a report shows: the middle volume, or the first of the first where there are many."""
    if not each:
        return None
    middle = 0 if len(each) > 1 or each[0].is_list else each[0].n_volumes // 2
    return MiddleVolume(each[0], middle)


def dimensions(each: Sequence[Images]) -> int:
    """How many dimensions nilearn sees, lists counted as one more."""
    ndim = 3 if each[0].is_single_volume else 4
    return ndim + (len(each) > 1)
