"""Real, small preparations for the tests of the pass."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import boldstream as bs
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming.cost import Cost
from boldstream.streaming.preparation import Preparation, Preparing
from boldstream.streaming.reduction import Bound


@dataclass
class Notes:
    """What workers note about themselves."""

    prepared: int = 0
    workers: int = 0


@dataclass(frozen=True)
class Times(Preparation):
    """Multiplies by a factor, into a buffer that is used again; it may take its time."""

    series: Series = field(compare=False)
    factor: float
    notes: Notes = field(compare=False)
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"times {self.factor:g}"

    def cost(self) -> Cost:
        return Cost(0, scratch_per_volume=self.series.volume_bytes)

    def worker(self) -> Preparing:
        self.notes.workers += 1
        return TimesWorker(self)


class TimesWorker(Preparing):
    def __init__(self, asked: Times) -> None:
        self._asked = asked
        self._buffer: NDArray[Any] = np.empty((0, asked.series.grid.n_voxels), np.float32)

    def prepare(self, block: Block) -> Block:
        self._asked.notes.prepared += 1
        time.sleep(self._asked.seconds)
        return filled(self, block, self._asked.factor)


def filled(worker: Any, block: Block, factor: float) -> Block:
    """The block times a factor, in the worker's own memory."""
    if len(worker._buffer) < len(block.data):
        worker._buffer = np.empty(block.data.shape, np.float32)
    out = worker._buffer[: len(block.data)]
    np.multiply(block.data, factor * block.scaling.slope, out=out, casting="unsafe")
    out += factor * block.scaling.inter
    return Block(out, block.start, Scaling(), block.run)


class ByLargest(Preparation):
    """Divides by the largest value of all volumes, which one pass has to find first."""

    def __init__(self, series: Series, *, stubborn: bool = False) -> None:
        self.series, self.largest, self.stubborn = series, 1.0, stubborn
        self.passes = 0

    def cost(self) -> Cost:
        return Cost(0, scratch_per_volume=self.series.volume_bytes)

    def worker(self) -> Preparing:
        return ByLargestWorker(self)

    def settle(self, workers: list[Any]) -> bool:
        self.passes += 1
        found = max(worker.seen for worker in workers)
        settled = found == self.largest and not self.stubborn
        self.largest = found
        return settled


class ByLargestWorker(Preparing):
    def __init__(self, asked: ByLargest) -> None:
        self._asked, self.seen = asked, 0.0
        self._buffer: NDArray[Any] = np.empty((0, asked.series.grid.n_voxels), np.float32)

    def prepare(self, block: Block) -> Block:
        self.seen = max(self.seen, float(block.data.max()))
        return filled(self, block, 1 / self._asked.largest)


@dataclass(frozen=True, eq=False)
class Scaled(bs.Reduction):
    """A reduction of volumes that are multiplied first."""

    inner: bs.Reduction
    factor: float
    notes: Notes = field(default_factory=Notes)
    seconds: float = 0.0

    def bind(self, series: Series) -> Bound[Any]:
        ready = Times(as_float32(series), self.factor, self.notes, self.seconds)
        return dataclasses.replace(self.inner.bind(ready.series), preparation=ready)


def as_float32(series: Series) -> Series:
    """The series with its volumes in float32."""
    return dataclasses.replace(series, dtype=np.dtype(np.float32))
