"""One pass from image to results: open, bind, plan, run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boldstream.core.budget import find_budget
from boldstream.core.errors import ParameterError
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
    memory_limit: str | int | None = None,
    progress: bool | Report = False,
) -> tuple[Any, ...]:
    """Read an image once; the parameters, results and errors are those of `boldstream.stream`."""
    source, bounds, plan = plan_once(image, reductions, memory_limit=memory_limit)
    with open_progress(progress, source.series.name) as report:
        return run_pass(source, bounds, plan.block_volumes, report)


def plan_once(
    image: ImageLike, reductions: Sequence[Reduction], *, memory_limit: str | int | None = None
) -> tuple[VolumeSource, list[Bound[Any]], Plan]:
    """Everything short of reading the data: what will be read, for what, and how."""
    _check_reductions(reductions)
    source = open_image(image)
    peak = process_memory().peak_rss_bytes
    bounds = [reduction.bind(source.series) for reduction in reductions]
    loading_peak = process_memory().peak_rss_bytes
    plan = make_plan(
        source.series,
        source.reads,
        bounds,
        find_budget(memory_limit),
        source.buffer_bytes,
        # No new peak says nothing about loading: the old one may be from anywhere.
        loading_peak_bytes=loading_peak if loading_peak > peak else 0,
    )
    return source, bounds, plan


def _check_reductions(reductions: Sequence[Reduction]) -> None:
    if not reductions:
        raise ParameterError("`reductions` must hold at least one, such as bs.Mean(); got none")
    for reduction in reductions:
        if not isinstance(reduction, Reduction):
            raise ParameterError(
                f"`reductions` must be reductions such as bs.Mean(), got {reduction!r}"
            )
