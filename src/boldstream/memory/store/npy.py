"""Write one large ``.npy`` file piece by piece, in little memory."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.memory.folders import reserve


class NpyFile:
    """A ``.npy`` file whose values come piece by piece, once the disk space for all is taken.

    Parameters
    ----------
    path : Path
        Must not exist.
    shape : tuple of int
    dtype : numpy.dtype
    fortran_order : bool
        Whether the first axis is the one that lies together.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], *, fortran_order: bool
    ) -> None:
        header = npy_header(shape, dtype, fortran_order=fortran_order)
        self.path, self.dtype = path, dtype
        self._header, self._start = header, len(header)
        self.n_bytes = self._start + math.prod(shape) * dtype.itemsize
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)

    def allocate(self) -> None:
        """Take the disk space of all values, before the first is written.

        Raises
        ------
        StorageError
            If there is not enough.
        """
        reserve(self._descriptor, self.n_bytes)
        os.pwrite(self._descriptor, self._header, 0)

    def write(self, first: int, values: NDArray[Any]) -> None:
        """Write contiguous values; `first` counts values, not bytes, from the first of the file."""
        position = self._start + first * self.dtype.itemsize
        left = memoryview(values.reshape(-1).view(np.uint8).data)
        while left:
            written = os.pwrite(self._descriptor, left, position)
            position, left = position + written, left[written:]

    def write_back(self, first: int, n_values: int) -> None:
        """Have the disk begin with what was just written, so that little is left for the end."""
        # Meant for dropping pages: those that are not on the disk yet are
        # sent there, and stay in memory for the first reader.
        position, size = self._start + first * self.dtype.itemsize, n_values * self.dtype.itemsize
        os.posix_fadvise(self._descriptor, position, size, os.POSIX_FADV_DONTNEED)

    def sync(self) -> None:
        """Wait until all is on the disk."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any], *, fortran_order: bool) -> bytes:
    """Everything before the values of a ``.npy`` file."""
    described = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": fortran_order,
        "shape": shape,
    }
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()
