"""From images to clean time courses: one pass, then each run cleaned for itself."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import one_of, positive_number
from boldstream.core.errors import BoldstreamError, NonFiniteError, ParameterError
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.source import Block, Series
from boldstream.signal.caller import warnings_at_caller
from boldstream.signal.cleaning import Cleaning, clean
from boldstream.signal.runs import Run
from boldstream.streaming.cost import Cost
from boldstream.streaming.once import stream_once
from boldstream.streaming.per_volume import PerVolume, Rows
from boldstream.streaming.progress import Report
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.results import RegionSeries


@warnings_at_caller()
def extract_signals(
    image: ImageLike,
    reductions: Mapping[str, Reduction],
    *,
    cleaning: Cleaning,
    runs: Sequence[Run],
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
    progress: bool | Report = False,
) -> dict[str, Any]:
    """Extract time courses in one pass and clean each run of them for itself.

    Parameters
    ----------
    image : path, nibabel image, or list of either
    reductions : mapping of str to Reduction
        Each gives one row for each volume.
    cleaning : Cleaning
        Its confounds and sample mask are those of `runs`, and its repetition
        time by default that of the image.
    runs : sequence of Run
        One for each run.
    n_jobs, memory_limit, progress
        As for `stream_once`.

    Returns
    -------
    dict
        By the names of `reductions`: ndarray (volumes that are kept, columns)
        or `RegionSeries`.

    Raises
    ------
    ParameterError
        Before anything is read, if a reduction is of another kind, or the
        cleaning cannot be done.
    """
    source = open_image(image)
    cleanings = _cleanings(cleaning, runs, source.series)
    rows = [Cleaned(reduction, cleanings, name) for name, reduction in reductions.items()]
    results = stream_once(source, rows, n_jobs=n_jobs, memory_limit=memory_limit, progress=progress)
    return dict(zip(reductions, results, strict=True))


def _cleanings(cleaning: Cleaning, runs: Sequence[Run], series: Series) -> list[Cleaning]:
    """What is done to each run; nothing if the list is empty."""
    cleaning = _checked(cleaning, series)
    each = [replace(cleaning, confounds=run.confounds, sample_mask=run.kept) for run in runs]
    if not any(_does_something(one) for one in each):
        return []
    for n_volumes, one in zip(series.run_lengths, each, strict=True):
        _try(one, n_volumes)
    return each


def _does_something(cleaning: Cleaning) -> bool:
    is_cutting = cleaning.confounds is not None or cleaning.sample_mask is not None
    is_changing = cleaning.detrend or bool(cleaning.standardize) or bool(cleaning.is_filtering)
    return is_cutting or is_changing


def _checked(cleaning: Cleaning, series: Series) -> Cleaning:
    """The cleaning with its repetition time; refuses filters that nilearn would leave out."""
    kind = one_of("filter", cleaning.filter, ("butterworth", "cosine"))
    if kind == "cosine" and (cleaning.high_pass is None or cleaning.low_pass is not None):
        raise ParameterError(
            "`filter` must be 'butterworth' for any other filter than a high-pass, got 'cosine' "
            f"with high_pass={cleaning.high_pass!r} and low_pass={cleaning.low_pass!r}"
        )
    if not cleaning.is_filtering:
        return cleaning
    given = cleaning.t_r if cleaning.t_r is not None else series.tr
    if given is None:
        raise ParameterError(
            "`t_r` must be the repetition time in seconds, as a filter needs it and "
            f"{series.name} tells none" + (" that all runs share" * (len(series.run_lengths) > 1))
        )
    t_r = positive_number("t_r", given, unit="seconds")
    for name in ("low_pass", "high_pass"):
        if getattr(cleaning, name) is not None:
            frequency = positive_number(name, getattr(cleaning, name), unit="Hz")
            if frequency >= 0.5 / t_r:
                raise ParameterError(
                    f"`{name}` must be below {0.5 / t_r:g} Hz, half the rate of volumes "
                    f"{t_r:g} s apart, got {frequency:g}"
                )
    return replace(cleaning, t_r=t_r)


def _try(cleaning: Cleaning, n_volumes: int) -> None:
    """Clean a made-up column, so that nothing is read for a cleaning that cannot be done.

    It also loads the packages that cleaning needs before memory is planned.
    """
    with warnings.catch_warnings():
        # They come with the cleaning itself.
        warnings.simplefilter("ignore")
        try:
            clean(np.ones((n_volumes, 1)), cleaning)
        except BoldstreamError:
            raise
        except (ValueError, TypeError, IndexError) as error:
            raise ParameterError(
                f"the cleaning must be one that can be done on {n_volumes} volumes: {error}"
            ) from error


@dataclass(frozen=True, eq=False)
class Cleaned(Reduction):
    """A reduction of one row for each volume, cleaned once all volumes were read.

    Parameters
    ----------
    reduction : Reduction
    cleanings : sequence of Cleaning
        One for each run; none cleans nothing.
    name : str
        What errors call it.

    Returns
    -------
    ndarray or RegionSeries
        What `reduction` gives, without the volumes that were not kept. The
        NaN of regions without a voxel stay, and take no part.
    """

    reduction: Reduction
    cleanings: Sequence[Cleaning]
    name: str

    def bind(self, series: Series) -> Bound[Rows]:
        bound = self.reduction.bind(series)
        if not isinstance(bound.accumulator, PerVolume):
            raise ParameterError(
                "`masks` must hold masks, or reductions that give one row for each volume, such "
                f"as bs.Labels; got {bound.label} as {self.name!r}"
            )
        if not self.cleanings:
            return bound

        def finalize(state: Rows) -> Any:
            return self._clean(bound.finalize(state), series.run_lengths)

        roomy = _with_room_for_cleaning(bound, series)
        return replace(roomy, accumulator=_OwnRows(bound.accumulator), finalize=finalize)

    def _clean(self, result: Any, lengths: Sequence[int]) -> Any:
        try:
            if not isinstance(result, RegionSeries):
                return _clean_runs(result, lengths, self.cleanings)[0]
            return _clean_regions(result, lengths, self.cleanings)
        except NonFiniteError as error:
            raise NonFiniteError(
                f"{self.name} must be finite in the volumes that are kept, as the others are "
                "interpolated between them before the Butterworth filter, got NaN or infinity; "
                'nan_policy="zero" puts 0 there'
            ) from error


class _OwnRows(PerVolume):
    """Rows of another accumulator, in a state that none shares, as it is cleaned in place."""

    def __init__(self, rows: PerVolume) -> None:
        self.n_columns, self.dtype, self._rows = rows.n_columns, rows.dtype, rows
        self.multiplies = rows.multiplies

    def cost(self) -> Cost:
        return self._rows.cost()

    def fill(self, rows: NDArray[Any], block: Block) -> None:
        self._rows.fill(rows, block)


@dataclass(frozen=True, eq=False)
class ToBeCleaned(Reduction):
    """A reduction of one row for each volume that its caller cleans: the plan has room for it."""

    reduction: Reduction

    def bind(self, series: Series) -> Bound[Any]:
        return _with_room_for_cleaning(self.reduction.bind(series), series)


def _with_room_for_cleaning(bound: Bound[Any], series: Series) -> Bound[Any]:
    rows = cast("PerVolume", bound.accumulator)
    room = _cleaning_bytes(max(series.run_lengths), rows.n_columns)
    return replace(bound, result_bytes=bound.result_bytes + room)


def _cleaning_bytes(n_volumes: int, n_columns: int) -> int:
    """Memory that `clean` takes beside the series, as measured.

    Copies of a block of columns, or of the pieces of the identity that nilearn
    is asked for; and the operator with what it is made of.
    """
    block = min(8 << 20, 8 * n_volumes * n_columns)
    identity = 8 * n_volumes * min(n_volumes, 256)
    return max(4 * block, 8 * identity) + 2 * 8 * n_volumes**2


def _clean_regions(
    regions: RegionSeries, lengths: Sequence[int], cleanings: Sequence[Cleaning]
) -> RegionSeries:
    present = np.flatnonzero(regions.n_voxels)
    if len(present) == len(regions.n_voxels):
        values, kept = _clean_runs(regions.values, lengths, cleanings)
    else:
        some, kept = _clean_runs(regions.values[:, present], lengths, cleanings)
        values = np.full((len(some), len(regions.n_voxels)), np.nan, some.dtype)
        values[:, present] = some
    return replace(regions, values=values, run_lengths=kept)


def _clean_runs(
    values: NDArray[Any], lengths: Sequence[int], cleanings: Sequence[Cleaning]
) -> tuple[NDArray[Any], tuple[int, ...]]:
    """Clean each run in its place; the runs move up to where others were cut."""
    start = filled = 0
    kept = []
    for n_volumes, cleaning in zip(lengths, cleanings, strict=True):
        run = clean(values[start : start + n_volumes], cleaning)
        # Row by row, as numpy would copy the whole of what overlaps.
        for i, row in enumerate(run if filled < start else ()):
            values[filled + i] = row
        start, filled = start + n_volumes, filled + len(run)
        kept.append(len(run))
    return values[:filled], tuple(kept)
