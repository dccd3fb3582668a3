"""Run a plan: one pass over the volumes, every accumulator fed from it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from boldstream.core.blas import one_blas_thread
from boldstream.core.jobs import together
from boldstream.io.source import Block, VolumeSource
from boldstream.streaming.groups import Group, make_groups
from boldstream.streaming.preparation import Preparing
from boldstream.streaming.progress import Report
from boldstream.streaming.reduction import Accumulator, Bound

# What a preparation learns in one pass settles it for the next; a third is for good measure.
_MOST_PASSES = 3


def run_pass(
    source: VolumeSource,
    bounds: Sequence[Bound[Any]],
    block_volumes: int,
    report: Report,
    *,
    jobs: int = 1,
) -> tuple[Any, ...]:
    """Read the source once and return the result of every reduction, in order.

    Results are made only after the source was read to its end and found whole.
    NaN and infinity in the data go into the results without a warning.

    Parameters
    ----------
    source : VolumeSource
    bounds : sequence of Bound
    block_volumes : int
        Volumes of a block, at most.
    report : callable
        Called in this thread, with the volumes done and the volumes in all.
    jobs : int
        Pieces of the source that are read side by side, at most.

    Raises
    ------
    ImageFileError, CorruptImageError
        Whatever reading raises. Nothing is left running, also after an
        interrupt.
    """
    reading = Pass(source, bounds, block_volumes, jobs)
    with closing(reading.read()) as steps:
        for done in steps:
            report(done, source.series.n_volumes)
    return reading.results()


class Pass:
    """A pass over a source: `read` it to the end, then take the `results`.

    Parameters
    ----------
    source, bounds, block_volumes, jobs
        As for `run_pass`.
    """

    def __init__(
        self,
        source: VolumeSource,
        bounds: Sequence[Bound[Any]],
        block_volumes: int,
        jobs: int = 1,
    ) -> None:
        self._pieces = source.split(jobs)
        self._volumes, self._block_volumes = source.volumes, block_volumes
        self._bounds, self._groups = bounds, make_groups(bounds)
        self._filled: list[_Filling] = []

    def read(self) -> Generator[int, None, None]:
        """Read all volumes; yields how many are done.

        Where a preparation finds at the end that it should have known
        something earlier, all of it is done again.
        """
        with self._one_thread():
            yield from self._read()

    def _one_thread(self) -> AbstractContextManager[None]:
        """Keeps products of matrices to their threads, where there are any."""
        prepares = any(group.preparation is not None for group in self._groups)
        multiplies = any(bound.accumulator.multiplies for bound in self._bounds)
        return one_blas_thread() if prepares or multiplies else nullcontext()

    def _read(self) -> Generator[int, None, None]:
        for _ in range(_MOST_PASSES):
            # What a pass before this one held is free before this one takes its own.
            self._filled = []
            self._filled = [
                _Filling(group, self._volumes, [piece.volumes for piece in self._pieces])
                for group in self._groups
            ]
            yield 0
            done = 0
            with closing(together(self._jobs())) as steps:
                for n in steps:
                    done += n
                    yield done
            # Every one is asked before any answer counts: each learns from its own workers.
            settled = [filling.settle() for filling in self._filled]
            if all(settled):
                return
        raise RuntimeError(f"a preparation was not settled after {_MOST_PASSES} passes")

    def _jobs(self) -> list[Generator[int, None, None]]:
        return [
            _read_piece(piece, [filling.lanes[i] for filling in self._filled], self._block_volumes)
            for i, piece in enumerate(self._pieces)
        ]

    def results(self) -> tuple[Any, ...]:
        """The result of every reduction, in order, once all was read."""
        made: dict[int, Any] = {}
        with self._one_thread(), np.errstate(invalid="ignore", over="ignore"):
            for group, filling in zip(self._groups, self._filled, strict=True):
                states = filling.join()
                for position, accumulator in zip(group.positions, group.accumulators, strict=True):
                    finalize = self._bounds[position].finalize
                    made[position] = finalize(states[id(accumulator)])
        return tuple(made[position] for position in range(len(self._bounds)))


@dataclass
class _Lane:
    """A group in one thread: who prepares its blocks, and the states that take them."""

    worker: Preparing | None
    accumulators: Sequence[Accumulator[Any]]
    states: list[Any]

    def update(self, block: Block) -> None:
        ready = block if self.worker is None else self.worker.prepare(block)
        for accumulator, state in zip(self.accumulators, self.states, strict=True):
            accumulator.update(state, ready)


class _Filling:
    """The states of a group during a pass, and a lane for each piece of the source."""

    def __init__(self, group: Group, volumes: range, ranges: Sequence[range]) -> None:
        self._preparation, self._accumulators = group.preparation, group.distinct
        self._states = [accumulator.init(volumes) for accumulator in self._accumulators]
        self.lanes = [_Lane(self._worker(), self._accumulators, []) for _ in ranges]
        for accumulator, state in zip(self._accumulators, self._states, strict=True):
            parts = accumulator.fork(state, ranges) if len(ranges) > 1 else [state]
            for lane, part in zip(self.lanes, parts, strict=True):
                lane.states.append(part)

    def _worker(self) -> Preparing | None:
        return None if self._preparation is None else self._preparation.worker()

    def settle(self) -> bool:
        """Whether what the workers prepared stands; they are let go."""
        workers = [lane.worker for lane in self.lanes if lane.worker is not None]
        for lane in self.lanes:
            lane.worker = None
        return self._preparation is None or self._preparation.settle(workers)

    def join(self) -> dict[int, Any]:
        """The full state of each accumulator, by its identity."""
        joined: dict[int, Any] = {}
        for accumulator in self._accumulators:
            state, parts = self._states.pop(0), [lane.states.pop(0) for lane in self.lanes]
            alone = len(parts) == 1
            joined[id(accumulator)] = state if alone else accumulator.join(state, parts)
        return joined


def _read_piece(
    piece: VolumeSource, lanes: Sequence[_Lane], block_volumes: int
) -> Generator[int, None, None]:
    """Feed the blocks of a piece to its lanes; yields the volumes of each."""
    with closing(piece.blocks(block_volumes)) as blocks:
        for block in blocks:
            with np.errstate(invalid="ignore", over="ignore"):
                for lane in lanes:
                    lane.update(block)
            yield len(block.data)
