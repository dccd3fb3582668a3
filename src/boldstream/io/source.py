"""What every kind of image looks like to the engine: a source of blocks of volumes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.grid import Grid


@dataclass(frozen=True, slots=True)
class Scaling:
    """Stored values to real ones: ``real = stored * slope + inter``."""

    slope: float = 1.0
    inter: float = 0.0

    @property
    def is_identity(self) -> bool:
        return self.slope == 1.0 and self.inter == 0.0


@dataclass(frozen=True, slots=True)
class Block:
    """Whole volumes, as stored.

    Attributes
    ----------
    data : ndarray, shape (volumes, voxels)
        Stored values, one volume a row, voxels in Fortran order. The memory
        belongs to the source and is used again for a later block: a consumer
        copies what it keeps.
    start : int
        Index of the first volume in the series.
    scaling : Scaling
        Makes real values of the stored ones.
    run : int
        Index of the run that the volumes belong to; a block never spans two.
    """

    data: NDArray[Any]
    start: int
    scaling: Scaling
    run: int

    @property
    def stop(self) -> int:
        """One past the index of the last volume."""
        return self.start + len(self.data)


@dataclass(frozen=True, slots=True)
class Read:
    """One file (or array) that a pass reads, how often, and by what means."""

    name: str
    stored_bytes: int
    how: str
    times: int = 1

    def __str__(self) -> str:
        return f"{self.name}: {self.how}"


@dataclass(frozen=True)
class Series:
    """What is known of an image before its data are read.

    Attributes
    ----------
    name : str
        The file's path, or what to call an image that has none.
    grid : Grid
    n_volumes : int
        Over all runs.
    dtype : numpy.dtype
        As stored; where files of a list differ, the one with the most bytes.
    tr : float or None
        Repetition time in seconds, as the header says.
    run_lengths : tuple of int
        Volumes of each run; they sum to `n_volumes`.
    """

    name: str
    grid: Grid
    n_volumes: int
    dtype: np.dtype[Any]
    tr: float | None
    run_lengths: tuple[int, ...]

    @property
    def volume_bytes(self) -> int:
        """Bytes of one volume as stored."""
        return self.grid.n_voxels * self.dtype.itemsize


class VolumeSource(ABC):
    """An image, or a list of images, that can be read once from its start to its end.

    Attributes
    ----------
    series : Series
        Of all volumes, also where this is one piece of what `split` made.
    inside : ndarray of bool, shape (x, y, z), or None
        Voxels that were kept, where all others are 0 for want of data; None
        if all were.
    """

    series: Series
    inside: NDArray[np.bool_] | None = None

    @property
    def volumes(self) -> range:
        """The volumes of the series that are read."""
        return range(self.series.n_volumes)

    def split(self, n: int) -> Sequence[VolumeSource]:
        """Up to `n` sources that can be read side by side, one after another this one.

        What cannot be cut is one piece.
        """
        return [self]

    @property
    @abstractmethod
    def reads(self) -> tuple[Read, ...]:
        """What one pass reads."""

    @abstractmethod
    def buffer_bytes(self, block_volumes: int) -> int:
        """Most memory that a pass in blocks of this many volumes holds, its blocks included."""

    @abstractmethod
    def blocks(self, block_volumes: int) -> Generator[Block, None, None]:
        """Read all volumes in order, `block_volumes` or fewer at a time.

        The iterator ends only after the file was read to its end and found
        whole; a result made before that must not be given out. Closing it
        early releases threads, files and buffers.
        """
