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

MIB = 1 << 20


def series(shape: tuple[int, int, int] = (64, 64, 32), runs: tuple[int, ...] = (300,)) -> Series:
    grid = Grid(shape, np.eye(4))
    return Series("bold.nii.gz", grid, sum(runs), np.dtype("<i2"), 2.0, runs)


class Buffers:
    """Stands for a source: says what reading costs, and remembers what it was asked."""

    def __init__(self, series: Series, blocks: int = 3) -> None:
        self.volume, self.blocks, self.asked = series.volume_bytes, blocks, list[int]()

    def __call__(self, block_volumes: int) -> int:
        self.asked.append(block_volumes)
        return self.blocks * block_volumes * self.volume


def planned(series: Series, *reductions: Any, headroom: int, baseline: int = 50 * MIB) -> Plan:
    bounds: list[Bound[Any]] = [reduction.bind(series) for reduction in reductions]
    budget = Budget(headroom_bytes=headroom, baseline_bytes=baseline, source="memory_limit")
    reads = (Read("bold.nii.gz", 1, "igzip"),)
    return make_plan(series, reads, bounds, budget, Buffers(series))


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
