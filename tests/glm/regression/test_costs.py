"""What the sums and the fit of a run say they cost, beside what numpy was seen to take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from boldstream.core.grid import Grid
from boldstream.glm.regression import RunGLM, RunModel
from boldstream.glm.regression import fit as fit_module
from boldstream.glm.regression.fit import fit_sums
from boldstream.glm.regression.sums import LaggedSums, State
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming.reduction import Bound
from tests.taking import most_taken

N = 60
# Buffers in which numpy casts, and Python's own objects.
SLACK = 192 << 10


def model_of(
    noise_model: str, scaling: Any, regressors: int, *, constant: bool = True, volumes: int = N
) -> RunModel:
    """One bin: all voxels are fitted together, which takes the most."""
    design = np.random.default_rng(0).normal(size=(volumes, regressors))
    design[:, 0] = constant or design[:, 0]
    return RunModel(design, noise_model=noise_model, scaling=scaling, bins=1, random_state=0)


def bound(model: RunModel, voxels: int, volumes: int = N) -> Bound[State]:
    shape = (voxels, 1, 1)
    series = Series("bold", Grid(shape, np.eye(4)), volumes, np.dtype("f4"), None, (volumes,))
    return RunGLM(np.ones(shape, bool), model, nan_policy="propagate").bind(series)


def block(voxels: int, volumes: int = N) -> Block:
    values = np.random.default_rng(1).normal(100, 5, (volumes, voxels)).astype("f4")
    return Block(values, 0, Scaling(), 0)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a pass."""
    with threadpool_limits(1):
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
    # What comes from the tail, the volumes, and their products; of a volume its finite voxels.
    lines = accumulator.functionals.order + accumulator.staging.depth + len(sums.projected)
    assert cost.scratch == 2048 * 8 * lines + (scaling == "volume") * 3000 * (1 + 8)
    of_model = accumulator.functionals.weights.nbytes + accumulator.functionals.by_lag.nbytes
    assert cost.loaded == of_model + accumulator.staging.rows.nbytes


@pytest.mark.parametrize(
    ("noise_model", "scaling", "regressors", "voxels"),
    [
        ("ols", "voxel", 8, 1500),
        ("ols", "volume", 2, 60_000),
        ("ar1", None, 8, 8000),
        ("ar3", "volume", 8, 8000),
    ],
)
def test_sums_take_what_they_tell(
    noise_model: str, scaling: Any, regressors: int, voxels: int
) -> None:
    accumulator = bound(model_of(noise_model, scaling, regressors), voxels).accumulator
    whole = block(voxels)
    # Of one volume the mean is that of its finite voxels, which are picked out.
    whole.data[3, 5] = np.nan
    most = most_taken(lambda: accumulator.update(accumulator.init(range(N)), whole))
    cost = accumulator.cost()
    told = cost.state + cost.scratch + N * cost.scratch_per_volume
    assert 0.8 * told <= most <= told + SLACK


@pytest.mark.parametrize(
    ("noise_model", "regressors", "n", "volumes"),
    [
        ("ols", 2, 2, N),
        # Of three parts of few volumes numpy also counts the end of a shelf that is never filled.
        ("ols", 2, 3, 15 * N),
        ("ols", 12, 2, N),
        ("ar2", 8, 3, N),
        ("ar3", 12, 2, N),
        ("ar3", 12, 3, N),
        ("ar3", 12, 3, 15 * N),
    ],
)
def test_parts_take_what_is_told_beside_the_state(
    noise_model: str, regressors: int, n: int, volumes: int
) -> None:
    voxels = 12_000 if volumes == N else 4000
    model = model_of(noise_model, "voxel", regressors, volumes=volumes)
    accumulator = bound(model, voxels, volumes).accumulator
    whole = block(voxels, volumes)
    ranges = [range(i * volumes // n, (i + 1) * volumes // n) for i in range(n)]
    # Never written to: the system gives no memory for it.
    state = accumulator.init(range(volumes))

    def work() -> Any:
        parts = accumulator.fork(state, ranges)
        for part, some in zip(parts, ranges, strict=True):
            piece = whole.data[some.start : some.stop]
            accumulator.update(part, Block(piece, some.start, whole.scaling, 0))
        return accumulator.join(state, parts)

    cost = accumulator.cost()
    told = cost.state + accumulator.fork_bytes(n) + cost.scratch
    most = most_taken(work)
    assert 0.92 * told <= most <= told + SLACK


@pytest.mark.parametrize(
    ("noise_model", "regressors", "tile", "constant"),
    [
        ("ols", 2, 9000, True),
        ("ols", 12, 9000, False),
        ("ar1", 2, 1000, False),
        ("ar1", 12, 9000, True),
        ("ar1", 12, 9000, False),
        ("ar2", 8, 9000, True),
        ("ar2", 2, 1000, True),
    ],
)
def test_a_fit_takes_what_it_tells(
    noise_model: str, regressors: int, tile: int, constant: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_module, "TILE", tile)
    voxels = 6000
    model = model_of(noise_model, "voxel", regressors, constant=constant)
    made = bound(model, voxels)
    state = made.accumulator.init(range(N))
    made.accumulator.update(state, block(voxels))
    positions, means = np.arange(voxels), np.ones(N)
    most = most_taken(lambda: fit_sums(state.sums, model, positions=positions, volume_means=means))
    # Of the names of the noise it is the longest that are counted on.
    least = 0.85 if tile > voxels else 0.75
    assert least * made.result_bytes <= most <= made.result_bytes + SLACK
