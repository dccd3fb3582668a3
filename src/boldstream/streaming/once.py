"""One pass from image to results: open, bind, plan, run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from boldstream.core.budget import Budget, find_budget
from boldstream.core.errors import ParameterError
from boldstream.core.jobs import resolve_n_jobs
from boldstream.core.limits import process_memory
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.source import VolumeSource
from boldstream.streaming.plan import Plan, make_plan
from boldstream.streaming.progress import Report, open_progress
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.run import run_pass


def stream_once(
    image: ImageLike,
    reductions: Sequence[Reduction],
    *,
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
    progress: bool | Report = False,
) -> tuple[Any, ...]:
    """Read an image once; the parameters, results and errors are those of `boldstream.stream`.

    Up to `n_jobs` threads read the files of a list side by side, each some
    that follow one another; -1 is one for each core. Fewer are used where
    the memory does not allow them.
    """
    source, bounds, plan = plan_once(image, reductions, n_jobs=n_jobs, memory_limit=memory_limit)
    with open_progress(progress, source.series.name) as report:
        return run_pass(source, bounds, plan.block_volumes, report, jobs=plan.jobs)


def plan_once(
    image: ImageLike,
    reductions: Sequence[Reduction],
    *,
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
    kept_bytes: int = 0,
) -> tuple[VolumeSource, list[Bound[Any]], Plan]:
    """Everything short of reading the data: what will be read, for what, and how.

    `kept_bytes` is memory that is not taken yet, and will be by the time of
    the pass.
    """
    n_jobs = resolve_n_jobs(n_jobs)
    _check_reductions(reductions)
    source = open_image(image)
    peak = process_memory().peak_rss_bytes
    bounds = [reduction.bind(source.series) for reduction in reductions]
    loading_peak = process_memory().peak_rss_bytes
    plan = make_plan(
        source.series,
        source.reads,
        bounds,
        _beside(kept_bytes, find_budget(memory_limit)),
        lambda volumes, jobs: sum(piece.buffer_bytes(volumes) for piece in source.split(jobs)),
        n_jobs=len(source.split(n_jobs)),
        # No new peak says nothing about loading: the old one may be from anywhere.
        loading_peak_bytes=loading_peak + kept_bytes if loading_peak > peak else 0,
    )
    return source, bounds, plan


def _beside(kept_bytes: int, budget: Budget) -> Budget:
    """What is left of a budget once some of it is held."""
    return replace(budget, baseline_bytes=budget.baseline_bytes + kept_bytes)


def _check_reductions(reductions: Sequence[Reduction]) -> None:
    """Raise `ParameterError` if there is no reduction, or something else among them."""
    if not reductions:
        raise ParameterError("`reductions` must hold at least one, such as bs.Mean(); got none")
    for reduction in reductions:
        if not isinstance(reduction, Reduction):
            raise ParameterError(
                f"`reductions` must be reductions such as bs.Mean(), got {reduction!r}"
            )
