"""Betas of trials as a source of volumes, 0 outside their mask."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from boldstream.core.errors import CorruptImageError
from boldstream.io.betas import Betas, BetasFolder, betas_folder_of, open_betas_folder
from boldstream.io.opening import open_image
from boldstream.io.parts import JoinedSource
from boldstream.io.source import Block, Read, Scaling, Series, VolumeSource
from boldstream.io.translate import translated


def open_volumes(x: Any) -> VolumeSource:
    """Open images as `open_image` does, and betas of trials in each of their forms.

    Parameters
    ----------
    x : path, nibabel image, list of either, folder of betas, `Betas` or VolumeSource

    Returns
    -------
    VolumeSource
        Of betas in Python or in a folder it knows the voxels that have any.

    Raises
    ------
    ImageFileError, TableError, CorruptImageError
        As for `open_betas_folder`, and all that `open_image` raises.
    """
    folder = betas_folder_of(x)
    if folder is not None:
        return BetasSource(open_betas_folder(folder))
    if not isinstance(x, Betas):
        return open_image(x)
    source = open_image(x.held_in)
    assert isinstance(source, JoinedSource)  # as any image is
    return replace(source, inside=x.mask)


class BetasSource(VolumeSource):
    """Volumes of a folder that `boldstream.trial_betas` wrote, one for each trial.

    Read into memory of our own: the pages of a map would count as memory of
    this process.

    Parameters
    ----------
    folder : BetasFolder
    """

    def __init__(self, folder: BetasFolder) -> None:
        values: Any = folder.values
        self._path, self._offset = Path(os.fspath(values.filename)), int(values.offset)
        self._n_columns = int(values.shape[1])
        self.inside = folder.mask.array
        self._rows = folder.mask.grid.rows_of(folder.mask.array)
        self.series = Series(
            name=str(folder.path),
            grid=folder.mask.grid,
            n_volumes=len(values),
            dtype=values.dtype,
            tr=None,
            run_lengths=(len(values),),
        )

    @property
    def reads(self) -> tuple[Read, ...]:
        n_bytes = self.series.n_volumes * self._n_columns * self.series.dtype.itemsize
        return (Read(str(self._path), n_bytes, "read in pieces"),)

    def buffer_bytes(self, block_volumes: int) -> int:
        of_betas = self._n_columns * self.series.dtype.itemsize
        return block_volumes * (self.series.volume_bytes + of_betas)

    def blocks(self, block_volumes: int) -> Generator[Block, None, None]:
        n, dtype = self.series.n_volumes, self.series.dtype
        most = min(block_volumes, n)
        volumes = np.zeros((most, self.series.grid.n_voxels), dtype)
        betas = np.empty((most, self._n_columns), dtype)
        with translated(self._path):
            file = self._path.open("rb")
        with file:
            file.seek(self._offset)
            for start in range(0, n, most):
                count = min(most, n - start)
                wanted = memoryview(betas[:count].reshape(-1).view(np.uint8).data)
                with translated(self._path):
                    n_read = file.readinto(wanted)
                if n_read < len(wanted):
                    raise CorruptImageError(f"{self._path} is truncated: it was longer when opened")
                volumes[:count, self._rows] = betas[:count]
                yield Block(volumes[:count], start, Scaling(), 0)
