"""Blocks of spheres: all centres, in order, in the memory that they may take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core.grid import Grid
from boldstream.decoding.neighbourhoods import Nearest, Spheres
from boldstream.decoding.samples import BlockPlan, plan_blocks
from boldstream.decoding.samples.memory import MemorySamples
from boldstream.io.masks import Mask

SHAPE = (12, 11, 9)


def brain(seed: int, share: float = 0.7) -> Mask:
    inside = np.random.default_rng(seed).random(SHAPE) < share
    return Mask("mask", Grid(SHAPE, np.diag([2.0, 2.0, 2.5, 1.0])), inside)


def samples_of(
    mask: Mask, n: int, usable: NDArray[np.bool_] | None = None, scratch: int = 0
) -> MemorySamples:
    values = np.random.default_rng(9).normal(size=(int(mask.array.sum()), n)).astype("f4")
    return MemorySamples(values, mask, usable, scratch)


def bytes_of(plan: BlockPlan, samples: MemorySamples) -> int:
    return plan.read(samples).values.nbytes + plan.rows.nbytes + plan.members.nbytes


@given(
    seed=st.integers(0, 9),
    radius=st.sampled_from([1.0, 4.0, 7.0]),
    budget=st.integers(100_000, 3_000_000),
    n_jobs=st.integers(1, 3),
    n_samples=st.integers(1, 40),
    excluded=st.booleans(),
)
def test_blocks_hold_every_sphere_once(
    seed: int, radius: float, budget: int, n_jobs: int, n_samples: int, excluded: bool
) -> None:
    mask, centres = brain(seed), brain(seed + 100, 0.5)
    n_voxels = int(mask.array.sum())
    usable = np.random.default_rng(seed).random(n_voxels) < 0.8 if excluded else None
    samples = samples_of(mask, n_samples, usable)
    spheres = Spheres(mask, radius, centres)
    wanted = spheres if usable is None else spheres.among(usable)
    members, starts = wanted.members(0, wanted.n_centres)
    at = 0
    blocks = list(plan_blocks(spheres, samples, budget, n_jobs=n_jobs))
    for plan in blocks:
        assert plan.start == at < plan.stop
        at = plan.stop
        block = plan.read(samples)
        assert len(block) == plan.stop - plan.start
        assert block.members.dtype == np.int32
        assert np.array_equal(np.diff(block.starts), np.diff(starts[plan.start : plan.stop + 1]))
        here = members[starts[plan.start] : starts[plan.stop]]
        assert np.array_equal(block.values[block.members], samples.values[here])
        assert np.array_equal(plan.rows, np.unique(here))
        assert bytes_of(plan, samples) <= budget // n_jobs
    assert at == spheres.n_centres
    assert len(blocks) >= 6 * n_jobs


def test_blocks_are_as_large_as_they_may_be() -> None:
    """With less memory there are more of them; none could take many more centres."""
    mask = brain(0)
    samples = samples_of(mask, 300)
    for budget in (150_000, 300_000):
        blocks = list(plan_blocks(Spheres(mask, 4.0), samples, budget))
        filled = [bytes_of(plan, samples) / budget for plan in blocks[:-1]]
        assert np.mean(filled) > 0.7


def test_a_sphere_that_does_not_fit() -> None:
    mask = brain(0, 1.0)
    samples = samples_of(mask, 1000, scratch=1000)
    message = (
        r"a single sphere of \d+ voxels x 1000 samples takes .* KiB, got 48\.8 KiB for each of 2 "
        r"blocks; raise `memory_limit`"
    )
    with pytest.raises(bs.MemoryBudgetError, match=message):
        list(plan_blocks(Spheres(mask, 8.0), samples, 100_000, n_jobs=2))
    with pytest.raises(bs.MemoryBudgetError, match="got 0 B; raise"):
        list(plan_blocks(Spheres(mask, 8.0), samples, 0))


def test_one_sphere_larger_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are kept small for speed; what does not fit them is read all the same."""
    monkeypatch.setattr("boldstream.decoding.samples.blocks._BLOCK_BYTES", 1000)
    mask = brain(0, 0.1)
    blocks = list(plan_blocks(Spheres(mask, 9.0), samples_of(mask, 100), 1 << 20))
    assert [plan.stop - plan.start for plan in blocks] == [1] * len(blocks)
    assert len(blocks) == mask.array.sum()


def test_the_nearest_usable_voxels() -> None:
    mask = brain(0)
    usable = np.random.default_rng(0).random(int(mask.array.sum())) < 0.5
    samples = samples_of(mask, 5, usable)
    for plan in plan_blocks(Nearest(mask, 12), samples, 1 << 20):
        assert np.array_equal(np.diff(plan.starts), np.full(plan.stop - plan.start, 12))
        assert usable[plan.rows].all()


def test_spheres_may_be_empty() -> None:
    mask = brain(0, 0.02)
    centres = Mask("centres", mask.grid, np.ones(SHAPE, bool))
    sizes = [
        size
        for plan in plan_blocks(Spheres(mask, 2.0, centres), samples_of(mask, 5), 1 << 20)
        for size in np.diff(plan.starts)
    ]
    assert len(sizes) == np.prod(SHAPE)
    assert min(sizes) == 0
