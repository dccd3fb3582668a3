"""Maps of all subjects, to be read again some voxels at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.inference.stores import FileMaps, MemoryMaps
from boldstream.memory.folders import find_folder
from boldstream.memory.temporary import TemporaryFolder

_FILE = "tiles.npy"


@dataclass(frozen=True, eq=False)
class Tiles:
    """Values (subjects, voxels) as tiles of some voxels of all subjects.

    Attributes
    ----------
    store : MemoryMaps or FileMaps, shape (tiles, subjects * width)
        Each row a tile: subject after subject.
    n_subjects, n_voxels : int
    width : int
        Voxels of a tile; the last one is filled up with zeros.
    """

    store: MemoryMaps | FileMaps
    n_subjects: int
    n_voxels: int
    width: int

    def __len__(self) -> int:
        return -(-self.n_voxels // self.width)

    def put(self, subject: int, values: NDArray[np.float32]) -> None:
        """Keep the map (voxels,) of a subject."""
        padded = np.zeros((len(self), self.width), np.float32)
        padded.reshape(-1)[: self.n_voxels] = values
        self.store.put(subject * self.width, padded)

    def read(self, number: int) -> tuple[int, NDArray[np.float32]]:
        """The first voxel of a tile, and its values (subjects, voxels)."""
        start = number * self.width
        values = self.store.read(number).reshape(self.n_subjects, self.width)
        return start, values[:, : self.n_voxels - start]


@contextmanager
def open_tiles(n_subjects: int, n_voxels: int, width: int, *, memory_bytes: int) -> Iterator[Tiles]:
    """Room for the maps of all subjects, in memory or in a temporary file.

    Parameters
    ----------
    n_subjects, n_voxels, width : int
    memory_bytes : int
        What they may take of memory.

    Raises
    ------
    StorageError
        If there is no room on the disk.
    """
    shape = (-(-n_voxels // width), n_subjects * width)
    if math.prod(shape) * 4 <= memory_bytes:
        yield Tiles(MemoryMaps(np.empty(shape, np.float32)), n_subjects, n_voxels, width)
        return
    folder = TemporaryFolder(find_folder().path)
    try:
        store = FileMaps(folder.path / _FILE, shape)
        try:
            yield Tiles(store, n_subjects, n_voxels, width)
        finally:
            store.close()
    finally:
        folder.close()
