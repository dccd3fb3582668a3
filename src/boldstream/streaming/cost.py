"""What an accumulator, or the preparation of its volumes, costs in memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Memory in bytes that an accumulator or a preparation needs.

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
    block : int
        Size of a block below which the work for each block weighs; 0 where
        that of any block will do.
    """

    state: int
    scratch: int = 0
    scratch_per_volume: int = 0
    loaded: int = 0
    block: int = 0
