"""The runs of `trial_betas`: what each is multiplied with, and its pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.core.blas import one_blas_thread
from boldstream.core.errors import ParameterError, TableError
from boldstream.core.freed import FREES_ROWS, RowsToFree
from boldstream.glm.betas.outputs import Sink
from boldstream.glm.regression.scaling import warn_of_means
from boldstream.glm.trials import FractionalRidge, TrialDesign
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.sidecar import repetition_time
from boldstream.io.source import Series
from boldstream.signal.runs import load_runs
from boldstream.streaming.nonfinite import NanPolicy, NonFiniteRule
from boldstream.streaming.once import stream_once
from boldstream.streaming.preparations import Prepared
from boldstream.streaming.progress import Report
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.reductions.project import Projected, Projection

Floats = NDArray[np.float64]

EventsLike: TypeAlias = str | os.PathLike[str] | pd.DataFrame
DesignRun: TypeAlias = Callable[..., TrialDesign]

# The column that tells trials of several runs apart.
RUN = "run"


@dataclass(frozen=True, eq=False)
class BetaRun:
    """A run, and the design of its trials.

    Attributes
    ----------
    image : path, nibabel image, or list of either
    design : TrialDesign
    kept : ndarray of int, or None
        Volumes that are kept; None for all.
    """

    image: ImageLike
    design: TrialDesign
    kept: NDArray[np.intp] | None


@one_blas_thread()
def plan_runs(
    image: Any,
    series: Series,
    events: Any,
    design_run: DesignRun,
    *,
    t_r: float | None,
    confounds: Any,
    sample_mask: Any,
) -> list[BetaRun]:
    """Design every run, before any volume is read.

    Raises
    ------
    ParameterError
        If there are more or fewer entries than runs, a parameter has none of
        its values, or a repetition time is unknown.
    TableError
        If events or confounds cannot be used.
    """
    lengths = series.run_lengths
    listed = _listed(events, len(lengths))
    images = list(image) if len(lengths) > 1 else [image]
    parts = load_runs(image, series, confounds=confounds, sample_mask=sample_mask)
    runs = []
    for i, (one, table, part) in enumerate(zip(images, listed, parts, strict=True)):
        if lengths[i] < 2:
            name = open_image(one).series.name
            raise ParameterError(f"`image` must hold volumes over time, got {lengths[i]} in {name}")
        name = "events" if len(lengths) == 1 else f"events[{i}]"
        design = design_run(
            table,
            lengths[i],
            repetition_time(open_image(one).series, t_r),
            confounds=part.confounds,
            confound_names=part.names or None,
            sample_mask=part.kept,
            name=name,
        )
        if RUN in design.table:
            source = name if isinstance(table, pd.DataFrame) else os.fspath(table)
            raise TableError(
                f"{source} must not have a column {RUN!r}: the table of trials adds one"
            )
        runs.append(BetaRun(one, design, part.kept))
    return runs


def _listed(events: Any, n_runs: int) -> list[EventsLike]:
    is_list = isinstance(events, list | tuple)
    listed = list(events) if is_list else [events]
    if len(listed) != n_runs:
        got = f"{len(listed)} entries" if is_list else type(events).__name__
        raise ParameterError(
            f"`events` must be a list with one entry for each of {n_runs} runs, got {got}"
        )
    return listed


def trials_of(runs: Sequence[BetaRun], part: str = "table") -> pd.DataFrame:
    """The tables of all runs one below the other, with a column ``run`` from 1."""
    tables = [
        getattr(run.design, part).assign(**{RUN: number})
        for number, run in enumerate(runs, start=1)
    ]
    some = [table for table in tables if len(table)] or tables[:1]
    return pd.concat(some, ignore_index=True)


@dataclass(frozen=True)
class RunReader:
    """How betas are made of the volumes of every run.

    Attributes
    ----------
    mask : ndarray of bool, shape (x, y, z)
    fraction : float or None
        Of fractional ridge.
    in_percent : bool
        Whether betas are in percent of the voxel's mean.
    smoothing_fwhm : see `Prepared`
    nan_policy : see `Voxels`
    """

    mask: NDArray[np.bool_]
    fraction: float | None
    in_percent: bool
    smoothing_fwhm: Any
    nan_policy: NanPolicy

    def stream(
        self, run: BetaRun, sink: Sink, kept_bytes: int, memory_limit: Any, progress: bool | Report
    ) -> None:
        """Read a run once, and hand the betas of its trials to the sink."""
        ridge = None if self.fraction is None else FractionalRidge.of(run.design)
        weights = run.design.weights if ridge is None else ridge.projector
        if self.in_percent:
            n = weights.shape[1]
            kept = np.arange(n) if run.kept is None else run.kept
            mean = np.zeros((1, n))
            mean[:, kept] = 1 / len(kept)
            weights = np.concatenate([weights, mean])

        def finish(room: RowsToFree, rows: NDArray[np.intp]) -> None:
            sums = room.values
            betas = sums[:-1] if self.in_percent else sums
            if ridge is not None and self.fraction is not None:
                betas = ridge.betas(betas, self.fraction, out=betas)
            percent = _percent(sums[-1]) if self.in_percent else None
            for i, beta in enumerate(betas):
                sink.put(beta if percent is None else beta * percent, rows)
                room.free(i + 1)

        dtype = open_image(run.image).series.dtype
        reduction = Prepared(
            _Betas(weights, self.mask, self.nan_policy, finish, kept_bytes),
            smoothing_fwhm=self.smoothing_fwhm,
            nan_policy=self.nan_policy,
            dtype="float64" if dtype.itemsize >= 8 else "float32",
        )
        stream_once(run.image, [reduction], memory_limit=memory_limit, progress=progress)


def _percent(mean: Floats) -> Floats:
    """What makes percent of the mean, with the limit and the warning of nilearn."""
    warn_of_means(mean)
    return 100 / np.maximum(mean, 1)


@dataclass(frozen=True, eq=False)
class _Betas(Reduction):
    """Weighted sums of the voxels of a mask, handed on when they are complete."""

    weights: Floats
    mask: NDArray[np.bool_]
    nan_policy: NanPolicy
    finish: Callable[[RowsToFree, NDArray[np.intp]], None]
    kept_bytes: int

    def bind(self, series: Series) -> Bound[Projected]:
        # In the order in which they lie in memory they are gathered fastest.
        rows = np.sort(series.grid.rows_of(self.mask))
        rule = NonFiniteRule(self.nan_policy, series, rows, warns=False)
        # Of the one state there is: a run of betas is read in one piece.
        rooms: list[RowsToFree] = []

        def zeros(shape: tuple[int, int]) -> Floats:
            rooms[:] = [RowsToFree(shape)]
            return rooms[0].values

        accumulator = Projection(self.weights, series, rows, rule, zeros)
        # Sums make room for betas, one trial after another.
        freed = len(self.weights) * len(rows) * 8 if FREES_ROWS else 0
        return Bound(
            f"trial_betas({len(self.weights)})",
            accumulator,
            lambda state: self.finish(rooms.pop(), rows),
            max(0, self.kept_bytes - freed),
        )
