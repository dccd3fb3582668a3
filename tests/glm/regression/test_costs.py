"""What the sums and the fit of a run say they cost, beside what numpy was seen to take."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from boldstream.core.blas import one_blas_thread
from boldstream.core.grid import Grid
from boldstream.glm.regression import RunGLM, RunModel
from boldstream.glm.regression.fit import TILE, fit_sums
from boldstream.glm.regression.sums import LaggedSums, State
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming.reduction import Bound

N = 60
# Buffers in which numpy casts, and Python's own objects.
SLACK = 192 << 10


def model_of(noise_model: str, scaling: Any, regressors: int, *, constant: bool = True) -> RunModel:
    """One bin: all voxels are fitted together, which takes the most."""
    design = np.random.default_rng(0).normal(size=(N, regressors))
    design[:, 0] = constant or design[:, 0]
    return RunModel(design, noise_model=noise_model, scaling=scaling, bins=1, random_state=0)


def bound(model: RunModel, voxels: int) -> Bound[State]:
    shape = (voxels, 1, 1)
    series = Series("bold", Grid(shape, np.eye(4)), N, np.dtype("f4"), None, (N,))
    return RunGLM(np.ones(shape, bool), model, nan_policy="propagate").bind(series)


def block(voxels: int) -> Block:
    values = np.random.default_rng(1).normal(100, 5, (N, voxels)).astype("f4")
    return Block(values, 0, Scaling(), 0)


def most_taken(work: Callable[[], Any]) -> int:
    """Most bytes that were held beside what was held before."""
    work()  # loads packages
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a pass."""
    with one_blas_thread():
        yield


KINDS = [("ols", "voxel"), ("ar1", None), ("ar3", "volume")]


@pytest.mark.parametrize(("noise_model", "scaling"), KINDS)
def test_the_state_is_its_arrays(noise_model: str, scaling: Any) -> None:
    accumulator = bound(model_of(noise_model, scaling, 5), 3000).accumulator
    assert isinstance(accumulator, LaggedSums)
    sums = accumulator.init(range(N)).sums
    arrays = (sums.reference, sums.projected, sums.squares, sums.head, sums.tail)
    size = sum(array.nbytes for array in arrays)
    cost = accumulator.cost()
    assert cost.state == size + accumulator.staging.bytes()
    of_model = accumulator.functionals.weights.nbytes + accumulator.functionals.by_lag.nbytes
    assert cost.loaded == of_model + accumulator.staging.rows.nbytes


@pytest.mark.parametrize(("noise_model", "scaling"), KINDS)
@pytest.mark.parametrize("voxels", [1500, 8000])
def test_sums_take_what_they_tell(noise_model: str, scaling: Any, voxels: int) -> None:
    accumulator = bound(model_of(noise_model, scaling, 8), voxels).accumulator
    whole = block(voxels)
    # Of one volume the mean is that of its finite voxels, which are picked out.
    whole.data[3, 5] = np.nan
    most = most_taken(lambda: accumulator.update(accumulator.init(range(N)), whole))
    cost = accumulator.cost()
    told = cost.state + cost.scratch + N * cost.scratch_per_volume
    assert 0.8 * told <= most <= told + SLACK


@pytest.mark.parametrize("n", [2, 3])
def test_parts_take_what_is_told_beside_the_state(n: int) -> None:
    accumulator = bound(model_of("ar2", "voxel", 8), 5000).accumulator
    whole = block(5000)
    ranges = [range(i * N // n, (i + 1) * N // n) for i in range(n)]

    def work() -> Any:
        state = accumulator.init(range(N))
        parts = accumulator.fork(state, ranges)
        for part, some in zip(parts, ranges, strict=True):
            piece = whole.data[some.start : some.stop]
            accumulator.update(part, Block(piece, some.start, whole.scaling, 0))
        return accumulator.join(state, parts)

    cost = accumulator.cost()
    told = cost.state + accumulator.fork_bytes(n) + cost.scratch
    most = most_taken(work)
    assert 0.8 * told <= most <= told + SLACK


@pytest.mark.parametrize(
    ("noise_model", "regressors", "voxels", "constant"),
    [
        ("ols", 2, 6000, True),
        ("ols", 12, 6000, False),
        ("ar1", 2, 2 * TILE, False),
        ("ar1", 12, 6000, True),
        ("ar1", 12, 6000, False),
        ("ar2", 8, 1500, True),
    ],
)
def test_a_fit_takes_what_it_tells(
    noise_model: str, regressors: int, voxels: int, constant: bool
) -> None:
    model = model_of(noise_model, "voxel", regressors, constant=constant)
    made = bound(model, voxels)
    state = made.accumulator.init(range(N))
    made.accumulator.update(state, block(voxels))
    positions, means = np.arange(voxels), np.ones(N)
    most = most_taken(lambda: fit_sums(state.sums, model, positions=positions, volume_means=means))
    assert 0.8 * made.result_bytes <= most <= made.result_bytes + SLACK
