"""Many maps: in memory, or in a file that is written and read in parts."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import StorageError
from boldstream.memory.folders import reserve

Maps: TypeAlias = NDArray[np.float32]

# Columns of a file are gathered up to so many bytes: each of its rows takes one write then.
_GATHERED = 16 << 20


class MapsLike(Protocol):
    """Maps (n_maps, voxels) that are read in parts, always into memory of one's own."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def read(self, number: int) -> Maps:
        """One map (voxels,)."""

    def columns(self, start: int, stop: int) -> Maps:
        """Some voxels of all maps (n_maps, stop - start)."""


class MemoryMaps:
    """Maps in memory."""

    def __init__(self, values: Maps) -> None:
        self.values = values

    @property
    def shape(self) -> tuple[int, int]:
        n_maps, n_voxels = self.values.shape
        return n_maps, n_voxels

    def put(self, start: int, columns: Maps) -> None:
        self.values[:, start : start + columns.shape[1]] = columns

    def flush(self) -> None:
        """Nothing is held back."""

    def read(self, number: int) -> Maps:
        return np.array(self.values[number])

    def columns(self, start: int, stop: int) -> Maps:
        return np.array(self.values[:, start:stop], order="C")

    def close(self) -> None:
        """Nothing is open."""


class FileMaps:
    """Maps in an npy file: a row for each map, of which threads may put and read parts.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        Maps and voxels.
    offset : int, optional
        Bytes before the first value of a file that is only read; by default
        the file is made.

    Raises
    ------
    StorageError
        If there is no room for it.
    """

    def __init__(self, path: Path, shape: tuple[int, int], *, offset: int | None = None) -> None:
        self.shape = shape
        self._lock = Lock()
        self._waiting: list[tuple[int, Maps]] = []
        self._n_waiting = 0
        try:
            self._file = path.open("rb" if offset is not None else "w+b", buffering=0)
        except OSError as error:
            raise StorageError(f"{path} cannot be opened: {error.strerror}") from error
        # Also when the maps are forgotten without being closed.
        weakref.finalize(self, self._file.close)
        self._offset = self._make() if offset is None else offset

    def put(self, start: int, columns: Maps) -> None:
        with self._lock:
            self._waiting.append((start, columns))
            self._n_waiting += columns.nbytes
            if self._n_waiting >= _GATHERED:
                self._write()

    def flush(self) -> None:
        with self._lock:
            self._write()

    def read(self, number: int) -> Maps:
        out = np.empty(self.shape[1], np.float32)
        self._fill(out, number, 0)
        return out

    def columns(self, start: int, stop: int) -> Maps:
        out = np.empty((self.shape[0], stop - start), np.float32)
        for number, row in enumerate(out):
            self._fill(row, number, start)
        return out

    def close(self) -> None:
        self._file.close()

    def _make(self) -> int:
        header = {"descr": "<f4", "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        offset = self._file.tell()
        reserve(self._file.fileno(), offset + self.shape[0] * self.shape[1] * 4)
        return offset

    def _at(self, number: int, start: int) -> int:
        return self._offset + (number * self.shape[1] + start) * 4

    def _write(self) -> None:
        for start, parts in _runs(self._waiting):
            for number, row in enumerate(np.concatenate(parts, axis=1)):
                self._all_of(os.pwritev, row, self._at(number, start))
        self._waiting, self._n_waiting = [], 0

    def _fill(self, row: Maps, number: int, start: int) -> None:
        self._all_of(os.preadv, row, self._at(number, start))

    def _all_of(self, move: Callable[[int, list[Any], int], int], row: Maps, at: int) -> None:
        """Move all bytes of a row: the system may do it in parts."""
        left = row.data.cast("B")
        while len(left):
            try:
                n = move(self._file.fileno(), [left], at)
            except OSError as error:
                raise StorageError(f"{self._file.name}: {error.strerror}") from error
            if n == 0:
                raise StorageError(f"{self._file.name} is shorter than it was")
            left, at = left[n:], at + n


def _runs(parts: list[tuple[int, Maps]]) -> list[tuple[int, list[Maps]]]:
    """Parts that follow each other, together."""
    out: list[tuple[int, list[Maps]]] = []
    end = -1
    for start, part in sorted(parts, key=lambda item: item[0]):
        if start != end:
            out.append((start, []))
        out[-1][1].append(part)
        end = start + part.shape[1]
    return out
