"""`StoredVoxels`: voxels of an image that were stored, to be read again and again."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import MaskError, ParameterError, StorageError
from boldstream.core.freed import freeable
from boldstream.core.grid import Grid
from boldstream.io.masks import MaskLike, load_mask
from boldstream.memory.store.entries import VOXELS, OpenEntry, require_entry

# Voxels worked on at once: their values of one panel stay in the processor's cache.
_TILE = 1024
# Values of one panel that are read together: 256 KiB once they are float64.
_WINDOW_VALUES = 1 << 15


class StoredVoxels:
    """Voxels of an image in a store; made by `Store.voxels`.

    What is read is the caller's own and stays valid. Open, it keeps its entry
    from being removed. It is pickled by its path: a worker opens the entry
    again and shares its pages.

    Attributes
    ----------
    path : Path
        Folder of the entry.
    grid : Grid
        Of the image.
    n_volumes : int
    run_lengths : tuple of int
        Volumes of each run.
    voxels : ndarray of int, shape (voxels,)
        Positions in ``volume.ravel()``, ascending: the order of ``data[mask]``.
    """

    def __init__(self, entry: OpenEntry) -> None:
        manifest = entry.manifest
        self.path = entry.path
        self.grid: Grid = manifest.grid
        self.n_volumes, self.run_lengths = manifest.n_volumes, manifest.run_lengths
        self.voxels: NDArray[np.intp] = _load_voxels(entry)
        self._shape, self._dtype = manifest.shape, np.dtype(manifest.dtype)
        self._start = len(manifest.header)
        self._slope, self._inter = _spread(manifest.scalings, self.n_volumes)
        self._lock = entry.lock

    def read(
        self, mask_or_columns: MaskLike | NDArray[np.integer[Any]] | None = None
    ) -> NDArray[np.float32]:
        """Time courses of all voxels, or of some.

        Parameters
        ----------
        mask_or_columns : mask, ndarray of int or None
            A mask on the grid of the image whose voxels are all stored, or
            positions among `voxels`.

        Returns
        -------
        ndarray, shape (volumes, voxels), float32

        Raises
        ------
        MaskError
            If the mask holds voxels that are not stored.
        ParameterError
            If positions lie outside `voxels`.
        StorageError
            If this is closed.
        """
        columns = self._columns(mask_or_columns)
        out = np.empty((self.n_volumes, len(columns)), np.float32)
        panel = self._shape[2]
        for index in range(self._shape[0]):
            span = slice(index * panel, min((index + 1) * panel, self.n_volumes))
            values = self._map_panel(index)
            for start in range(0, len(columns), _TILE):
                tile = slice(start, start + _TILE)
                some = values.take(columns[tile], axis=0, mode="clip")
                self._scale(out[span, tile], some.T[: span.stop - span.start], span)
        return out

    def read_rows(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Time courses of some voxels, those of a voxel together.

        Nothing is mapped: memory is that of the result and less than 1 MiB.

        Parameters
        ----------
        rows : ndarray of int
            Positions among `voxels`, ascending.

        Returns
        -------
        ndarray, shape (len(rows), volumes), float32

        Raises
        ------
        ParameterError
            If positions lie outside `voxels`, or do not ascend.
        StorageError
            If this is closed.
        """
        rows = _positions("rows", rows, len(self.voxels))
        if (np.diff(rows) <= 0).any():
            raise ParameterError("`rows` must ascend, got positions that do not")
        out = freeable((len(rows), self.n_volumes), np.float32)
        # Window by window: what is filled stays in the cache from panel to panel.
        for some in self._windows(rows):
            first, last = int(rows[some.start]), int(rows[some.stop - 1])
            inside = rows[some] - first
            for index, span in self._spans():
                values = self._read_panel(index, first, last + 1)[:, : span.stop - span.start]
                self._scale(out[some, span].T, values.take(inside, axis=0).T, span)
        return out

    def find_finite(self, volumes: NDArray[np.integer[Any]] | None = None) -> NDArray[np.bool_]:
        """Which voxels hold no NaN and no infinity; reads them once.

        Parameters
        ----------
        volumes : ndarray of int, optional
            Where to look; by default in all.

        Returns
        -------
        ndarray of bool, shape (voxels,)

        Raises
        ------
        ParameterError
            If there is no such volume.
        StorageError
            If this is closed.
        """
        every = np.arange(len(self.voxels))
        finite = np.ones(len(every), np.bool_)
        asked = np.full(self.n_volumes, volumes is None)
        if volumes is not None:
            asked[_positions("volumes", volumes, self.n_volumes)] = True
        # Integers are finite.
        for index, span in self._spans() if self._dtype.kind == "f" else ():
            columns = np.flatnonzero(asked[span])
            for some in self._windows(every) if len(columns) else ():
                values = self._read_panel(index, some.start, some.stop).take(columns, axis=1)
                finite[some] &= np.isfinite(values).all(axis=1)
        return finite

    def read_volume(self, t: int) -> NDArray[np.float32]:
        """All voxels of one volume.

        Parameters
        ----------
        t : int
            From 0; negative numbers count from the end.

        Returns
        -------
        ndarray, shape (voxels,), float32

        Raises
        ------
        ParameterError
            If there is no such volume.
        StorageError
            If this is closed.
        """
        t = integer_in("t", t, -self.n_volumes, self.n_volumes - 1) % self.n_volumes
        index, column = divmod(t, self._shape[2])
        out = np.empty((1, len(self.voxels)), np.float32)
        self._scale(out, self._map_panel(index)[None, :, column], slice(t, t + 1))
        return np.asarray(out[0])

    def close(self) -> None:
        """Let go of the entry."""
        self._lock.close()

    def _map_panel(self, index: int) -> NDArray[Any]:
        """The values (voxels, panel) of one panel.

        Mapped by itself: its pages, which count as memory of this process,
        go with the last reference to it.
        """
        # Looked at once, as another thread may close this: -1 would map zeros.
        descriptor = self._lock.descriptor
        if descriptor < 0:
            raise StorageError(f"{self.path} is closed; open it again to read")
        _, n_voxels, panel = self._shape
        count = n_voxels * panel
        start = self._start + index * count * self._dtype.itemsize
        lead = start % mmap.ALLOCATIONGRANULARITY
        size = lead + count * self._dtype.itemsize
        try:
            pages = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ, offset=start - lead)
        except (OSError, ValueError) as error:
            # A file that is too short by now is a ValueError.
            raise StorageError(f"{self.path} cannot be mapped: {error}") from error
        return np.frombuffer(pages, self._dtype, count, lead).reshape(n_voxels, panel)

    def _spans(self) -> Iterator[tuple[int, slice]]:
        """The number of each panel, and its volumes."""
        n_panels, _, panel = self._shape
        for index in range(n_panels):
            yield index, slice(index * panel, min((index + 1) * panel, self.n_volumes))

    def _windows(self, rows: NDArray[np.intp]) -> list[slice]:
        """Cut ascending rows into parts that lie near each other in a panel."""
        window = max(1, _WINDOW_VALUES // self._shape[2])
        cuts = np.flatnonzero(np.diff(rows // window)) + 1
        ends = [0, *cuts.tolist(), len(rows)]
        return [slice(a, b) for a, b in pairwise(ends) if b > a]

    def _read_panel(self, index: int, start: int, stop: int) -> NDArray[Any]:
        """Some voxels of one panel (voxels, panel), in memory of our own."""
        descriptor = self._lock.descriptor
        if descriptor < 0:
            raise StorageError(f"{self.path} is closed; open it again to read")
        _, n_voxels, panel = self._shape
        values = np.empty((stop - start, panel), self._dtype)
        left = memoryview(values.reshape(-1).view(np.uint8).data)
        position = self._start + (index * n_voxels + start) * panel * self._dtype.itemsize
        while left:
            try:
                n = os.preadv(descriptor, [left], position)
            except OSError as error:
                raise StorageError(f"{self.path} cannot be read: {error.strerror}") from error
            if not n:
                raise StorageError(f"{self.path} was cut short; make it again")
            position, left = position + n, left[n:]
        return values

    def _scale(self, out: NDArray[np.float32], stored: NDArray[Any], span: slice) -> None:
        """Real values of stored ones, both (volumes, voxels)."""
        slope, inter = self._slope[span, None], self._inter[span, None]
        if (slope == 1).all() and (inter == 0).all():
            out[...] = stored
        else:
            # In float64 and rounded once, as every pass over the file does it.
            out[...] = stored * slope + inter

    def _columns(self, asked: Any) -> NDArray[np.intp]:
        if asked is None:
            return np.arange(len(self.voxels))
        if isinstance(asked, np.ndarray) and asked.ndim == 1:
            return _positions("columns", asked, len(self.voxels))
        wanted = np.flatnonzero(load_mask(asked, self.grid).array)
        columns = np.searchsorted(self.voxels, wanted)
        inside = self.voxels.take(columns, mode="clip") == wanted
        if not inside.all():
            raise MaskError(
                f"`mask` must lie inside the mask that was stored; {(~inside).sum()} of its "
                f"{len(wanted)} voxels are not in {self.path}"
            )
        return columns

    def __enter__(self) -> StoredVoxels:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return open_voxels, (self.path,)

    def __repr__(self) -> str:
        state = "" if self._lock.held else ", closed"
        return f"StoredVoxels({self.n_volumes} × {len(self.voxels)} in {self.path}{state})"


def open_voxels(path: Path) -> StoredVoxels:
    """Open an entry again, in another process perhaps.

    Raises
    ------
    StorageError
        If it was removed.
    """
    return StoredVoxels(require_entry(path))


def _positions(name: str, given: NDArray[Any], n: int) -> NDArray[np.intp]:
    """Positions among `n` of something, checked."""
    if given.dtype.kind not in "iu":
        raise ParameterError(f"`{name}` must be integers, got an array of {given.dtype}")
    if len(given) and not (given.min() >= 0 and given.max() < n):
        raise ParameterError(
            f"`{name}` must lie from 0 to {n - 1}, got {given.min()} to {given.max()}"
        )
    return given.astype(np.intp, copy=False)


def _load_voxels(entry: OpenEntry) -> NDArray[np.intp]:
    try:
        return np.asarray(np.load(entry.path / VOXELS))
    except (OSError, ValueError) as error:
        # Whoever clears the store of what is in use removes it after it was opened, too.
        entry.lock.close()
        raise StorageError(f"{entry.path} was removed or damaged; make it again") from error


def _spread(
    scalings: tuple[tuple[int, float, float], ...], n_volumes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope and intercept of each volume."""
    slope, inter = np.ones(n_volumes), np.zeros(n_volumes)
    start = 0
    for stop, a, b in scalings:
        slope[start:stop], inter[start:stop] = a, b
        start = stop
    return slope, inter
