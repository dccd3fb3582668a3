"""Reductions that write to the disk what passes.

They take its space when a pass begins and not before: in a tmpfs it is
memory, and has to be in the plan that was found to fit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.io.source import Block, Scaling, Series
from boldstream.kernels.gather import gather_rows, real_values
from boldstream.memory.store.npy import NpyFile
from boldstream.streaming.cost import Cost
from boldstream.streaming.reduction import Accumulator, Bound, Reduction

# So large a panel is written and read in few long runs, and is still small
# beside what a process holds anyway.
_PANEL_BYTES = 16 << 20
_FEWEST_VOLUMES, _MOST_VOLUMES = 8, 64
_TILE = 4096

Stretches = list[tuple[int, float, float]]


def panel_volumes(n_volumes: int, n_voxels: int, itemsize: int) -> int:
    """Volumes of a panel: as many as make 16 MiB, 8 at least and 64 at most."""
    fitting = _PANEL_BYTES // (n_voxels * itemsize)
    return min(n_volumes, max(_FEWEST_VOLUMES, min(_MOST_VOLUMES, fitting)))


@dataclass(eq=False)
class Panels:
    """The panel that is being filled, and the one before it that is being written.

    Attributes
    ----------
    volumes : range
        Of the series, that this state takes.
    rows, full : ndarray, shape (panel, voxels)
        Values, one volume a row: of the panel that is filled, and of the
        panel that was full last.
    filled : int
        Volumes taken so far.
    place : int
        Where in the file the full panel goes, in values.
    written : int
        Voxels of the full panel that are written.
    scalings : list of (int, float, float)
        Stretches of volumes as in the manifest.
    """

    volumes: range
    rows: NDArray[Any]
    full: NDArray[Any]
    filled: int = 0
    place: int = 0
    written: int = 0
    scalings: Stretches = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class WriteVoxels(Reduction):
    """Write the voxels of a mask in panels (n_panels, voxels, panel), and return their scalings.

    A panel holds so many volumes that it fits memory: voxels lie together in
    it, and yet the file is written from front to back.

    Parameters
    ----------
    file : NpyFile
        Of shape (n_panels, voxels, panel).
    rows : ndarray of int, shape (voxels,)
        Positions of the voxels in a flat volume.
    panel : int
        Volumes of a panel.
    held_bytes : int
        Memory that the file itself takes, where it lies in a tmpfs.
    """

    file: NpyFile
    rows: NDArray[np.intp]
    panel: int
    held_bytes: int = 0

    def bind(self, series: Series) -> Bound[Panels]:
        return Bound("the store's voxels", PanelWriter(self, series), lambda s: s.scalings, 0)


class PanelWriter(Accumulator[Panels]):
    """Fills panels, and writes each while the next is filled.

    States start at the first volume of a panel, so that two never share one.
    """

    def __init__(self, asked: WriteVoxels, series: Series) -> None:
        self._asked, self._series = asked, series
        # Small integers are kept as stored; their scaling goes to the manifest.
        self._keeps_stored = asked.file.dtype.kind in "iu"

    def cost(self) -> Cost:
        asked, size = self._asked, self._asked.file.dtype.itemsize
        panel = asked.panel * len(asked.rows) * size
        gathering = len(asked.rows) * (8 + self._series.dtype.itemsize)
        return Cost(
            state=2 * panel + asked.held_bytes,
            scratch=max(gathering, _TILE * asked.panel * size),
            loaded=asked.rows.nbytes,
        )

    def init(self, volumes: range) -> Panels:
        if volumes.start % self._asked.panel:
            raise ValueError(f"a state must start with a panel, got volume {volumes.start}")
        self._asked.file.allocate()
        shape, dtype = (self._asked.panel, len(self._asked.rows)), self._asked.file.dtype
        rows, full = np.empty(shape, dtype), np.empty(shape, dtype)
        return Panels(volumes, rows, full, written=len(self._asked.rows))

    def update(self, state: Panels, block: Block) -> None:
        scaling, applied = block.scaling, block.scaling
        if self._keeps_stored:
            _note(state.scalings, block.stop, scaling)
            applied = Scaling()
        taken = 0
        while taken < len(block.data):
            at = state.filled % self._asked.panel
            rows = state.rows[at : at + len(block.data) - taken]
            stored = block.data[taken : taken + len(rows)]
            gather_rows(rows, stored, self._asked.rows, applied.slope, applied.inter)
            taken += len(rows)
            state.filled += len(rows)
            # As much of the panel before as this is of its own, rounded up: it
            # is written in time, and no decode ever waits for a whole panel.
            share = -(-len(rows) * state.full.shape[1] // self._asked.panel)
            self._write(state, state.written + share)
            if at + len(rows) == self._asked.panel or state.filled == len(state.volumes):
                self._turn(state, at + len(rows))
        if state.filled == len(state.volumes):
            self._write(state, state.full.shape[1])

    def _turn(self, state: Panels, n_filled: int) -> None:
        """Make the filled panel the one to be written, after what is left of the other."""
        self._write(state, state.full.shape[1])
        state.rows[n_filled:] = 0
        index = (state.volumes.start + state.filled - 1) // self._asked.panel
        state.rows, state.full = state.full, state.rows
        state.place, state.written = index * state.full.size, 0

    def _write(self, state: Panels, stop: int) -> None:
        """Write the full panel up to this voxel, or a little further: whole tiles."""
        panel, n_voxels = state.full.shape
        if state.written == n_voxels:
            return
        while state.written < min(stop, n_voxels):
            part = state.full[:, state.written : state.written + _TILE]
            place = state.place + state.written * panel
            self._asked.file.write(place, np.ascontiguousarray(part.T))
            state.written += part.shape[1]
        if state.written == n_voxels:
            self._asked.file.write_back(state.place, state.full.size)

    def merge(self, first: Panels, second: Panels) -> Panels:
        volumes = range(first.volumes.start, second.volumes.stop)
        scalings = first.scalings + second.scalings
        filled = first.filled + second.filled
        rows, full, written = second.rows, second.full, second.written
        return Panels(volumes, rows, full, filled, second.place, written, scalings)


def _note(scalings: Stretches, stop: int, scaling: Scaling) -> None:
    """Add the scaling of the volumes up to `stop`; one that goes on is one stretch."""
    if scalings and scalings[-1][1:] == (scaling.slope, scaling.inter):
        scalings.pop()
    scalings.append((stop, scaling.slope, scaling.inter))


@dataclass(frozen=True, eq=False)
class WriteVolumes(Reduction):
    """Write whole volumes one after another, (x, y, z, t) in Fortran order.

    Parameters
    ----------
    file : NpyFile
    held_bytes : int
        Memory that the file itself takes, where it lies in a tmpfs.
    """

    file: NpyFile
    held_bytes: int = 0

    def bind(self, series: Series) -> Bound[None]:
        return Bound("the store's volumes", VolumeWriter(self, series), lambda s: [], 0)


class VolumeWriter(Accumulator[None]):
    """Writes every volume at its place; nothing is held."""

    def __init__(self, asked: WriteVolumes, series: Series) -> None:
        self._file, self._held, self._n_voxels = asked.file, asked.held_bytes, series.grid.n_voxels

    def cost(self) -> Cost:
        return Cost(self._held, scratch=self._n_voxels * (8 + self._file.dtype.itemsize))

    def init(self, volumes: range) -> None:
        self._file.allocate()

    def update(self, state: None, block: Block) -> None:
        dtype, scaling = self._file.dtype, block.scaling
        for t, stored in enumerate(block.data, block.start):
            values = real_values(stored, scaling.slope, scaling.inter)
            self._file.write(t * self._n_voxels, np.ascontiguousarray(values, dtype))
        self._file.write_back(block.start * self._n_voxels, len(block.data) * self._n_voxels)

    def merge(self, first: None, second: None) -> None:
        return None
