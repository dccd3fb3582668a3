"""Plan a pass: headers, reductions and a budget in, block size and predicted peak out.

Nothing here reads a file, so every decision can be tested without one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from boldstream.core.budget import Budget, format_bytes
from boldstream.core.errors import MemoryBudgetError
from boldstream.io.source import Read, Series
from boldstream.streaming.reduction import Accumulator, Bound

# A block of about this size keeps the work per block far above its overhead
# while a few of them stay in the cache; larger ones gain nothing.
_BLOCK_BYTES = 5 << 20


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes of one reduction: loaded already, held, in passing for a block, for its result."""

    label: str
    loaded: int
    state: int
    scratch: int
    result: int

    def __str__(self) -> str:
        return (
            f"{self.label}: {format_bytes(self.loaded)} loaded, {format_bytes(self.state)} held, "
            f"{format_bytes(self.scratch)} in passing, {format_bytes(self.result)} more for the "
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
        What each reduction takes; one that shares another's sums takes none.
    budget : Budget
    reads : tuple of Read
        The files of the one pass, each read once.
    loading_peak_bytes : int
        Most that the process held while masks and the like were loaded; 0
        where it had held more before.

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
            f"one pass in blocks of {self.block_volumes}, {format_bytes(self.buffer_bytes)} "
            "for reading",
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
    reading = buffers + max((need.scratch for need in needs), default=0)
    return held + max(reading, sum(need.result for need in needs))


def share_accumulators(bounds: Sequence[Bound[Any]]) -> list[Accumulator[Any]]:
    """For each bound reduction the accumulator that serves it, as few as possible."""
    chosen = [bound.accumulator for bound in bounds]
    for i, accumulator in enumerate(chosen):
        for other in chosen:
            if other is not accumulator and other.covers(accumulator):
                chosen[i] = accumulator = other
    return chosen


def make_plan(
    series: Series,
    reads: tuple[Read, ...],
    bounds: Sequence[Bound[Any]],
    budget: Budget,
    buffer_bytes: Callable[[int], int],
    *,
    loading_peak_bytes: int = 0,
) -> Plan:
    """Choose the block size that fits the budget.

    Parameters
    ----------
    series, reads
        What is known of the image before its data are read.
    bounds : sequence of Bound
    budget : Budget
    buffer_bytes : callable
        Memory for reading in blocks of a number of volumes.
    loading_peak_bytes : int
        Most that was held while the reductions were bound, if it is known.

    Raises
    ------
    MemoryBudgetError
        If even single volumes do not fit; it says what needs how much.
    """
    accumulators = share_accumulators(bounds)
    longest = max(series.run_lengths)
    k = max(1, min(longest, _BLOCK_BYTES // max(1, series.volume_bytes)))
    while True:
        needs = _needs(bounds, accumulators, k)
        plan = Plan(series, k, buffer_bytes(k), needs, budget, reads, loading_peak_bytes)
        if plan.peak_bytes <= budget.peak_bytes:
            return plan
        if k == 1:
            raise MemoryBudgetError(_cannot_fit(plan))
        k //= 2


def _needs(
    bounds: Sequence[Bound[Any]], accumulators: Sequence[Accumulator[Any]], k: int
) -> tuple[Need, ...]:
    needs, seen = [], set[int]()
    for bound, accumulator in zip(bounds, accumulators, strict=True):
        cost, shared = accumulator.cost(), id(accumulator) in seen
        seen.add(id(accumulator))
        scratch = cost.scratch + k * cost.scratch_per_volume
        state = 0 if shared else cost.state
        loaded, scratch = (0, 0) if shared else (cost.loaded, scratch)
        needs.append(Need(bound.label, loaded, state, scratch, bound.result_bytes))
    return tuple(needs)


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
