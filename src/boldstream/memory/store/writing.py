"""Reductions that write to the disk what passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.io.source import Block, Scaling, Series
from boldstream.kernels.gather import gather_rows, scale_into
from boldstream.memory.store.npy import NpyFile
from boldstream.streaming.reduction import Accumulator, Bound, Cost, Reduction

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
class Panel:
    """The panel that is being filled.

    Attributes
    ----------
    volumes : range
        Of the series, that this state takes.
    rows : ndarray, shape (panel, voxels)
        Values, one volume a row.
    filled : int
        Volumes taken so far.
    scalings : list of (int, float, float)
        Stretches of volumes as in the manifest.
    """

    volumes: range
    rows: NDArray[Any]
    filled: int = 0
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

    def bind(self, series: Series) -> Bound[Panel]:
        return Bound("the store's voxels", PanelWriter(self, series), lambda s: s.scalings, 0)


class PanelWriter(Accumulator[Panel]):
    """Fills panels and writes each when it is full.

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
            state=panel + asked.held_bytes,
            scratch=max(gathering, _TILE * asked.panel * size),
            loaded=asked.rows.nbytes,
        )

    def init(self, volumes: range) -> Panel:
        if volumes.start % self._asked.panel:
            raise ValueError(f"a state must start with a panel, got volume {volumes.start}")
        shape = self._asked.panel, len(self._asked.rows)
        return Panel(volumes, np.empty(shape, self._asked.file.dtype))

    def update(self, state: Panel, block: Block) -> None:
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
            if at + len(rows) == self._asked.panel or state.filled == len(state.volumes):
                self._write(state, at + len(rows))

    def _write(self, state: Panel, n_filled: int) -> None:
        state.rows[n_filled:] = 0
        panel, n_voxels = state.rows.shape
        index = (state.volumes.start + state.filled - 1) // panel
        first = index * state.rows.size
        for start in range(0, n_voxels, _TILE):
            tile = np.ascontiguousarray(state.rows[:, start : start + _TILE].T)
            self._asked.file.write(first + start * panel, tile)
        self._asked.file.write_back(first, state.rows.size)

    def merge(self, first: Panel, second: Panel) -> Panel:
        volumes = range(first.volumes.start, second.volumes.stop)
        scalings = first.scalings + second.scalings
        return Panel(volumes, second.rows, first.filled + second.filled, scalings)


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
        return None

    def update(self, state: None, block: Block) -> None:
        dtype, scaling = self._file.dtype, block.scaling
        for t, stored in enumerate(block.data, block.start):
            values = stored
            if not scaling.is_identity:
                values = scale_into(np.empty(self._n_voxels), stored, scaling.slope, scaling.inter)
            self._file.write(t * self._n_voxels, np.ascontiguousarray(values, dtype))
        self._file.write_back(block.start * self._n_voxels, len(block.data) * self._n_voxels)

    def merge(self, first: None, second: None) -> None:
        return None
