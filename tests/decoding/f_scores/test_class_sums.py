"""Sums of classes: the same however volumes are cut and runs are mixed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from boldstream.core.grid import Grid
from boldstream.decoding.f_scores.class_sums import ClassAccumulator, Design
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming.nonfinite import NonFiniteRule


@given(
    runs=st.lists(st.integers(0, 2), min_size=24, max_size=24),
    cuts=st.lists(st.integers(1, 23), max_size=4, unique=True),
    left_out=st.sets(st.integers(0, 23), max_size=4),
)
def test_neither_blocks_nor_parts_nor_order_of_runs_matter(
    runs: list[int], cuts: list[int], left_out: set[int]
) -> None:
    run_of = np.array(runs)
    data = np.random.default_rng(0).normal(10_000, 100, (24, 60)).astype("f4")
    codes = np.tile([0, 1, 2], 8)
    codes[list(left_out)] = -1
    taken = codes >= 0
    lengths = np.bincount(run_of[taken], minlength=3)
    assume((lengths != 1).all())
    design = Design(codes, run_of, np.arange(3), lengths, standardize=True)
    voxels = np.arange(data.shape[1])
    series = Series("data", Grid((60, 1, 1), np.eye(4)), 24, data.dtype, None, (24,))
    rule = NonFiniteRule("zero", series, voxels)
    accumulator = ClassAccumulator(design, voxels, rule, np.dtype("f4"))
    state = None
    edges = [0, *sorted(cuts), 24]
    for start, stop in pairwise(edges):
        part = accumulator.init(range(start, stop))
        accumulator.update(part, Block(data[start:stop], start, Scaling(), 0))
        state = part if state is None else accumulator.merge(state, part)
    assert state is not None
    assert not state.open
    z = data[taken].astype("f8")
    for run in np.unique(run_of[taken]):
        rows = run_of[taken] == run
        z[rows] -= z[rows].mean(axis=0)
        z[rows] /= z[rows].std(axis=0, ddof=1)
    sums = np.stack([z[codes[taken] == k].sum(axis=0) for k in range(3)])
    np.testing.assert_allclose(state.classes, sums, atol=1e-6)
    np.testing.assert_allclose(state.squares, (z**2).sum(axis=0), rtol=1e-6)


def test_runs_that_are_open_at_a_time() -> None:
    def open_of(runs: list[int], codes: list[int] | None = None) -> int:
        given = np.array(codes or [0, 1] * (len(runs) // 2))
        run_codes = np.array(runs)
        lengths = np.bincount(run_codes[given >= 0])
        return Design(given, run_codes, np.arange(2), lengths, True).most_open

    assert open_of([0, 0, 1, 1, 2, 2]) == 1
    assert open_of([0, 1, 0, 1]) == 2
    assert open_of([0, 1, 2, 0, 1, 2]) == 3
    assert open_of([0, 1, 0, 1], [0, -1, 1, 0]) == 1
