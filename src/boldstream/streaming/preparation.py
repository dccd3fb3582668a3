"""What is done to every volume before it is reduced: resampling and smoothing.

A `Preparation` belongs to one series. Reductions with equal preparations
share the prepared blocks, so a volume is smoothed once however many masks
take voxels of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from boldstream.io.source import Block, Series
from boldstream.streaming.cost import Cost


class Preparation(ABC):
    """Turns the blocks of one series into blocks of another, volume by volume.

    Compared by value: equal ones prepare equal blocks from equal ones.

    Attributes
    ----------
    series : Series
        What the prepared blocks look like: their grid, and their type, float32
        or float64, unscaled.
    """

    series: Series

    @abstractmethod
    def cost(self) -> Cost:
        """Memory for preparing: what is loaded, and scratch, the prepared block included."""

    @abstractmethod
    def worker(self) -> Preparing:
        """Something that prepares blocks, one after another, in one thread."""

    def settle(self, workers: list[Preparing]) -> bool:
        """Whether what the workers gave out stands, now that all was read.

        If not, the pass is repeated with new workers, which know better.
        """
        return True


class Preparing(ABC):
    """Prepares blocks; owns the memory of the block that it gave out last."""

    @abstractmethod
    def prepare(self, block: Block) -> Block:
        """A block of the prepared series; the memory is used again for the next."""
