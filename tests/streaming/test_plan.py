"""The planner is pure: it is tested without a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import boldstream as bs
from boldstream.core.budget import Budget
from boldstream.core.grid import Grid
from boldstream.io.source import Read, Series
from boldstream.streaming.plan import Plan, make_plan
from boldstream.streaming.reduction import Bound
from boldstream.streaming.reductions import WeightMaps
from tests.streaming.ready import Notes, Scaled

MIB = 1 << 20


def series(shape: tuple[int, int, int] = (64, 64, 32), runs: tuple[int, ...] = (300,)) -> Series:
    grid = Grid(shape, np.eye(4))
    return Series("bold.nii.gz", grid, sum(runs), np.dtype("<i2"), 2.0, runs)


class Buffers:
    """Stands for a source: says what reading costs."""

    def __init__(self, series: Series, blocks: int = 3) -> None:
        self.volume, self.blocks = series.volume_bytes, blocks

    def __call__(self, block_volumes: int, jobs: int) -> int:
        return jobs * self.blocks * block_volumes * self.volume


def planned(
    series: Series,
    *reductions: Any,
    headroom: int,
    baseline: int = 50 * MIB,
    n_jobs: int = 1,
) -> Plan:
    bounds: list[Bound[Any]] = [reduction.bind(series) for reduction in reductions]
    budget = Budget(baseline + headroom, baseline, "memory_limit")
    reads = (Read("bold.nii.gz", 1, "igzip"),)
    return make_plan(series, reads, bounds, budget, Buffers(series), n_jobs=n_jobs)


def test_peak_is_baseline_buffers_state_scratch() -> None:
    header = series()
    plan = planned(header, bs.Mean(), headroom=1 << 40)
    cost = bs.Mean().bind(header).accumulator.cost()
    buffers = 3 * plan.block_volumes * header.volume_bytes
    scratch = cost.scratch + plan.block_volumes * cost.scratch_per_volume
    assert plan.peak_bytes == 50 * MIB + buffers + cost.state + scratch


def test_tight_budget_shrinks_blocks_before_it_refuses() -> None:
    wide = planned(series(), bs.Mean(), headroom=1 << 40)
    need_of_one = planned(series(), bs.Mean(), headroom=1 << 40).peak_bytes
    tight = planned(series(), bs.Mean(), headroom=need_of_one - 60 * MIB)
    assert 1 <= tight.block_volumes < wide.block_volumes
    assert tight.peak_bytes <= tight.budget.peak_bytes


def test_blocks_never_exceed_the_longest_run() -> None:
    assert planned(series((2, 2, 2), (5, 7)), bs.Mean(), headroom=MIB * 99).block_volumes == 7


def test_what_cannot_fit_is_refused_and_says_who_needs_what() -> None:
    mask = np.ones((64, 64, 32), bool)
    with pytest.raises(bs.MemoryBudgetError) as caught:
        planned(series(), bs.Mean(), bs.Voxels(mask, name="brain"), headroom=20 * MIB)
    text = str(caught.value)
    assert "Mean" in text
    assert "Voxels(brain)" in text
    assert "memory_limit" in text
    assert "bold.nii.gz" in text
    assert isinstance(caught.value, MemoryError)


def test_moments_are_shared_and_counted_once() -> None:
    together = planned(series(), bs.Mean(), bs.Std(), bs.TSNR(), headroom=1 << 40)
    alone = planned(series(), bs.Std(), headroom=1 << 40)
    assert sum(need.state for need in together.needs) == sum(need.state for need in alone.needs)


def test_plan_explains_itself() -> None:
    text = str(planned(series(), bs.Mean(), headroom=1 << 40))
    for part in ("bold.nii.gz", "300 volumes", "igzip", "Mean", "predicted peak"):
        assert part in text


def test_thousands_of_files_are_one_line() -> None:
    header = series(runs=(300,))
    reads = tuple(Read(f"beta_{i:04}.nii", 1, "mapped") for i in range(300))
    bounds = [bs.Mean().bind(header)]
    plan = make_plan(header, reads, bounds, Budget(1 << 40, 0, "RAM"), Buffers(header))
    assert "beta_0000.nii and 299 more: mapped" in str(plan)
    assert "beta_0001.nii" not in str(plan)


def test_what_loading_took_counts() -> None:
    header = series()
    bounds = [bs.Mean().bind(header)]
    budget = Budget(peak_bytes=150 * MIB, baseline_bytes=50 * MIB, source="memory_limit")
    plan = make_plan(header, (), bounds, budget, Buffers(header), loading_peak_bytes=140 * MIB)
    assert plan.peak_bytes == 140 * MIB
    with pytest.raises(bs.MemoryBudgetError, match="held 160 MiB while loading"):
        make_plan(header, (), bounds, budget, Buffers(header), loading_peak_bytes=160 * MIB)


def test_what_is_loaded_is_told_and_not_counted_twice() -> None:
    header = series()
    plan = planned(header, bs.Voxels(np.ones(header.grid.shape, bool)), headroom=1 << 40)
    (need,) = plan.needs
    assert need.loaded == header.grid.n_voxels * 8
    assert need.state == header.grid.n_voxels * 300 * 4
    buffers = 3 * plan.block_volumes * header.volume_bytes
    assert plan.peak_bytes == 50 * MIB + buffers + need.state + need.scratch


def test_small_volumes_take_small_tiles() -> None:
    small = series((10, 10, 5), runs=(2000,))
    need = planned(small, bs.Std(), headroom=1 << 40).needs[0]
    assert need.scratch <= 10 * 2000 * small.grid.n_voxels


def test_threads_take_buffers_scratch_and_parts_each() -> None:
    header = series(runs=(100, 100, 100))
    mask = np.ones(header.grid.shape, bool)
    plan = planned(header, bs.Mean(), bs.Voxels(mask), headroom=1 << 40, n_jobs=3)
    assert plan.jobs == 3
    assert "by 3 threads" in str(plan)
    mean, voxels = (kind.bind(header).accumulator.cost() for kind in (bs.Mean(), bs.Voxels(mask)))
    k = plan.block_volumes
    scratch = max(cost.scratch + k * cost.scratch_per_volume for cost in (mean, voxels))
    # Sums are made for each thread and for all; rows of voxels lie where they stay.
    assert plan.peak_bytes == (
        50 * MIB + 3 * (3 * k * header.volume_bytes + scratch) + (1 + 3) * mean.state + voxels.state
    )


def test_a_tight_budget_takes_smaller_blocks_then_fewer_threads() -> None:
    header = series(runs=(100, 100, 100))
    found = {
        headroom: planned(header, bs.Std(), headroom=headroom * MIB, n_jobs=3)
        for headroom in range(6, 80)
    }
    steps = [(plan.jobs, plan.block_volumes) for plan in found.values()]
    assert steps == sorted(steps)
    assert {jobs for jobs, _ in steps} == {1, 2, 3}
    assert steps[0] == (1, 2)
    assert steps[-1] == (3, 20)
    assert all(plan.peak_bytes <= plan.budget.peak_bytes for plan in found.values())


def test_a_preparation_counts_once_and_has_a_line() -> None:
    header = series()
    raw = planned(header, bs.Std(), headroom=1 << 40)
    plan = planned(
        header, *(Scaled(kind, 2.0, Notes()) for kind in (bs.Mean(), bs.Std())), headroom=1 << 40
    )
    # The prepared volumes are float32, twice what is stored: blocks are half as long.
    assert plan.block_volumes == raw.block_volumes // 2
    assert [need.label for need in plan.needs] == ["Mean", "Std", "times 2"]
    prepared = plan.block_volumes * header.grid.n_voxels * 4
    assert plan.needs[2].working == prepared
    assert "times 2: 0 B loaded, 0 B held, 5 MiB held while reading" in str(plan)
    cost = Scaled(bs.Std(), 2.0).bind(header).accumulator.cost()
    scratch = cost.scratch + plan.block_volumes * cost.scratch_per_volume
    buffers = 3 * plan.block_volumes * header.volume_bytes
    assert plan.peak_bytes == 50 * MIB + buffers + cost.state + prepared + scratch


def test_a_preparation_that_does_not_fit_is_named() -> None:
    with pytest.raises(bs.MemoryBudgetError, match=r"times 2: .* held while reading"):
        planned(series(), Scaled(bs.Mean(), 2.0), headroom=3 * MIB)


def test_a_plan_is_told_line_by_line() -> None:
    """20 volumes of 256 KiB are a block; a tile of 8192 voxels takes 8 bytes, and 9 a volume."""
    plan = planned(series(), bs.Mean(), headroom=1 << 40)
    assert str(plan).splitlines() == [
        "bold.nii.gz: 300 volumes of (64, 64, 32) int16, 75 MiB decoded",
        "one pass in blocks of 20, 15 MiB for reading",
        "  reads bold.nii.gz: igzip",
        "  Mean: 0 B loaded, 2.2 MiB held, 1.5 MiB in passing, 512 KiB more for the result",
        "predicted peak 68.7 MiB: 1 TiB may be taken beside 50 MiB in use (memory_limit, 1 TiB)",
    ]


def test_the_results_may_be_the_peak() -> None:
    """Of all reductions together, after what reading took was let go."""
    header = series((64, 64, 32), (2,))
    kinds = [bs.Mean(), bs.Std(), bs.TSNR(), *[bs.Mean(dtype="float64")] * 9]
    plan = planned(header, *kinds, headroom=1 << 40)
    voxels = header.grid.n_voxels
    assert plan.peak_bytes == 50 * MIB + voxels * (3 * 8 + 2) + voxels * (3 * 4 + 9 * 8)


def test_what_cannot_fit_is_told_line_by_line() -> None:
    header = series()
    budget = Budget(peak_bytes=52 * MIB, baseline_bytes=50 * MIB, source="memory_limit")
    with pytest.raises(bs.MemoryBudgetError) as caught:
        make_plan(header, (), [bs.Mean().bind(header)], budget, Buffers(header), n_jobs=2)
    assert str(caught.value).splitlines() == [
        "bold.nii.gz cannot be reduced in the memory allowed, even one volume at a time: "
        "the peak would be 53.1 MiB, the limit is 52 MiB (memory_limit)",
        "  this process holds 50 MiB already, what is loaded included",
        "  reading needs 768 KiB",
        "  Mean: 0 B loaded, 2.2 MiB held, 136 KiB in passing, 512 KiB more for the result",
        "Ask for fewer voxels or fewer reductions at once, or raise the limit.",
    ]


def test_files_are_told_by_how_they_are_read() -> None:
    header = series()
    names = [("a.nii", "mapped"), ("b.nii.gz", "igzip"), ("c.nii", "mapped"), ("d.nii", "mapped")]
    reads = tuple(Read(name, 1, how) for name, how in names)
    plan = make_plan(
        header, reads, [bs.Mean().bind(header)], Budget(1 << 40, 0, "RAM"), Buffers(header)
    )
    told = [line for line in str(plan).splitlines() if line.startswith("  reads")]
    assert told == ["  reads a.nii and 2 more: mapped", "  reads b.nii.gz: igzip"]


@pytest.mark.parametrize(("n", "told"), [(1, "a"), (2, "a and 1 more"), (3, "a and 2 more")])
def test_files_that_are_not_named_are_counted(n: int, told: str) -> None:
    header = series()
    reads = tuple(Read(name, 1, "mapped") for name in "abc"[:n])
    bounds, budget = [bs.Mean().bind(header)], Budget(1 << 40, 0, "RAM")
    plan = make_plan(header, reads, bounds, budget, Buffers(header))
    assert f"  reads {told}: mapped" in str(plan).splitlines()


def test_a_reduction_may_ask_for_larger_blocks() -> None:
    header = series()
    weights = WeightMaps(np.ones((header.grid.n_voxels, 1)), names=["m"])
    # 12 MiB of 256 KiB each, where 5 MiB would do for others.
    for kinds, volumes in (([weights], 48), ([bs.Mean(), weights], 48), ([bs.Mean()], 20)):
        assert planned(header, *kinds, headroom=1 << 40).block_volumes == volumes


def test_a_volume_larger_than_a_block_comes_alone() -> None:
    assert planned(series((256, 256, 100)), bs.Mean(), headroom=1 << 40).block_volumes == 1


def test_one_thread_reads_unless_more_are_asked_for() -> None:
    header = series(runs=(100, 100))
    bounds, budget = [bs.Mean().bind(header)], Budget(1 << 40, 0, "RAM")
    plan = make_plan(header, (), bounds, budget, Buffers(header))
    assert (plan.jobs, plan.loading_peak_bytes) == (1, 0)
    assert make_plan(header, (), bounds, budget, Buffers(header), n_jobs=2).jobs == 2


@pytest.mark.parametrize(("indices", "copied"), [([0, 3], 0), ([3, 0], 2), ([1, 1, 2], 3)])
def test_volumes_in_another_order_are_copied(indices: list[int], copied: int) -> None:
    header = series()
    bound = bs.Volumes(indices).bind(header)
    assert bound.result_bytes == copied * header.grid.n_voxels * 4
