"""`Streamed`: how all drop-in maskers get from images to signals, in one decode."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import nilearn
import numpy as np
from nilearn._utils import logger
from nilearn.maskers.base_masker import BaseMasker, mask_logger
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from boldstream._version import __version__
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.maskers.confounds import load_confounds, with_high_variance
from boldstream.maskers.extraction import Extracted, Extraction, extract_together
from boldstream.maskers.images import Images, open_images
from boldstream.maskers.report import MiddleVolume, dimensions, shown
from boldstream.signal.caller import warnings_at_caller
from boldstream.signal.cleaning import Cleaning, clean
from boldstream.signal.extracting import ToBeCleaned
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.reduction import Reduction

_CLEAN_ARGS = ("filter", "extrapolate", "ensure_finite")


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
        self._check_cleaning(images, confounds, sample_mask)
        confounds = self._with_high_variance(images, confounds)
        return self._signals(images, confounds, sample_mask)

    @warnings_at_caller()
    def transform_single_imgs(
        self, imgs: Any, confounds: Any = None, sample_mask: Any = None, copy: bool = True
    ) -> Any:
        """Extract and clean signals from one series of volumes, read once."""
        del copy
        check_is_fitted(self)
        images = open_images(imgs)
        confounds, sample_mask = load_confounds(images, confounds, sample_mask)
        self._check_cleaning(images, confounds, sample_mask)
        return self._signals(images, confounds, sample_mask)

    def _signals(self, images: Images, confounds: Any, sample_mask: Any) -> Any:
        """Cleaned signals of opened images, from the cache where they are there."""
        key = self._cache_key(images, confounds, sample_mask)

        def compute() -> Any:
            (signals,) = extract_together(
                [self], images, confounds=confounds, memory_limit=self.memory_limit
            )
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

    def _check_cleaning(self, images: Images, confounds: Any, sample_mask: Any) -> None:
        """Clean a made-up column: what cannot be done is refused before anything is read."""
        with warnings.catch_warnings():
            # They come with the cleaning itself.
            warnings.simplefilter("ignore")
            self._cleaned(np.ones((images.n_volumes, 1)), confounds, sample_mask)

    def _cleaned(self, signals: NDArray[Any], confounds: Any, sample_mask: Any) -> NDArray[Any]:
        cleaning = self._cleaning(confounds, sample_mask)
        return clean(signals, cleaning, runs=getattr(self, "runs", None))

    def _finish(
        self, extracted: Extracted, images: Images, confounds: Any, sample_mask: Any
    ) -> NDArray[Any]:
        """Clean extracted signals and bring them to the shape and type that nilearn gives."""
        mask_logger("cleaning", verbose=self.verbose)
        signals = extracted.completed(self._cleaned(extracted.signals, confounds, sample_mask))
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
            # A release may change what comes out.
            *(type(self).__name__, __version__, nilearn.__version__),
            *(parameters, learned, images.fingerprint, confounds, sample_mask),
        ]

    def _planned(self, reduction: Reduction, confounds: Any) -> Reduction:
        """The reduction, with room in the plan for what is done to its outcome."""
        steps = (self.detrend, self.standardize, self.low_pass, self.high_pass)
        cleans = any(steps) or confounds is not None
        return ToBeCleaned(reduction) if cleans else reduction

    def _with_high_variance(self, images: Images, confounds: Any) -> Any:
        """Confounds with those of the voxels of highest variance, where they are asked for."""
        if not self.high_variance_confounds:
            return confounds
        return with_high_variance(images, confounds, self.memory_limit)


def recall(key: Any, compute: Callable[[], Any]) -> Any:
    """What joblib caches under the key."""
    del key
    return compute()
