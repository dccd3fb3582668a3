"""Many images, each with reductions of its own, side by side within one budget."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from boldstream.core.budget import find_budget, format_bytes
from boldstream.core.errors import MemoryBudgetError
from boldstream.core.freed import return_freed
from boldstream.core.jobs import Crew, resolve_n_jobs
from boldstream.io.opening import ImageLike, open_image
from boldstream.streaming.once import plan_once
from boldstream.streaming.reduction import Reduction
from boldstream.streaming.run import Pass

Outcome = TypeVar("Outcome")

Task: TypeAlias = tuple[ImageLike, Sequence[Reduction]]


def stream_each(
    tasks: Sequence[Task],
    finish: Callable[[int, tuple[Any, ...]], Outcome],
    *,
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
) -> list[Outcome]:
    """Read each of many images once, several at a time where the memory allows it.

    All are planned before the first is read. Masks and the like are loaded
    for the plan, let go, and loaded again when the image's turn comes: what
    is held does not grow with the number of images, but by their results.

    Parameters
    ----------
    tasks : sequence of (image, sequence of Reduction)
    finish : callable
        Called with the place of a task and the results of its reductions, in
        the thread that made them; what it returns is kept.
    n_jobs : int
        Images that are read at a time, at most; -1 is one for each core.
    memory_limit : str or int, optional
        As for `boldstream.stream`.

    Returns
    -------
    list
        What `finish` made of each task, in their order.

    Raises
    ------
    MemoryBudgetError
        Before anything is read, if the results together, or one task beside
        the results of those before it, cannot be held.
    ParameterError
        If `n_jobs` is no number of jobs, or a task holds no reduction.
    ImageFileError, CorruptImageError, GridMismatchError, MaskError
        Of the first task that fails; the others are stopped.

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> images = [nib.Nifti1Image(np.full((2, 2, 2, 3), i, "f4"), np.eye(4)) for i in (5, 7)]
    >>> tasks = [(image, [bs.Mean()]) for image in images]
    >>> [float(mean) for mean in stream_each(tasks, lambda i, results: results[0].mean())]
    [5.0, 7.0]
    """
    n_jobs = resolve_n_jobs(n_jobs)
    demands = _plan_all(tasks, memory_limit)
    schedule = Schedule(demands, n_jobs, find_budget(memory_limit).headroom_bytes)
    outcomes: dict[int, Outcome] = {}
    crew: Crew[_Done[Outcome] | None] = Crew()

    def start_due() -> None:
        for index in schedule.due():
            crew.start(_stream(tasks[index], index, demands[index].block_volumes, finish))

    with crew:
        start_due()
        for item in crew.items():
            if item is not None:
                outcomes[item.index] = item.outcome
                schedule.end(item.index)
                start_due()
    return [outcomes[index] for index in range(len(tasks))]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a task takes: volumes of a block, bytes while it works, bytes that stay."""

    block_volumes: int
    working_bytes: int
    kept_bytes: int


def _plan_all(tasks: Sequence[Task], memory_limit: str | int | None) -> list[Demand]:
    """Plan each task beside the results of those before it."""
    demands: list[Demand] = []
    kept = 0
    for index, (image, reductions) in enumerate(tasks):
        try:
            # Of what was loaded nothing is held while the next image is planned.
            plan = plan_once(image, reductions, memory_limit=memory_limit, kept_bytes=kept)[2]
        except MemoryBudgetError as error:
            if not kept:
                raise
            raise MemoryBudgetError(
                f"{error}\n  {format_bytes(kept)} of what is held are the results of the "
                f"{index} images before it, of {len(tasks)} in all"
            ) from None
        # What is loaded was counted as held already, and is let go until its turn.
        working = plan.peak_bytes - plan.budget.baseline_bytes + sum(x.loaded for x in plan.needs)
        demands.append(Demand(plan.block_volumes, working, sum(x.state for x in plan.needs)))
        kept += demands[-1].kept_bytes
    return demands


class Schedule:
    """Which tasks may start: in order, so many at a time, and only what fits beside the others.

    Parameters
    ----------
    demands : sequence of Demand
        Each fits beside the results of those before it.
    n_jobs : int
    headroom_bytes : int
        What all of them may take.
    """

    def __init__(self, demands: Sequence[Demand], n_jobs: int, headroom_bytes: int) -> None:
        self._demands, self._n_jobs, self._headroom = demands, n_jobs, headroom_bytes
        self._next, self._kept = 0, 0
        self._running: set[int] = set()

    def due(self) -> Iterator[int]:
        """Tasks that may start now; each runs from then on."""
        while self._next < len(self._demands) and self._may_start():
            index, self._next = self._next, self._next + 1
            self._running.add(index)
            yield index

    def end(self, index: int) -> None:
        """A task is done, and what it made stays."""
        self._running.remove(index)
        self._kept += self._demands[index].kept_bytes

    def _may_start(self) -> bool:
        if not self._running:
            # It was found to fit when it was planned; what is free changes by the minute.
            return True
        together = sum(self._demands[i].working_bytes for i in [*self._running, self._next])
        fits = self._kept + together <= self._headroom
        return fits and len(self._running) < self._n_jobs


@dataclass(frozen=True)
class _Done(Generic[Outcome]):
    index: int
    outcome: Outcome


def _stream(
    task: Task,
    index: int,
    block_volumes: int,
    finish: Callable[[int, tuple[Any, ...]], Outcome],
) -> Generator[_Done[Outcome] | None, None, None]:
    """Work on one task: yields None for every block, which is when it can be stopped."""
    image, reductions = task
    source = open_image(image)
    bounds = [reduction.bind(source.series) for reduction in reductions]
    reading = Pass(source, bounds, block_volumes)
    with closing(reading.read()) as steps:
        for _ in steps:
            yield None
    outcome = finish(index, reading.results())
    # What does not stay is free before another task takes its place.
    del source, bounds, reading, steps
    return_freed()
    yield _Done(index, outcome)
