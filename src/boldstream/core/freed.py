"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Not shared with other processes: such pages would count as files in /dev/shm.
_PRIVATE: dict[str, Any] = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}

# Elsewhere such pages may stay, so nothing is to be planned on their going.
FREES_ROWS = sys.platform == "linux"


def return_freed() -> None:
    """Hand freed memory back to the system now.

    glibc keeps an arena for every thread that allocates, and in each what was
    freed last: tens of MiB that nobody plans for once threads come and go.
    Other libraries have no such function, and less of a need for it.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def freeable(shape: tuple[int, int], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros whose memory goes back to the system as soon as nobody holds it.

    What is allocated and freed over and over in sizes below 32 MiB otherwise
    ends on glibc's heap, once for every thread, and stays there in part.

    Examples
    --------
    >>> freeable((2, 3), np.float32).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    count = math.prod(shape)
    memory = mmap.mmap(-1, max(1, count * np.dtype(dtype).itemsize), **_PRIVATE)
    return np.frombuffer(memory, dtype, count).reshape(shape)


class RowsToFree:
    """An array of zeros whose first rows can be given back while the others are in use.

    Parameters
    ----------
    shape : tuple of int
        Of float64 values.

    Attributes
    ----------
    values : ndarray of float64

    Examples
    --------
    >>> rows = RowsToFree((3, 100_000))
    >>> rows.values[2] = 7.0
    >>> rows.free(2)
    >>> rows.values[2].mean()
    np.float64(7.0)
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        # numpy's own memory cannot be handed back in parts.
        self._memory = mmap.mmap(-1, max(1, shape[0] * shape[1] * 8), **_PRIVATE)
        self.values: NDArray[np.float64] = np.frombuffer(
            self._memory, np.float64, shape[0] * shape[1]
        ).reshape(shape)
        self._freed = 0

    def free(self, stop: int) -> None:
        """Give the pages of the rows before `stop` back, where the system takes them.

        What the rows held is gone.
        """
        whole = stop * self.values.strides[0] // mmap.PAGESIZE * mmap.PAGESIZE
        if whole > self._freed and FREES_ROWS:
            self._memory.madvise(mmap.MADV_DONTNEED, self._freed, whole - self._freed)
            self._freed = whole
