"""Lagged sums against their definition, for any number of volumes, few and none included."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from boldstream.core.grid import Grid
from boldstream.glm.regression.basis import Basis
from boldstream.glm.regression.functionals import Functionals
from boldstream.glm.regression.sums import LaggedSums, State, Sums
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming.nonfinite import NonFiniteRule
from boldstream.streaming.stage import Staging

N, VOXELS = 9, 4
ORDERS = (0, 1, 3)

Floats = NDArray[np.float64]


def functionals_of(order: int) -> Functionals:
    design = np.column_stack([np.ones(N), np.arange(N) % 3, np.sin(np.arange(N))])
    return Functionals.of(Basis.of(design).columns, order)


def by_definition(data: Floats, reference: Floats, functionals: Functionals, start: int) -> Sums:
    """The sums of volumes from `start` on; what would come before or after them is 0."""
    d, order = data - reference, functionals.order
    none = np.zeros((order, data.shape[1]))
    squares = [(d[lag:] * d[: max(0, len(d) - lag)]).sum(axis=0) for lag in range(order + 1)]
    weights = functionals.weights[:, start : start + len(d)]
    head, tail = np.concatenate([d, none])[:order], np.concatenate([none, d])[len(d) :]
    return Sums(len(d), reference, weights @ d, np.array(squares), head, tail)


def assert_equal(found: Sums, wanted: Sums) -> None:
    for name, value in vars(wanted).items():
        np.testing.assert_allclose(getattr(found, name), value, atol=1e-9, err_msg=name)


def accumulator_of(functionals: Functionals) -> LaggedSums:
    series = Series("bold", Grid((VOXELS, 1, 1), np.eye(4)), N, np.dtype("f8"), None, (N,))
    rows = np.arange(VOXELS)
    rule = NonFiniteRule("propagate", series, rows)
    return LaggedSums(functionals, Staging(series, rows, rule), by_volume=False)


def accumulated(accumulator: LaggedSums, data: Floats, volumes: range) -> State:
    state = accumulator.init(volumes)
    for t in volumes:
        accumulator.update(state, Block(data[t : t + 1], t, Scaling(), 0))
    return state


@pytest.mark.parametrize("order", ORDERS)
def test_sums_of_scaled_data(rng: np.random.Generator, order: int) -> None:
    functionals = functionals_of(order)
    scale, offset = rng.normal(1, 3, VOXELS), rng.normal(0, 5, VOXELS)
    reference = np.zeros(VOXELS)
    for start, stop in ((0, N), (0, 1), (2, 4), (3, 6), (5, N), (8, N), (4, 4)):
        d = rng.normal(2, 1, (stop - start, VOXELS))
        sums = by_definition(d, reference, functionals, start)
        wanted = by_definition(scale * d + offset, reference, functionals, start)
        assert_equal(sums.rescaled(scale, offset, functionals, range(start, stop)), wanted)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "lengths", [[N], [1, N - 1], [N - 1, 1], [2, N - 2], [N - 2, 2], [4, 5], [1] * N, [2, 1, 1, 5]]
)
def test_parts_shorter_than_the_order(
    rng: np.random.Generator, order: int, lengths: list[int]
) -> None:
    functionals, data = functionals_of(order), rng.normal(100, 5, (N, VOXELS))
    accumulator = accumulator_of(functionals)
    stops = np.cumsum(lengths).tolist()
    ranges = [range(stop - length, stop) for stop, length in zip(stops, lengths, strict=True)]
    parts = [accumulated(accumulator, data, volumes) for volumes in ranges]
    for volumes, part in zip(ranges, parts, strict=True):
        own = data[volumes.start : volumes.stop]
        assert_equal(part.sums, by_definition(own, own[0], functionals, volumes.start))
    wanted = by_definition(data, data[0], functionals, 0)
    nothing = accumulated(accumulator, data, range(0))
    for given in (parts, [nothing, *parts], [*parts, nothing]):
        found = reduce(accumulator.merge, given)
        assert_equal(found.sums, wanted)
        assert found.kept == range(N)


def test_parts_are_joined_from_either_side(rng: np.random.Generator) -> None:
    functionals, data = functionals_of(3), rng.normal(100, 5, (N, VOXELS))
    accumulator = accumulator_of(functionals)
    parts = [accumulated(accumulator, data, range(t, t + 1)) for t in range(N)]
    wanted = by_definition(data, data[0], functionals, 0)

    def from_the_right(given: list[Any]) -> Any:
        return (
            given[0] if len(given) == 1 else accumulator.merge(given[0], from_the_right(given[1:]))
        )

    assert_equal(from_the_right(parts).sums, wanted)
