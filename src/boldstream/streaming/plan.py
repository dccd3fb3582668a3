"""Plan a pass: headers, reductions and a budget in, block size and predicted peak out.

Nothing here reads a file, so every decision can be tested without one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from boldstream.core.budget import Budget, format_bytes
from boldstream.core.errors import MemoryBudgetError
from boldstream.io.source import Read, Series
from boldstream.streaming.groups import Group, make_groups
from boldstream.streaming.preparation import Preparation
from boldstream.streaming.reduction import Accumulator, Bound

# A block of about this size keeps the work per block far above its overhead
# while a few of them stay in the cache; larger ones gain nothing.
_BLOCK_BYTES = 5 << 20


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes of one reduction, or of the preparation that some of them share.

    Attributes
    ----------
    label : str
    loaded : int
        Held since binding; part of what the process holds already.
    state : int
        Held from the first block to the last, and beyond: the result is made of it.
    scratch : int
        Held while a block is added, by one reduction after the other.
    result : int
        Taken for the result beside the state.
    working : int
        Held from the first block to the last: prepared volumes, and what
        threads fill before it is joined.
    """

    label: str
    loaded: int
    state: int
    scratch: int
    result: int
    working: int = 0

    def __str__(self) -> str:
        return (
            f"{self.label}: {format_bytes(self.loaded)} loaded, {format_bytes(self.state)} held, "
            + (f"{format_bytes(self.working)} held while reading, " if self.working else "")
            + f"{format_bytes(self.scratch)} in passing, {format_bytes(self.result)} more for the "
            "result"
        )


@dataclass(frozen=True)
class Plan:
    """How an image will be read, and the memory that it will take.

    Attributes
    ----------
    series : Series
        What the headers say.
    block_volumes : int
        Volumes in memory at a time.
    buffer_bytes : int
        Memory for reading: decoder and blocks.
    needs : tuple of Need
        What each reduction takes, and after them each preparation; one that
        shares another's sums takes none.
    budget : Budget
    reads : tuple of Read
        The files of the one pass, each read once.
    loading_peak_bytes : int
        Most that the process held while masks and the like were loaded; 0
        where it had held more before.
    jobs : int
        Threads that read side by side.

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> image = nib.Nifti1Image(np.zeros((4, 4, 4, 10), "f4"), np.eye(4))
    >>> plan = bs.plan(image, bs.Mean(), bs.Std(), memory_limit="2GiB")
    >>> plan.block_volumes, len(plan.reads)
    (10, 1)
    """

    series: Series
    block_volumes: int
    buffer_bytes: int
    needs: tuple[Need, ...]
    budget: Budget
    reads: tuple[Read, ...]
    loading_peak_bytes: int = 0
    jobs: int = 1

    @property
    def peak_bytes(self) -> int:
        """Most memory that the process will hold, what it holds already included."""
        reading = self.budget.baseline_bytes + _taken(self.buffer_bytes, self.needs)
        return max(reading, self.loading_peak_bytes)

    def __str__(self) -> str:
        series = self.series
        size = format_bytes(series.volume_bytes * series.n_volumes)
        lines = [
            f"{series.name}: {series.n_volumes} volumes of {series.grid.shape} {series.dtype}, "
            f"{size} decoded",
            f"one pass in blocks of {self.block_volumes}"
            + (f" by {self.jobs} threads" if self.jobs > 1 else "")
            + f", {format_bytes(self.buffer_bytes)} for reading",
            *(f"  reads {names}: {how}" for how, names in _read_names(self.reads).items()),
            *(f"  {need}" for need in self.needs),
            f"predicted peak {format_bytes(self.peak_bytes)}: {self.budget}",
        ]
        return "\n".join(lines)


def _read_names(reads: Sequence[Read]) -> dict[str, str]:
    """What is read by each means: thousands of files are one line."""
    names: dict[str, list[str]] = {}
    for read in reads:
        names.setdefault(read.how, []).append(read.name)
    return {
        how: same[0] + (f" and {len(same) - 1} more" if same[1:] else "")
        for how, same in names.items()
    }


def _taken(buffers: int, needs: Sequence[Need]) -> int:
    """Most bytes held at once: while reading, or while making results afterwards."""
    held = sum(need.state for need in needs)
    reading = buffers + sum(need.working for need in needs)
    reading += max((need.scratch for need in needs), default=0)
    return held + max(reading, sum(need.result for need in needs))


def make_plan(
    series: Series,
    reads: tuple[Read, ...],
    bounds: Sequence[Bound[Any]],
    budget: Budget,
    buffer_bytes: Callable[[int, int], int],
    *,
    n_jobs: int = 1,
    loading_peak_bytes: int = 0,
) -> Plan:
    """Choose the number of threads, and the block size, that fit the budget.

    Threads go before the size of blocks: small blocks cost little.

    Parameters
    ----------
    series, reads
        What is known of the image before its data are read.
    bounds : sequence of Bound
    budget : Budget
    buffer_bytes : callable
        Memory for reading in blocks of a number of volumes, by a number of
        threads side by side.
    n_jobs : int
        Threads at most.
    loading_peak_bytes : int
        Most that was held while the reductions were bound, if it is known.

    Raises
    ------
    MemoryBudgetError
        If even single volumes do not fit; it says what needs how much.
    """
    groups = make_groups(bounds)
    for jobs, k in product(range(n_jobs, 0, -1), _block_sizes(series, groups)):
        needs = _needs(bounds, groups, k, jobs)
        buffers = buffer_bytes(k, jobs)
        plan = Plan(series, k, buffers, needs, budget, reads, loading_peak_bytes, jobs)
        if plan.peak_bytes <= budget.peak_bytes:
            return plan
    raise MemoryBudgetError(_cannot_fit(plan))


def _block_sizes(series: Series, groups: Sequence[Group]) -> list[int]:
    """Volumes of a block, from the number that is best down to one."""
    prepared = [group.preparation.series for group in groups if group.preparation is not None]
    largest = max(some.volume_bytes for some in [series, *prepared])
    asked = [accumulator.cost().block for group in groups for accumulator in group.distinct]
    k = max(1, min(max(series.run_lengths), max(_BLOCK_BYTES, *asked) // max(1, largest)))
    return [k >> halvings for halvings in range(k.bit_length())]


def _needs(
    bounds: Sequence[Bound[Any]], groups: Sequence[Group], k: int, jobs: int
) -> tuple[Need, ...]:
    """What each reduction needs, in order, and then each preparation."""
    needs: dict[int, Need] = {}
    for group in groups:
        seen = set[int]()
        for position, accumulator in zip(group.positions, group.accumulators, strict=True):
            bound = bounds[position]
            needs[position] = (
                Need(bound.label, 0, 0, 0, bound.result_bytes)
                if id(accumulator) in seen
                else _need_of(bound, accumulator, k, jobs)
            )
            seen.add(id(accumulator))
    preparations = [group.preparation for group in groups if group.preparation is not None]
    return (
        *(needs[position] for position in range(len(bounds))),
        *(_need_of_preparation(preparation, k, jobs) for preparation in preparations),
    )


def _need_of(bound: Bound[Any], accumulator: Accumulator[Any], k: int, jobs: int) -> Need:
    cost = accumulator.cost()
    return Need(
        bound.label,
        cost.loaded,
        cost.state,
        jobs * (cost.scratch + k * cost.scratch_per_volume),
        bound.result_bytes,
        working=accumulator.fork_bytes(jobs) if jobs > 1 else 0,
    )


def _need_of_preparation(preparation: Preparation, k: int, jobs: int) -> Need:
    cost = preparation.cost()
    working = jobs * (cost.state + cost.scratch + k * cost.scratch_per_volume)
    return Need(str(preparation), cost.loaded, 0, 0, 0, working)


def _cannot_fit(plan: Plan) -> str:
    budget, loading = plan.budget, plan.loading_peak_bytes
    return "\n".join(
        [
            f"{plan.series.name} cannot be reduced in the memory allowed, even one volume at a "
            f"time: the peak would be {format_bytes(plan.peak_bytes)}, the limit is "
            f"{format_bytes(budget.peak_bytes)} ({budget.source})",
            f"  this process holds {format_bytes(budget.baseline_bytes)} already, what is loaded "
            "included" + (f", and held {format_bytes(loading)} while loading" if loading else ""),
            f"  reading needs {format_bytes(plan.buffer_bytes)}",
            *(f"  {need}" for need in plan.needs),
            "Ask for fewer voxels or fewer reductions at once, or raise the limit.",
        ]
    )
