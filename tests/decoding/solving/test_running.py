"""Spheres handed to threads in stretches, and kernels made ready before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.solving.ready import make_ready
from boldstream.decoding.solving.running import run_engine, without_empty
from boldstream.decoding.task.problem import Folds, Problem, Targets
from boldstream.kernels.decoding.scores import ACCURACY
from tests.decoding.engines.per_sphere import leave_out

N = 8
FOLDS = leave_out(np.arange(N) % 2)
Y = np.arange(N, dtype=np.int16) // 2 % 2


class Firsts(Engine):
    """Decides by the first voxel of each sphere; tells what it was given."""

    title = "first voxels"
    spheres = 3

    def __init__(self) -> None:
        self.given: list[tuple[int, int, float, float]] = []

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        size = float(np.diff(block.starts).mean())
        self.given.append((len(block), len(targets.labellings), size, block.usual_size))
        _, _, test, _ = folds.arrays
        out[..., 0] = block.values[block.members[block.starts[:-1]]][:, None, test]


def block_of(sizes: list[int], seed: int = 0) -> Block:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(20, N)).astype(np.float32)
    members = rng.integers(0, 20, sum(sizes)).astype(np.int32)
    return Block(values, members, np.cumsum([0, *sizes]).astype(np.int64), 4.5)


def spheres_of(block: Block) -> list[list[int]]:
    return [part.tolist() for part in np.split(block.members, block.starts[1:-1])]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_spheres_are_solved_a_few_at_a_time(n_jobs: int) -> None:
    blocks = [(10, block_of([2] * 7)), (30, block_of([1, 2], seed=1))]
    targets, engine = Targets(np.array([Y, 1 - Y]), np.arange(2)), Firsts()
    found = run_engine(
        blocks, engine, Problem(FOLDS, targets, ACCURACY), keep_decisions=True, n_jobs=n_jobs
    )
    by_start = dict(found)
    assert {start: len(one.means) for start, one in by_start.items()} == {
        10: 3,
        13: 3,
        16: 1,
        30: 2,
    }
    assert sorted(engine.given)[::3] == [(1, 2, 2.0, 4.5), (3, 2, 2.0, 4.5)]
    _, _, test, _ = FOLDS.arrays
    for first, block in blocks:
        for s, members in enumerate(spheres_of(block)):
            start = max(start for start in by_start if start <= first + s)
            decided = block.values[members[0], test]
            scored = by_start[start]
            assert scored.decisions is not None
            np.testing.assert_array_equal(scored.decisions[first + s - start, :, 0], decided)
            right = ((decided > 0) == Y[test]).mean()
            np.testing.assert_allclose(scored.means[first + s - start], [right, 1 - right])


@pytest.mark.parametrize(
    ("sizes", "stretches"),
    [
        ([2, 1, 3], [(5, 3)]),
        ([0, 2, 0, 0, 1, 3, 0], [(6, 1), (9, 2)]),
        ([1, 0, 4], [(5, 1), (7, 1)]),
        ([0, 0], []),
        ([0, 6], [(6, 1)]),
    ],
)
def test_spheres_without_voxels_are_passed_over(
    sizes: list[int], stretches: list[tuple[int, int]]
) -> None:
    block = block_of(sizes)
    found = list(without_empty([(5, block), (50, block)]))
    assert [(first, len(part)) for first, part in found] == [
        (first + more, n) for more in (0, 45) for first, n in stretches
    ]
    for first, part in found:
        given = spheres_of(block)[first % 45 - 5 :][: len(part)]
        assert spheres_of(part) == given
        assert part.usual_size == 4.5


@pytest.mark.parametrize("n_labellings", [1, 2, 5])
def test_kernels_are_made_ready_on_little(n_labellings: int) -> None:
    """A sphere and some labellings, in the form that spheres of the usual size take."""
    targets = Targets(np.array([Y] * n_labellings), np.arange(2))
    engine = Firsts()
    make_ready(engine, Problem(FOLDS, targets, ACCURACY), 123.0)
    ((n_spheres, some, size, usual),) = engine.given
    assert (n_spheres, usual) == (1, 123.0)
    # Two voxels correlate wholly.
    assert size >= 3
    assert 1 <= some <= min(n_labellings, 3)


def test_made_up_values_need_no_solution() -> None:
    class Lost(Firsts):
        def decide(self, block: Any, folds: Any, targets: Any, out: Any) -> None:
            super().decide(block, folds, targets, out)
            out[...] = np.nan

    problem = Problem(FOLDS, Targets(Y[None], np.arange(2)), ACCURACY)
    make_ready(Lost(), problem, 3.0)
    with pytest.raises(ParameterError, match="200 steps"):
        list(run_engine([(0, block_of([2]))], Lost(), problem, keep_decisions=False, n_jobs=1))
