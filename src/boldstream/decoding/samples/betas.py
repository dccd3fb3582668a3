"""Samples that are kept one after another: arrays in memory, and betas in a file."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import CorruptImageError
from boldstream.core.freed import freeable
from boldstream.decoding.samples.base import (
    Closing,
    SamplesNanPolicy,
    usable_voxels,
    zero_nonfinite,
)
from boldstream.io.masks import Mask
from boldstream.io.translate import translated

# Samples are read and turned in pieces of this size.
_PIECE_BYTES = 1 << 20
# Columns that are turned together, so that what is filled stays in the cache.
_WINDOW = 4096
# Columns between two of them that are rather left out than read.
_GAP = 256


class SampleMajor(Closing, ABC):
    """Samples (samples, columns), some of whose columns are the voxels.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    mask : Mask or None
    columns : ndarray of int, shape (voxels,), optional
        Ascending; by default all.
    """

    usable: NDArray[np.bool_] | None = None

    def __init__(
        self,
        shape: tuple[int, int],
        dtype: np.dtype[Any],
        mask: Mask | None,
        columns: NDArray[np.intp] | None,
    ) -> None:
        self.mask, self.dtype = mask, dtype
        self.n_samples, self._n_columns = shape
        self._columns = np.arange(shape[1]) if columns is None else columns
        self.n_voxels = len(self._columns)
        self._finite = np.ones(self.n_voxels, np.bool_)
        # As read, and those of the voxels that are asked for.
        self.scratch_bytes = 2 * max(_PIECE_BYTES, shape[1] * dtype.itemsize)

    @abstractmethod
    def rows(self, samples: slice, columns: slice) -> NDArray[Any]:
        """Values (samples, columns), not to be written to."""

    def apply(
        self, nan_policy: SamplesNanPolicy, name: str, kept: NDArray[np.intp] | None = None
    ) -> None:
        """Look once at all samples, or those that are kept; find what the policy makes of them."""
        if self.dtype.kind == "f":
            asked = np.full(self.n_samples, kept is None)
            if kept is not None:
                asked[kept] = True
            span = _span(self._columns)
            inside = self._columns - span.start
            for some in self._pieces(span):
                if not asked[some].any():
                    continue
                # Too large for float32 is infinite, as everywhere.
                with np.errstate(over="ignore"):
                    values = self.rows(some, span).astype(np.float32, copy=False)
                self._finite &= np.isfinite(values[np.ix_(asked[some], inside)]).all(axis=0)
        self.usable = usable_voxels(self._finite, nan_policy, name)

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        out = freeable((len(rows), self.n_samples), np.float32)
        columns = self._columns[rows]
        with np.errstate(over="ignore"):
            for near in _windows(columns):
                span = _span(columns[near])
                inside = columns[near] - span.start
                for some in self._pieces(span):
                    out[near, some] = self.rows(some, span).take(inside, axis=1).T
        if self.usable is None:
            zero_nonfinite(out, self._finite[rows])
        return out

    def _pieces(self, span: slice) -> list[slice]:
        step = max(1, _PIECE_BYTES // ((span.stop - span.start) * self.dtype.itemsize))
        starts = range(0, self.n_samples, step)
        return [slice(start, min(start + step, self.n_samples)) for start in starts]


def _span(columns: NDArray[np.intp]) -> slice:
    return slice(int(columns[0]), int(columns[-1]) + 1)


def _windows(columns: NDArray[np.intp]) -> list[slice]:
    """Cut ascending columns where a gap is better left out, and into short parts."""
    far = np.diff(columns) > _GAP
    cuts = {*(np.flatnonzero(far) + 1).tolist(), *range(0, len(columns), _WINDOW), len(columns)}
    return [slice(a, b) for a, b in pairwise(sorted(cuts))]


class ArraySamples(SampleMajor):
    """An array (samples, columns) of the caller's, as it is."""

    def __init__(
        self,
        values: NDArray[Any],
        mask: Mask | None = None,
        columns: NDArray[np.intp] | None = None,
    ) -> None:
        super().__init__((values.shape[0], values.shape[1]), values.dtype, mask, columns)
        self._values = values

    def rows(self, samples: slice, columns: slice) -> NDArray[Any]:
        return self._values[samples, columns]


class FileSamples(SampleMajor):
    """An array (samples, columns) in a file, read into memory of our own piece by piece.

    The pages of a map would count as memory of this process; of the
    ``np.memmap`` that is given only its place in the file is taken.
    """

    def __init__(
        self,
        values: Any,
        mask: Mask | None = None,
        columns: NDArray[np.intp] | None = None,
    ) -> None:
        super().__init__((values.shape[0], values.shape[1]), values.dtype, mask, columns)
        self._path, self._offset = Path(os.fspath(values.filename or "")), values.offset
        with translated(self._path):
            self._file = self._path.open("rb", buffering=0)

    def rows(self, samples: slice, columns: slice) -> NDArray[Any]:
        shape = samples.stop - samples.start, columns.stop - columns.start
        values = np.empty(shape, self.dtype)
        for row, sample in zip(values, range(samples.start, samples.stop), strict=True):
            self._fill(row, sample * self._n_columns + columns.start)
        return values

    def _fill(self, row: NDArray[Any], first: int) -> None:
        """Read contiguous values; `first` counts values from the first of the array."""
        left = memoryview(row.view(np.uint8).data)
        position = self._offset + first * self.dtype.itemsize
        while left:
            with translated(self._path):
                n = os.preadv(self._file.fileno(), [left], position)
            if not n:
                raise CorruptImageError(f"{self._path} is truncated: it was longer when opened")
            position, left = position + n, left[n:]

    def close(self) -> None:
        self._file.close()
