"""`FirstLevel`: nilearn's first-level model, fitted while the images pass.

Examples
--------
>>> import nibabel as nib
>>> import numpy as np
>>> import pandas as pd
>>> from boldstream.glm.first_level import FirstLevel
>>> data = np.random.default_rng(0).normal(100, 1, (6, 6, 6, 60))
>>> events = pd.DataFrame({"onset": [10.0, 50.0, 90.0], "duration": 10.0, "trial_type": "face"})
>>> model = FirstLevel(t_r=2, mask_img=False)
>>> model = model.fit(nib.Nifti1Image(data, np.eye(4)), events)
>>> model.compute_contrast("face").shape
(6, 6, 6)
"""

from __future__ import annotations

import inspect
import time
import warnings
from copy import copy
from typing import Any

import nilearn
import numpy as np
from nilearn.exceptions import DimensionError
from nilearn.glm.first_level import first_level as nilearn_first_level
from nilearn.image import new_img_like
from nilearn.masking import load_mask_img
from nilearn.surface import SurfaceImage
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from boldstream._version import __version__
from boldstream.core.errors import ParameterError
from boldstream.glm.first_level.masking import find_masker, find_reader, is_one_pass
from boldstream.glm.first_level.results import RunResults, places_of
from boldstream.glm.first_level.second_pass import FittedRun, TimeSeriesOf
from boldstream.glm.first_level.time_series import ATTRIBUTES, TimeSeries
from boldstream.glm.regression import RunGLM, RunModel, fit_signals, order_of
from boldstream.glm.regression.fit import RunFit
from boldstream.glm.regression.scaling import Scale
from boldstream.maskers.images import Images, open_images
from boldstream.maskers.options import MEMORY_LIMIT, NAN_POLICY, drop_in
from boldstream.maskers.preparing import grid_of
from boldstream.maskers.streamed import recall
from boldstream.signal.caller import warnings_at_caller
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.once import stream_once

# nilearn's `signal_scaling`.
_SCALINGS: dict[Any, Scale] = {0: "voxel", 1: "volume", (0, 1): "grand"}
# Made once by nilearn, and kept on the model under these names.
_KEPT = ("residuals", "residuals_", "predicted", "predicted_", "r_square", "r_square_")


@drop_in(
    nilearn_first_level.FirstLevelModel,
    nan_policy=("nilearn", NAN_POLICY),
    memory_limit=(None, MEMORY_LIMIT),
)
class FirstLevel(nilearn_first_level.FirstLevelModel):
    """General linear model of one or more runs, fitted in one pass over each.

    The same as :class:`nilearn.glm.first_level.FirstLevelModel`, but images
    are streamed: read once, in order, resampled, smoothed and masked on the
    way, in memory the size of the results. Residuals and predictions are made
    when they are asked for, the former in a second pass. Runs are read one
    after another, whatever ``n_jobs`` is.
    """

    nan_policy: NanPolicy
    memory_limit: str | int | None
    _reader: Any  # None for surfaces, which are in memory: those are left to nilearn
    _doc_link_module = "boldstream"

    def _doc_link_url_param_generator(self, *args: Any) -> dict[str, str]:
        """The page of nilearn's class: what it says holds here."""
        del args
        return {
            "estimator_module": "nilearn.glm.first_level",
            "estimator_name": "FirstLevelModel",
        }

    @warnings_at_caller()
    def fit(
        self,
        run_imgs: Any,
        events: Any = None,
        confounds: Any = None,
        sample_masks: Any = None,
        design_matrices: Any = None,
        bins: int = 100,
    ) -> Any:
        order_of(self.noise_model)  # refuses what is none, before anything is read
        if self.signal_scaling is True:  # which is 1, and lets nilearn fail later
            raise ParameterError("`signal_scaling` must be False, 0, 1 or (0, 1), got True")
        for name in _KEPT:
            self.__dict__.pop(name, None)
        self._runs: list[FittedRun] = []
        return super().fit(run_imgs, events, confounds, sample_masks, design_matrices, bins)

    fit.__doc__ = nilearn_first_level.FirstLevelModel.fit.__doc__

    @warnings_at_caller()
    def compute_contrast(
        self, contrast_def: Any, stat_type: Any = None, output_type: str = "z_score"
    ) -> Any:
        check_is_fitted(self)
        quick = copy(self)
        quick.labels_ = places_of(self.labels_, self.results_)
        # Constant voxels have no variance; nilearn puts 0 where it then divides by it.
        with np.errstate(divide="ignore"):
            return super(FirstLevel, quick).compute_contrast(contrast_def, stat_type, output_type)

    compute_contrast.__doc__ = nilearn_first_level.FirstLevelModel.compute_contrast.__doc__

    @warnings_at_caller()
    def generate_report(self, *args: Any, **kwargs: Any) -> Any:
        return super().generate_report(*args, **kwargs)

    generate_report.__doc__ = nilearn_first_level.FirstLevelModel.generate_report.__doc__
    generate_report.__signature__ = inspect.signature(  # type: ignore[attr-defined]
        nilearn_first_level.FirstLevelModel.generate_report
    )

    def _prepare_mask(self, run_imgs: Any) -> None:
        self._reader = None
        if isinstance(run_imgs[0], SurfaceImage) or not self._is_volume_glm():
            super()._prepare_mask(run_imgs)
            return
        self.masker_ = find_masker(self, run_imgs)
        self._reader = find_reader(self.masker_, self)
        if self.masker_ is not self.mask_img:
            self.masker_.standardize = self.standardize_
        self.n_elements_ = self.masker_.n_elements_

    def _create_all_designs(
        self, run_imgs: Any, events: Any, confounds: Any, design_matrices: Any
    ) -> list[Any]:
        if design_matrices is not None:
            return list(design_matrices)
        if self._reader is None:
            designs: list[Any] = super()._create_all_designs(run_imgs, events, confounds, None)
            return designs
        return [
            self._create_single_design(_opened(run_img).n_volumes, events, confounds, index)
            for index, run_img in enumerate(run_imgs)
        ]

    def _fit_single_run(self, sample_masks: Any, bins: int, run_img: Any, run_idx: int) -> None:
        if self._reader is None:
            super()._fit_single_run(sample_masks, bins, run_img, run_idx)
            return
        images, design = _opened(run_img), self.design_matrices_[run_idx]
        if len(design) != images.n_volumes:
            raise ParameterError(
                f"`design_matrices[{run_idx}]` must have a row for each of the "
                f"{images.n_volumes} volumes of {images.source.series.name}, got {len(design)}"
            )
        kept = None
        if sample_masks is not None:
            kept = _checked_kept(sample_masks[run_idx], images.n_volumes)
            self.design_matrices_[run_idx] = design = design.iloc[kept, :]
        if design.shape[0] <= design.shape[1]:
            # No error: nilearn, too, gives effects of such runs.
            warnings.warn(
                f"run {run_idx} has {design.shape[0]} volumes that are fitted and "
                f"{design.shape[1]} regressors: no variance is left, and its statistics "
                "mean nothing",
                UserWarning,
                stacklevel=2,
            )
        model = RunModel(
            design=np.asarray(design, dtype=np.float64),
            kept=kept,
            noise_model=self.noise_model,
            bins=bins,
            scaling=self._scaling,
            random_state=self.random_state,
        )
        self._log("running")
        started = time.perf_counter()
        fit = self._fitted(images, model)
        self._log("run_done", time_in_second=time.perf_counter() - started)
        self.labels_.append(fit.labels)
        detailed = not self.minimize_memory
        self.results_.append(RunResults(fit, detailed=detailed))
        if detailed:
            self._runs.append(FittedRun.of(images, kept))

    @property
    def _scaling(self) -> Scale | None:
        """What is done to the signals of a run before they are fitted."""
        if self.signal_scaling is not False:
            return _SCALINGS[self.signal_scaling]
        standardize: Scale | None = self.standardize_
        return standardize if is_one_pass(self._reader) else None

    def _fitted(self, images: Images, model: RunModel) -> RunFit:
        """The fit of a run, from the cache where it is there."""
        reader = self._reader
        parameters = reader._get_masker_params(ignore=["reports", "cmap", "memory_limit"])
        key = [
            # A release may change what comes out.
            *(type(self).__name__, __version__, nilearn.__version__),
            *(parameters, reader.mask_img_, images.fingerprint),
            *(model.design, model.kept, model.noise_model, model.bins, model.scaling),
            model.random_state,
        ]
        fit: RunFit = self._cache(recall, ignore=["compute"])(
            key, lambda: self._fit_run(images, model)
        )
        return fit

    def _fit_run(self, images: Images, model: RunModel) -> RunFit:
        reader = self._reader
        if not is_one_pass(reader):
            return fit_signals(reader.transform(images.given, sample_mask=model.kept), model)
        reader._tell_of(images)
        reduction = reader.reduction_of(
            images,
            lambda inside, dtype: RunGLM(inside, model, nan_policy=reader.nan_policy),
        )
        fit: RunFit
        (fit,) = stream_once(images.source, [reduction], memory_limit=self.memory_limit)
        return fit

    @warnings_at_caller()
    def _get_element_wise_model_attribute(
        self, attribute: Any, result_as_time_series: bool
    ) -> list[Any]:
        check_is_fitted(self)
        if self.minimize_memory or attribute not in ATTRIBUTES or self._reader is None:
            images: list[Any] = super()._get_element_wise_model_attribute(
                attribute, result_as_time_series
            )
            return images
        return [self._time_series(attribute, index) for index in range(len(self._runs))]

    def _time_series(self, attribute: Any, index: int) -> Any:
        """An image (x, y, z, volumes) of what is predicted of a run, or of its residuals."""
        mask = self.masker_.mask_img_
        inside, _ = load_mask_img(mask)
        design = np.asarray(self.design_matrices_[index], dtype=np.float64)
        series = TimeSeries(attribute, self.results_[index], design, grid_of(mask), inside)
        flat = series.predicted() if attribute == "predicted" else self._residuals(series, index)
        image = new_img_like(mask, series.volumes(flat), mask.affine)
        image.set_data_dtype(np.float32)  # on disk too, where it was that of the mask
        return image

    def _residuals(self, series: TimeSeries, index: int) -> NDArray[np.float32]:
        run, reader = self._runs[index], self._reader
        images = run.open()
        if not is_one_pass(reader):
            return series.of_signals(reader.transform(run.given, sample_mask=run.kept))
        reduction = reader.reduction_of(
            images,
            lambda inside, dtype: TimeSeriesOf(series, inside, run.kept, reader.nan_policy),
        )
        flat: NDArray[np.float32]
        (flat,) = stream_once(images.source, [reduction], memory_limit=self.memory_limit)
        return flat


def _opened(run_img: Any) -> Images:
    """A run, its data not read yet."""
    images = open_images(run_img)
    if images.is_single_volume:
        raise DimensionError(3, 4)
    return images


def _checked_kept(sample_mask: NDArray[Any], n_volumes: int) -> NDArray[np.intp]:
    """Volumes that are kept, in order."""
    kept = np.asarray(sample_mask, dtype=np.intp)
    if kept.ndim != 1 or (np.diff(kept) <= 0).any() or not (kept < n_volumes).all():
        raise ParameterError(
            "`sample_masks` must hold volumes of their run in rising order, "
            f"from 0 to {n_volumes - 1}, each once"
        )
    return kept
