"""`trial_betas`: a beta for every trial, each image read once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.core.checks import one_of
from boldstream.core.errors import ParameterError
from boldstream.glm.betas.outputs import (
    FolderContent,
    ImageSink,
    Precision,
    open_sink,
)
from boldstream.glm.betas.runs import EventsLike, RunReader, plan_runs, trials_of
from boldstream.glm.trials import make_trial_design
from boldstream.glm.trials.fractional import check_fraction
from boldstream.io.betas import Betas
from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.source import VolumeSource
from boldstream.io.translate import expanded
from boldstream.io.volume import path_of
from boldstream.signal.caller import warnings_at_caller
from boldstream.signal.confounds import ConfoundsLike
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.progress import Report


@dataclass(frozen=True, eq=False)
class TrialBetas(Betas):
    """Betas of single trials.

    Attributes
    ----------
    image : nibabel.Nifti1Image or None
        One volume for each trial, 0 outside the mask; None where they were
        written to `path`.
    trials : pandas.DataFrame
        A row for each volume: ``onset``, ``duration``, ``trial_type``,
        ``modulation`` and other columns of the events; ``run``, from 1, and
        ``row``, which of the run's events it is, from 0.
    excluded : pandas.DataFrame
        Events without a beta, and the ``reason``.
    mask : ndarray of bool, shape (x, y, z)
    path : Path or None
        The image file or the folder that was written.
    """

    image: Any
    trials: pd.DataFrame
    excluded: pd.DataFrame
    mask: NDArray[np.bool_]
    path: Path | None = None

    @property
    def held_in(self) -> Any:
        return self.path if self.image is None else self.image


@warnings_at_caller()
def trial_betas(
    image: ImageLike,
    events: EventsLike | Sequence[EventsLike],
    *,
    method: Literal["lss", "lsa"] = "lss",
    others: Literal["condition", "all"] = "condition",
    conditions: Sequence[str] | None = None,
    mask: MaskLike | None = None,
    t_r: float | None = None,
    hrf_model: Any = "glover",
    drift_model: Literal["cosine", "polynomial"] | None = "cosine",
    high_pass: float = 0.01,
    drift_order: int = 1,
    slice_time_ref: float = 0.0,
    min_onset: float = -24,
    confounds: ConfoundsLike | None = None,
    sample_mask: Any = None,
    penalty: float = 0.0,
    fraction: float | None = None,
    unestimable: Literal["raise", "exclude"] = "raise",
    signal_scaling: Literal[False, 0] = False,
    smoothing_fwhm: float | Sequence[float | None] | Literal["fast"] | None = None,
    nan_policy: NanPolicy = "nilearn",
    dtype: Precision = "float32",
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    memory_limit: str | int | None = None,
    progress: bool | Report = False,
) -> TrialBetas:
    """Estimate a beta for every trial; each image is read once, whatever their number.

    A beta is what least squares give for the trial's regressor, and so a fixed
    weighted sum of the volumes: the weights of all trials are made from the
    design, and multiplied with the volumes as these pass. Betas are those of a
    model refitted for each trial, as in nilearn's example of beta series.

    Parameters
    ----------
    image : path, nibabel image, or list of either
        A list of 4-D images is a list of runs on one grid.
    events : path, data frame, or list of these
        ``onset`` and ``duration`` in seconds, ``trial_type``, ``modulation``
        as in BIDS; of several runs a list with one entry for each.
    method : {"lss", "lsa"}
        Least squares separate: a model for each trial. Least squares all: one
        model in which every trial has a regressor.
    others : {"condition", "all"}
        With "lss": the other trials have one regressor for each condition, or
        share one.
    conditions : sequence of str, optional
        Whose trials get betas; all by default.
    mask : path, image or boolean array, optional
        Voxels that get betas; all by default.
    t_r : float, optional
        Repetition time in seconds; by default what the header says, which must
        agree with the JSON file beside the image.
    hrf_model : str, callable, list of callables, or None
        As nilearn's; not "fir".
    drift_model : {"cosine", "polynomial", None}
        Slow changes in the model, as in :class:`nilearn.glm.first_level.FirstLevelModel`.
    high_pass : float
        Hz; cosines take out what is slower.
    drift_order : int
        Of polynomials.
    slice_time_ref : float
        When a volume counts as taken, as a share of the repetition time from 0 to 1.
    min_onset : float
        Seconds from the first volume; events that begin before cannot be estimated.
    confounds, sample_mask
        As for `boldstream.extract`: part of the model, and volumes to keep.
    penalty : float
        With "lsa": of ridge, on all trials alike, in the square of the unit of
        their regressors.
    fraction : float, optional
        With "lsa": fractional ridge. Every voxel gets the penalty that leaves
        its betas this share (0 to 1) of the length that they have without.
    unestimable : {"raise", "exclude"}
        What to do with an event that has no beta: outside the run, or not to
        be told from others. "exclude" lists it in `TrialBetas.excluded`.
    signal_scaling : {False, 0}
        0 gives betas in percent of the voxel's mean, as `FirstLevel` does;
        False in the unit of the image.
    smoothing_fwhm : float, sequence of three float or None, or "fast", optional
        Smooth volumes first; full width at half maximum in mm.
    nan_policy : {"nilearn", "zero", "propagate", "raise"}
        What becomes of NaN and infinity: 0 ("nilearn", "zero"), betas of NaN,
        or an error.
    dtype : {"float32", "float64"}
        Of the betas; sums are float64 in any case.
    output : path, optional
        Write betas to a ``.nii`` or ``.nii.gz``, or to a folder that
        `open_betas` maps, run by run: memory holds one run's betas.
    overwrite : bool
        Whether `output` is replaced.
    memory_limit, progress
        As for `boldstream.stream`.

    Returns
    -------
    TrialBetas

    Raises
    ------
    TableError
        If events or confounds cannot be used, or an event has no beta.
    ParameterError
        If a parameter is none of its values; if the repetition time is not
        given and unknown, or files contradict each other; if `output` is a
        file that is read.
    MemoryBudgetError
        Before anything is read, if the betas do not fit the memory.
    OutputExistsError
        If `output` is there and `overwrite` is False.
    GridMismatchError, MaskError, NonFiniteError, CorruptImageError

    References
    ----------
    J. A. Mumford et al., NeuroImage 59, 2012; B. O. Turner et al., NeuroImage
    62, 2012 (LSS). A. Rokem and K. Kay, GigaScience 9, 2020 (fractional ridge).

    Examples
    --------
    >>> import numpy as np, nibabel as nib, pandas as pd, boldstream as bs
    >>> data = np.random.default_rng(0).normal(100, 1, size=(4, 4, 4, 60)).astype("f4")
    >>> events = pd.DataFrame({
    ...     "onset": [4.0, 30.0, 61.0, 92.0], "duration": 2.0,
    ...     "trial_type": ["face", "house", "face", "house"],
    ... })
    >>> betas = bs.trial_betas(nib.Nifti1Image(data, np.eye(4)), events, t_r=2.0)
    >>> betas.image.shape
    (4, 4, 4, 4)
    >>> betas.trials[["onset", "trial_type", "run"]]
       onset trial_type  run
    0    4.0       face    1
    1   30.0      house    1
    2   61.0       face    1
    3   92.0      house    1
    """
    in_percent = _in_percent(signal_scaling)
    one_of("dtype", dtype, ("float32", "float64"))
    _check_ridge(fraction, method, penalty)
    design_run = partial(
        make_trial_design,
        method=method,
        others=others,
        conditions=conditions,
        hrf_model=hrf_model,
        drift_model=drift_model,
        high_pass=high_pass,
        drift_order=drift_order,
        slice_time_ref=slice_time_ref,
        min_onset=min_onset,
        penalty=penalty,
        unestimable=unestimable,
    )
    if output is not None and not os.fspath(output):
        raise ParameterError("`output` must be a file, a folder or None, got ''")
    source = open_image(image)
    series = source.series
    runs = plan_runs(
        image,
        series,
        events,
        design_run,
        t_r=t_r,
        confounds=confounds,
        sample_mask=sample_mask,
    )
    whole = np.ones(series.grid.shape, dtype=bool)
    inside = whole if mask is None else load_mask(mask, series.grid, may_resample=False).array
    reader = RunReader(
        mask=inside,
        fraction=fraction,
        in_percent=in_percent,
        smoothing_fwhm=smoothing_fwhm,
        nan_policy=nan_policy,
    )
    trials, excluded = trials_of(runs), trials_of(runs, "excluded")
    grid, path = series.grid, None if output is None else expanded(output)
    if path is None:
        sink = ImageSink(grid, len(trials), dtype)
        for run in runs:
            # Those of later runs too: what does not fit is known before anything is read.
            reader.stream(run, sink, sink.missing_bytes, memory_limit, progress)
        return TrialBetas(sink.image(), trials, excluded, inside)
    origin = {"image": series.name, "method": method}
    content = FolderContent(grid, inside, trials, origin, _files(source, mask, events, confounds))
    with open_sink(path, content, dtype, overwrite=overwrite) as writing:
        for run in runs:
            reader.stream(run, writing, 0, memory_limit, progress)
    # The current folder may change.
    return TrialBetas(None, trials, excluded, inside, path.absolute())


def _in_percent(signal_scaling: Any) -> bool:
    """Whether betas are in percent: nilearn's 0 means the mean of each voxel, and 0 == False."""
    if isinstance(signal_scaling, bool | int) and signal_scaling == 0:
        return not isinstance(signal_scaling, bool)
    raise ParameterError(f"`signal_scaling` must be False or 0, got {signal_scaling!r}")


def _check_ridge(fraction: Any, method: str, penalty: float) -> None:
    """Refuse before the images are read what fractional ridge would refuse after."""
    if fraction is None:
        return
    if method != "lsa" or penalty:
        raise ParameterError(
            "`fraction` must be None unless `method` is 'lsa' and `penalty` 0, got "
            f"{fraction!r} with method {method!r} and a penalty of {penalty!r}"
        )
    check_fraction(fraction)


def _files(source: VolumeSource, mask: Any, *tables: Any) -> list[str | os.PathLike[str]]:
    """What is read, as far as it lies in files."""
    given: list[Any] = [path_of(mask)]
    for table in tables:
        given += table if isinstance(table, list | tuple) else [table]
    files = [one for one in given if isinstance(one, str | os.PathLike)]
    return [*(read.name for read in source.reads), *files]
