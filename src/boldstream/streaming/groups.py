"""Groups: the accumulators of a pass, by the preparation of the volumes that they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from boldstream.streaming.preparation import Preparation
from boldstream.streaming.reduction import Accumulator, Bound


@dataclass(frozen=True)
class Group:
    """Bound reductions that take the same prepared volumes.

    Attributes
    ----------
    preparation : Preparation or None
        None takes the volumes as stored.
    positions : list of int
        Of the bound reductions among all of the pass.
    accumulators : list of Accumulator
        The one that serves each of them; some serve several.
    """

    preparation: Preparation | None
    positions: list[int]
    accumulators: list[Accumulator[Any]]

    @property
    def distinct(self) -> list[Accumulator[Any]]:
        """Each accumulator once."""
        return list({id(accumulator): accumulator for accumulator in self.accumulators}.values())


def make_groups(bounds: Sequence[Bound[Any]]) -> list[Group]:
    """As few groups, and in each as few accumulators, as serve all bound reductions."""
    grouped: list[tuple[Preparation | None, list[int]]] = []
    for i, bound in enumerate(bounds):
        for preparation, positions in grouped:
            if preparation == bound.preparation:
                positions.append(i)
                break
        else:
            grouped.append((bound.preparation, [i]))
    return [
        Group(preparation, positions, _shared([bounds[i].accumulator for i in positions]))
        for preparation, positions in grouped
    ]


def _shared(accumulators: Sequence[Accumulator[Any]]) -> list[Accumulator[Any]]:
    """For each accumulator the one that serves it, as few as possible."""
    chosen = list(accumulators)
    for i, accumulator in enumerate(chosen):
        for other in chosen:
            if other is not accumulator and other.covers(accumulator):
                chosen[i] = accumulator = other
    return chosen
