"""What accumulators and preparations say they cost, beside what numpy was seen to take for them."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core.grid import Grid
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming.cost import Cost
from boldstream.streaming.preparation import Preparation
from boldstream.streaming.preparations.volumes import Recipe, VolumePreparation
from boldstream.streaming.reduction import Accumulator
from boldstream.streaming.reductions.regions import Regions
from tests.taking import cast_buffers

SHAPE = (50, 40, 30)
VOXELS = 60_000
N = 12
# Buffers in which numpy casts, and Python's own objects.
SLACK = (64 << 10) + cast_buffers()


def series(dtype: str) -> Series:
    return Series("bold", Grid(SHAPE, np.eye(4)), N, np.dtype(dtype), None, (N,))


def block(dtype: str, n: int = N) -> Block:
    values = np.random.default_rng(0).integers(1, 99, (n, VOXELS)).astype(dtype)
    return Block(values, 0, Scaling(0.5, 3.0), 0)


def taken(work: Callable[[], Any]) -> tuple[int, int]:
    """Most bytes that were held beside what was held before, and what is held afterwards."""
    gc.collect()
    tracemalloc.start()
    try:
        kept = work()
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del kept
    return most, held


def regions(n: int, strategy: Any) -> Regions:
    return Regions(
        np.arange(VOXELS),
        np.full(n, VOXELS // n),
        ids=range(n),
        names=["r"] * n,
        strategy=strategy,
        nan_policy="raise",
    )


def half() -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[::2] = True
    return mask


def maps(dtype: str, n: int, rows: NDArray[np.intp] | None) -> bs.Reduction:
    from boldstream.streaming.reductions import WeightMaps

    weights = np.random.default_rng(0).random((VOXELS, n)).astype(dtype)
    return WeightMaps(weights, rows, names=["m"] * n, dtype="float64")


REDUCTIONS: dict[str, tuple[str, Callable[[], bs.Reduction]]] = {
    "voxels": ("i2", lambda: bs.Voxels(half())),
    "voxels of float64": ("f8", lambda: bs.Voxels(half())),
    "mean": ("f8", lambda: bs.Mean()),
    "deviation": ("i2", lambda: bs.Std()),
    "mean of regions": ("i2", lambda: regions(3, "mean")),
    "median of regions": ("i2", lambda: regions(3, "median")),
    "deviation of regions": ("f8", lambda: regions(5, "standard_deviation")),
    "variance of regions": ("i2", lambda: regions(4, "variance")),
    "few maps": ("f4", lambda: maps("f8", 3, None)),
    "maps of some voxels": ("i2", lambda: maps("f4", 16, np.arange(0, VOXELS, 2))),
    "volumes": ("i2", lambda: bs.Volumes([1, 4, 9])),
}


def bound(kind: str) -> tuple[Accumulator[Any], str]:
    dtype, make = REDUCTIONS[kind]
    return make().bind(series(dtype)).accumulator, dtype


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_state_and_scratch_are_what_is_taken(kind: str) -> None:
    accumulator, dtype = bound(kind)
    cost, whole = accumulator.cost(), block(dtype)
    # What is loaded once for all, such as a package, is no cost of the second time.
    accumulator.update(accumulator.init(range(N)), whole)

    def work() -> Any:
        state = accumulator.init(range(N))
        accumulator.update(state, whole)
        return state

    most, held = taken(work)
    predicted = cost.state + cost.scratch + N * cost.scratch_per_volume
    assert most <= predicted + SLACK
    assert most >= 0.6 * predicted
    assert 0.95 * cost.state <= held <= cost.state + SLACK


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_the_state_is_its_arrays(kind: str) -> None:
    accumulator, dtype = bound(kind)
    state = accumulator.init(range(N))
    accumulator.update(state, block(dtype, 1))
    arrays = [value for value in vars(state).values() if isinstance(value, np.ndarray)]
    assert accumulator.cost().state == sum(array.nbytes for array in arrays)


def test_what_is_not_told_costs_nothing() -> None:
    assert Cost(7) == Cost(7, scratch=0, scratch_per_volume=0, loaded=0, block=0)


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_what_grows_with_the_block_is_told_for_each_volume(kind: str) -> None:
    accumulator, dtype = bound(kind)
    cost = accumulator.cost()
    for n in (1, N):
        part = block(dtype, n)
        state = accumulator.init(range(N))
        accumulator.update(state, part)
        most, _ = taken(partial(accumulator.update, state, part))
        assert most <= cost.scratch + n * cost.scratch_per_volume + SLACK


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_what_is_loaded_is_what_the_accumulator_holds(kind: str) -> None:
    accumulator, _ = bound(kind)
    arrays = {
        "voxels": VOXELS // 2 * 8,
        "voxels of float64": VOXELS // 2 * 8,
        "mean of regions": VOXELS * 8,
        "median of regions": VOXELS * 8,
        "deviation of regions": VOXELS * 8,
        "variance of regions": VOXELS * 8,
        "few maps": VOXELS * 8 + VOXELS * 3 * 8 + 3 * 3 * 8,
        "maps of some voxels": VOXELS // 2 * 8 + VOXELS * 16 * 4 + 16 * 16 * 8,
    }
    assert accumulator.cost().loaded == arrays.get(kind, 0)


@pytest.mark.parametrize("kind", ["mean", "deviation"])
@pytest.mark.parametrize("n", [2, 3])
def test_parts_take_what_is_told_beside_the_state(kind: str, n: int) -> None:
    accumulator, dtype = bound(kind)
    whole = block(dtype)
    step = N // n
    ranges = [range(i * step, (i + 1) * step) for i in range(n)]

    def fill() -> Any:
        state = accumulator.init(range(N))
        parts = accumulator.fork(state, ranges)
        for part, some in zip(parts, ranges, strict=True):
            piece = Block(whole.data[some.start : some.stop], some.start, whole.scaling, 0)
            accumulator.update(part, piece)
        return state, parts

    fill()
    most, _ = taken(fill)
    cost = accumulator.cost()
    predicted = cost.state + accumulator.fork_bytes(n) + cost.scratch
    assert most <= predicted + step * cost.scratch_per_volume + SLACK


@pytest.mark.parametrize(
    ("volumes", "n", "more"), [(12, 3, 0), (100, 2, 80 - 40), (100, 3, 102 - 40)]
)
def test_parts_of_a_projection_take_sums_and_stages(volumes: int, n: int, more: int) -> None:
    """A stage of a fifth of the volumes, at least 8, twice, or of all that a part has."""
    header = Series("bold", Grid(SHAPE, np.eye(4)), volumes, np.dtype("i2"), None, (volumes,))
    accumulator = bs.Project(np.ones((5, volumes))).bind(header).accumulator
    held = min(2 * max(8, volumes // 5), volumes)
    assert accumulator.cost().state == 5 * VOXELS * 8 + held * VOXELS * 2
    assert accumulator.cost().scratch == 2048 * 8 * (max(8, volumes // 5) + 5)
    assert accumulator.cost().loaded == 5 * volumes * 8 + VOXELS * 8
    # The first part takes the sums of the whole.
    assert accumulator.fork_bytes(n) == (n - 1) * 5 * VOXELS * 8 + more * VOXELS * 2


def preparation(stored: str, **fields: Any) -> VolumePreparation:
    wanted: dict[str, Any] = {
        "shape": None,
        "affine": None,
        "order": 3,
        "fwhm": None,
        "nan_policy": "raise",
        "dtype": "float32",
    }
    return VolumePreparation(series(stored), Recipe(**{**wanted, **fields}))


COARSE = tuple(map(tuple, np.diag([2.0, 2.0, 2.0, 1.0]).tolist()))
TURNED = tuple(map(tuple, (np.eye(4) + 0.1 * np.eye(4)[[1, 0, 2, 3]]).tolist()))
PREPARATIONS: dict[str, Callable[[], VolumePreparation]] = {
    "smoothed": lambda: preparation("i2", fwhm=(4.0, 4.0, 4.0)),
    "smoothed along x": lambda: preparation("i2", fwhm=(4.0, 0.0, 0.0), dtype="float64"),
    "fast": lambda: preparation("i2", fwhm="fast"),
    "coarse": lambda: preparation("i2", shape=(25, 20, 15), affine=COARSE),
    "coarse and smoothed": lambda: preparation(
        "i2", shape=(25, 20, 15), affine=COARSE, fwhm=(3.0, 3.0, 3.0)
    ),
    "fine": lambda: preparation("i2", shape=(60, 60, 60), affine=COARSE, order=1),
    "turned": lambda: preparation("i2", shape=SHAPE, affine=TURNED),
    "turned, nearest": lambda: preparation("i2", shape=SHAPE, affine=TURNED, order=0),
    "holes": lambda: preparation("f4", fwhm=(4.0, 4.0, 4.0), nan_policy="propagate"),
    "holes, coarse": lambda: preparation(
        "f4", shape=(25, 20, 15), affine=COARSE, nan_policy="propagate"
    ),
}


@pytest.mark.parametrize("kind", PREPARATIONS)
def test_a_preparation_takes_what_it_tells(kind: str) -> None:
    made: Preparation = PREPARATIONS[kind]()
    given = block("f4" if "holes" in kind else "i2", 3)
    if "holes" in kind:
        given.data[:, 5000] = np.nan
        given.data[:, 9000] = np.inf
        given.data[:, 9001] = -np.inf

    def work() -> Any:
        worker = made.worker()
        return worker, worker.prepare(given)

    work()
    most, _ = taken(work)
    cost = made.cost()
    assert cost.state == 0
    predicted = cost.scratch + 3 * cost.scratch_per_volume
    assert most <= predicted + SLACK
    assert most >= 0.6 * predicted
