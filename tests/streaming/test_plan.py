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
    budget = Budget(headroom_bytes=headroom, baseline_bytes=baseline, source="memory_limit")
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
    budget = Budget(headroom_bytes=100 * MIB, baseline_bytes=50 * MIB, source="memory_limit")
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
