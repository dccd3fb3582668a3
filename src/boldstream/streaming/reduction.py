"""Reductions: what one pass over the volumes can compute.

A `Reduction` is what a user writes down: ``Labels("atlas.nii.gz")``. Bound to
a series it becomes a `Bound`: an `Accumulator`, which sees every block once,
and a function that makes the result of what was accumulated. Reductions whose
accumulators are equal, or cover one another, share one (mean, standard
deviation and tSNR need the same two sums).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from boldstream.io.source import Block, Series
from boldstream.streaming.cost import Cost
from boldstream.streaming.preparation import Preparation

State = TypeVar("State")


class Accumulator(ABC, Generic[State]):
    """A streaming statistic: ``init``, ``update`` with each block, ``merge`` of two parts.

    What comes out must not depend on the size of the blocks, nor on how the
    volumes were split between states that are merged.

    Attributes
    ----------
    multiplies : bool
        Whether it makes products of matrices, which are kept to its thread.
    """

    multiplies: bool = False

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

    def fork(self, state: State, ranges: Sequence[range]) -> list[State]:
        """Empty parts of an empty state, to be filled side by side, one for each range.

        The ranges adjoin, and are all of the state's volumes.
        """
        return [self.init(volumes) for volumes in ranges]

    def join(self, state: State, parts: list[State]) -> State:
        """The state that was forked, full now that its parts are; they are taken off the list."""
        merged = parts.pop(0)
        while parts:
            # Let go of each at once: two states and what they make are held, no more.
            merged = self.merge(merged, parts.pop(0))
        return merged

    def fork_bytes(self, n: int) -> int:
        """Memory of `n` parts beside the state that they are parts of."""
        return n * self.cost().state

    def covers(self, other: Accumulator[Any]) -> bool:
        """Whether this state serves a reduction that wants `other`."""
        return self == other


@dataclass(frozen=True)
class Bound(Generic[State]):
    """A reduction for one series: what to accumulate, and what to make of it.

    With a `preparation` the accumulator takes the prepared blocks, and was
    made for the prepared series.
    """

    label: str
    accumulator: Accumulator[State]
    finalize: Callable[[State], Any]
    result_bytes: int
    preparation: Preparation | None = None


class Reduction(ABC):
    """What a user asks of a pass. Subclasses are frozen dataclasses."""

    @abstractmethod
    def bind(self, series: Series) -> Bound[Any]:
        """Load masks and the like, check them against the series, and say what it costs.

        Parameters
        ----------
        series : Series
            What is known of the image before it is read.
        """
