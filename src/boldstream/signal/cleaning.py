"""Cleaning of time courses, equal to `nilearn.signal.clean`, in the memory of the series."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boldstream.core.checks import did_you_mean, one_of
from boldstream.core.errors import ParameterError
from boldstream.signal.caller import warnings_at_caller
from boldstream.signal.confounds import ConfoundsLike, read_confounds
from boldstream.signal.linear import Floats, LinearCleaning, Step, weighted_sum
from boldstream.signal.scaling import (
    BOOLEAN,
    NO_MEAN,
    ONE_VOLUME,
    percent_change,
    zscore_sample,
)

Scale: TypeAlias = Literal["zscore_sample", "psc"]
SampleMask: TypeAlias = ArrayLike | Sequence[ArrayLike]

# Of float64 columns at once: one copy of a block, and what is made of it, stay near the processor.
_BLOCK_BYTES = 8 << 20
_SCALES: tuple[Scale, ...] = ("zscore_sample", "psc")
_FILTER_OPTIONS = ("order", "padtype", "padlen")


@dataclass(frozen=True, kw_only=True, eq=False)
class Cleaning:
    """What `clean` does; by default nothing.

    Parameters
    ----------
    detrend : bool
        Take out a straight line.
    standardize : {None, "zscore_sample", "psc"}
        Last, and within each run: mean 0 and standard deviation 1 (ddof 1),
        or percent of the mean. True and False are taken with nilearn's
        warning that they will not be.
    low_pass, high_pass : float, optional
        Cutoff frequencies in Hz.
    t_r : float, optional
        Repetition time in seconds; filters need it.
    filter : {"butterworth", "cosine", False}
        With "cosine", slow cosines are among the confounds; `low_pass` does
        nothing then.
    confounds : array, data frame, path, or list of these, optional
        What to regress out, one row for each volume (see `read_confounds`).
    standardize_confounds : bool
        Bring confounds to mean 0 and standard deviation 1 first.
    sample_mask : array of bool or int, or list of one for each run, optional
        Volumes that are kept.
    ensure_finite : bool
        Put 0 where the series is NaN or infinite.
    extrapolate : bool
        With the Butterworth filter, fill in censored volumes at the ends too.
    filter_options : mapping
        ``order``, ``padtype`` and ``padlen`` of `nilearn.signal.butterworth`.

    Examples
    --------
    >>> Cleaning(detrend=True, high_pass=0.008, t_r=2.0).is_filtering
    'butterworth'
    """

    detrend: bool = False
    standardize: Scale | bool | None = None
    low_pass: float | None = None
    high_pass: float | None = None
    t_r: float | None = None
    filter: Literal["butterworth", "cosine", False] = "butterworth"
    confounds: ConfoundsLike | None = None
    standardize_confounds: bool = True
    sample_mask: SampleMask | None = None
    ensure_finite: bool = False
    extrapolate: bool = False
    filter_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_filtering(self) -> Literal["butterworth", "cosine", False]:
        """The filter that is applied: a Butterworth filter without a frequency is none."""
        if self.filter == "butterworth" and self.low_pass is None and self.high_pass is None:
            return False
        return self.filter


@warnings_at_caller()
def clean(
    series: NDArray[Any], cleaning: Cleaning, *, runs: ArrayLike | None = None
) -> NDArray[Any]:
    """Clean time courses as `nilearn.signal.clean` does.

    Parameters
    ----------
    series : ndarray of float32 or float64, shape (volumes, columns)
        Used up: the work is done in its memory where that can be written.
    cleaning : Cleaning
    runs : array-like, shape (volumes,), optional
        Which run each volume belongs to. Every run is cleaned for itself; the
        result has them in the order of their labels.

    Returns
    -------
    ndarray, shape (volumes that are kept, columns)
        In the type of `series`; a view of its memory.

    Raises
    ------
    ParameterError
        If a parameter of boldstream has a value outside what it accepts.
    TableError
        If the confounds cannot be used.
    NonFiniteError
        If censored volumes are to be interpolated between others that are not
        finite.
    ValueError, TypeError, IndexError
        What nilearn raises on the parameters that it checks.

    Notes
    -----
    Detrending, filter, censoring and confounds are linear in the series. For
    more than four columns a volume nilearn is asked once, for the identity,
    and what it gives is applied as a matrix product, in float64, rounded once.

    With the Butterworth filter, nilearn 0.14 interpolates not the censored
    volumes but those that lie where the kept ones do counted from the end,
    so censored volumes can enter the filter as they are. Results here equal
    nilearn's all the same. A column with NaN or infinity becomes NaN unless
    that volume was censored before.

    With `runs`, nilearn 0.14 passes neither `standardize_confounds`, nor
    `ensure_finite`, `extrapolate` and the options of the filter on; here they
    hold in every run.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(40.0)[:, None]
    >>> series = 100 + t + np.sin(t)
    >>> cleaned = clean(series, Cleaning(detrend=True, standardize="zscore_sample"))
    >>> cleaned.shape, bool(abs(cleaned.mean()) < 1e-12), round(float(cleaned.std(ddof=1)), 6)
    ((40, 1), True, 1.0)
    """
    how = _check(cleaning)
    values = _workable(series)
    confounds = None
    if cleaning.confounds is not None:
        confounds = read_confounds(cleaning.confounds, len(values))
    lengths = [len(values)]
    if runs is not None:
        lengths, confounds = _in_order(values, confounds, runs)
    masks = _masks_of_runs(cleaning.sample_mask, len(lengths))
    starts = np.cumsum([0, *lengths])
    parts = [slice(start, stop) for start, stop in itertools.pairwise(starts)]
    # All of them before any data are changed, as they check the parameters.
    linear = [
        LinearCleaning(cleaning, length, None if confounds is None else confounds[part], mask)
        for length, part, mask in zip(lengths, parts, masks, strict=True)
    ]
    filled = 0
    for part, run in zip(parts, linear, strict=True):
        out = values[filled : filled + run.n_out]
        with np.errstate(invalid="ignore", over="ignore"):
            _clean_run(values[part], out, run, how, ensure_finite=cleaning.ensure_finite)
        filled += run.n_out
    return values[:filled]


def _check(cleaning: Cleaning) -> Scale | None:
    """How to standardise, if at all."""
    for name in cleaning.filter_options:
        if name not in _FILTER_OPTIONS:
            raise ParameterError(
                f"`filter_options` must be among {', '.join(_FILTER_OPTIONS)}, got {name!r}"
                f"{did_you_mean(name, _FILTER_OPTIONS)}"
            )
    if not isinstance(cleaning.ensure_finite, bool | np.bool_):
        raise ParameterError(
            f"`ensure_finite` must be True or False, got {cleaning.ensure_finite!r}"
        )
    if isinstance(cleaning.standardize, bool):
        warnings.warn(BOOLEAN, FutureWarning, stacklevel=2)
        return "zscore_sample" if cleaning.standardize else None
    if cleaning.standardize is None:
        return None
    return one_of("standardize", cleaning.standardize, _SCALES)


def _workable(series: NDArray[Any]) -> NDArray[Any]:
    """The series, or a copy of it where it cannot be written to."""
    values = np.asarray(series)
    if values.ndim != 2 or not len(values) or values.dtype.kind not in "fiub":
        raise ParameterError(
            "`series` must be numbers of shape (volumes, columns), "
            f"got {values.dtype} of shape {values.shape}"
        )
    if values.dtype not in (np.float32, np.float64):
        # As in nilearn, but for halves, in which sums overflow.
        return values.astype(np.float64 if values.dtype.itemsize >= 8 else np.float32)
    return values if values.flags.writeable else values.copy()


def _in_order(
    values: NDArray[Any], confounds: Floats | None, runs: ArrayLike
) -> tuple[list[int], Floats | None]:
    """Lengths of the runs, the volumes put in the order of the labels."""
    labels = np.asarray(runs)
    if labels.shape != (len(values),):
        raise ParameterError(
            f"`runs` must name the run of each of the {len(values)} volumes, "
            f"got shape {labels.shape}"
        )
    order = np.argsort(labels, kind="stable")
    if (np.diff(order) != 1).any():
        for columns in _blocks(values):
            values[:, columns] = values[order, columns]
        confounds = None if confounds is None else confounds[order]
    return np.unique(labels, return_counts=True)[1].tolist(), confounds


def _masks_of_runs(sample_mask: SampleMask | None, n_runs: int) -> list[NDArray[Any]] | list[None]:
    if sample_mask is None:
        return [None] * n_runs
    listed: Sequence[Any] = [sample_mask]
    if isinstance(sample_mask, list | tuple) and any(np.ndim(part) for part in sample_mask):
        listed = sample_mask
    if len(listed) != n_runs:
        raise ParameterError(
            f"`sample_mask` must be a list of one mask for each of {n_runs} runs, got {len(listed)}"
        )
    masks = [np.asarray(mask) for mask in listed]
    for run, mask in enumerate(masks, 1):
        if mask.ndim != 1:
            raise ParameterError(
                "`sample_mask` must be volumes, or True and False, along one axis, "
                f"got {mask.dtype} of shape {mask.shape} for run {run}"
            )
        if not (mask.any() if mask.dtype == np.bool_ else mask.size):
            raise ParameterError(
                f"`sample_mask` must keep at least one volume of run {run}, got none"
            )
    return masks


def _blocks(values: NDArray[Any]) -> Iterator[slice]:
    n_volumes, n_columns = values.shape
    width = max(64, _BLOCK_BYTES // (8 * n_volumes))
    for start in range(0, n_columns, width):
        yield slice(start, min(start + width, n_columns))


def _clean_run(
    values: NDArray[Any],
    out: NDArray[Any],
    run: LinearCleaning,
    how: Scale | None,
    *,
    ensure_finite: bool,
) -> None:
    """Clean one run; `out` may be the memory of `values`, or begin before it."""
    step = run.step(values.shape[1])
    weights = _weights_of_lost_mean(values, run, step, ensure_finite) if how == "psc" else None
    without_mean = False
    for columns in _blocks(values):
        block = _read(values[:, columns], ensure_finite)
        run.check_finite(block)
        mean = None if weights is None else weighted_sum(weights, block)
        block = step.apply(block)
        if mean is not None:
            block += mean
        if how is not None and run.n_out > 1:
            if how == "psc":
                without_mean |= percent_change(block)
            else:
                zscore_sample(block)
        out[:, columns] = block
    if how is not None and run.n_out == 1:
        warnings.warn(ONE_VOLUME, stacklevel=2)
    if without_mean:
        warnings.warn(NO_MEAN, stacklevel=2)


def _weights_of_lost_mean(
    values: NDArray[Any], run: LinearCleaning, step: Step, ensure_finite: bool
) -> Floats | None:
    """Weights of the mean that percent refer to, where cleaning took it out; else None.

    nilearn's rule: it counts as taken out where the means, their sizes
    averaged over all columns, fell below a tenth.
    """
    if run.only_picks:
        return None
    weights = run.mean_weights()
    before = after = 0.0
    for columns in _blocks(values):
        block = _read(values[:, columns], ensure_finite)
        run.check_finite(block)
        had = np.abs(weighted_sum(weights, block))
        has = np.abs(step.mean(block))
        # One column with NaN would take the mean of all others with it.
        finite = np.isfinite(had) & np.isfinite(has)
        before += float(had[finite].sum())
        after += float(has[finite].sum())
    return weights if before and after / before < 0.1 else None


def _read(values: NDArray[Any], ensure_finite: bool) -> Floats:
    block = values.astype(np.float64)
    if ensure_finite:
        block[~np.isfinite(block)] = 0.0
    return block
