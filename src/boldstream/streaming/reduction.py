"""Reductions: what one pass over the volumes can compute.

A `Reduction` is what a user writes down: ``Labels("atlas.nii.gz")``. Bound to
a series it becomes a `Bound`: an `Accumulator`, which sees every block once,
and a function that makes the result of what was accumulated. Reductions whose
accumulators are equal, or cover one another, share one (mean, standard
deviation and tSNR need the same two sums).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from boldstream.io.source import Block, Series

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Cost:
    """Memory in bytes that an accumulator needs.

    Attributes
    ----------
    state : int
        Held from the first block to the last, beside what binding loaded.
    scratch : int
        Held during one update, whatever the size of the block.
    scratch_per_volume : int
        Held during one update for each volume of the block.
    loaded : int
        Held since binding (indices, maps): the process holds it already when
        the plan is made.
    """

    state: int
    scratch: int = 0
    scratch_per_volume: int = 0
    loaded: int = 0


class Accumulator(ABC, Generic[State]):
    """A streaming statistic: ``init``, ``update`` with each block, ``merge`` of two parts.

    What comes out must not depend on the size of the blocks, nor on how the
    volumes were split between states that are merged.
    """

    @abstractmethod
    def cost(self) -> Cost:
        """Memory for the whole series."""

    @abstractmethod
    def init(self, volumes: range) -> State:
        """An empty state for these volumes of the series."""

    @abstractmethod
    def update(self, state: State, block: Block) -> None:
        """Add a block; blocks of one state come in order."""

    @abstractmethod
    def merge(self, first: State, second: State) -> State:
        """The state of two adjoining ranges of volumes, `first` before `second`."""

    def covers(self, other: Accumulator[Any]) -> bool:
        """Whether this state serves a reduction that wants `other`."""
        return self == other


@dataclass(frozen=True)
class Bound(Generic[State]):
    """A reduction for one series: what to accumulate, and what to make of it."""

    label: str
    accumulator: Accumulator[State]
    finalize: Callable[[State], Any]
    result_bytes: int


class Reduction(ABC):
    """What a user asks of a pass. Subclasses are frozen dataclasses."""

    @abstractmethod
    def bind(self, series: Series) -> Bound[Any]:
        """Load masks and the like, check them against the series, and say what it costs."""
