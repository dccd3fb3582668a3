"""Where betas go: an image in memory, an image file, or a folder that can be mapped."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.core.errors import ImageFileError, ParameterError
from boldstream.core.grid import Grid
from boldstream.io.betas import (
    ARRAY,
    LAYOUT,
    MANIFEST,
    MASK,
    TRIALS,
    Betas,
    is_whole_map,
    open_betas_folder,
)
from boldstream.io.stream_writing import VolumeWriter, open_volume_writer
from boldstream.io.tables import FRAME_FORMAT, write_frame
from boldstream.io.writing import Outputs, as_image, write_json

Floats = NDArray[np.float64]
Precision = Literal["float32", "float64"]


class Sink(Protocol):
    """Takes the betas of all trials in order."""

    def put(self, beta: Floats, rows: NDArray[np.intp]) -> None:
        """Add a trial: its betas, and where in a flat volume their voxels are, ascending."""


@dataclass
class ImageSink:
    """Fills the volumes of an image in memory."""

    grid: Grid
    n_trials: int
    dtype: Precision
    n_put: int = 0

    @cached_property
    def volumes(self) -> NDArray[Any]:
        """Made for the first beta: the plan of the first pass has refused what does not fit."""
        return np.zeros((self.n_trials, self.grid.n_voxels), self.dtype)

    @property
    def missing_bytes(self) -> int:
        """Memory that is taken once the betas that are still to come are put."""
        missing = self.n_trials - self.n_put
        return missing * self.grid.n_voxels * np.dtype(self.dtype).itemsize

    def put(self, beta: Floats, rows: NDArray[np.intp]) -> None:
        self.volumes[self.n_put, rows] = beta
        self.n_put += 1

    def image(self) -> Any:
        """The image (x, y, z, trials), without a copy."""
        values = self.volumes.reshape(self.n_trials, *self.grid.shape[::-1]).T
        return as_image(values, self.grid, dtype=np.dtype(self.dtype))


@dataclass
class FileSink:
    """Writes a volume for each trial."""

    grid: Grid
    writer: VolumeWriter
    dtype: Precision

    def put(self, beta: Floats, rows: NDArray[np.intp]) -> None:
        volume = np.zeros(self.grid.n_voxels, self.dtype)
        volume[rows] = beta
        self.writer.write(self.grid.volume_of(volume))


@dataclass
class ArraySink:
    """Writes a row for each trial, voxels in the order of ``data[mask]``."""

    content: FolderContent
    stream: IO[bytes]
    dtype: Precision

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        """Where the voxels of ``data[mask]`` lie among those in the order of memory."""
        rows = self.content.grid.rows_of(self.content.mask)
        return np.searchsorted(np.sort(rows), rows)

    def put(self, beta: Floats, rows: NDArray[np.intp]) -> None:
        self.stream.write(beta[self._order].astype(self.dtype).data)


@dataclass(frozen=True, eq=False)
class FolderContent:
    """What is written beside betas.

    Attributes
    ----------
    grid : Grid
    mask : ndarray of bool, shape (x, y, z)
    trials : pandas.DataFrame
    origin : mapping
        Where the betas come from, for the manifest.
    inputs : sequence of path
        Files that are read, and never replaced.
    """

    grid: Grid
    mask: NDArray[np.bool_]
    trials: pd.DataFrame
    origin: Mapping[str, Any]
    inputs: Sequence[str | os.PathLike[str]] = ()


@contextmanager
def open_sink(
    path: Path, content: FolderContent, dtype: Precision, *, overwrite: bool
) -> Iterator[Sink]:
    """Open an image file or a folder for betas, there whole once the block is left.

    Raises
    ------
    ParameterError
        If the name ends like a file of another kind, or is that of an input.
    OutputExistsError
        If it is there already and `overwrite` is False.
    """
    if path.name.endswith((".nii", ".nii.gz")):
        n_trials = len(content.trials)
        with Outputs(
            path.parent, [path.name], overwrite=overwrite, inputs=content.inputs
        ) as outputs:
            file = outputs[path.name]
            with open_volume_writer(file, content.grid, n_trials, dtype) as writer:
                yield FileSink(content.grid, writer, dtype)
        return
    if path.suffix and not path.is_dir():
        raise ParameterError(
            f"`output` must end in .nii or .nii.gz, or be a folder without an ending, "
            f"got {str(path)!r}"
        )
    names = [ARRAY, MASK, TRIALS, MANIFEST]
    with Outputs(path, names, overwrite=overwrite, inputs=content.inputs) as outputs:
        _write_beside(outputs, content, dtype)
        with outputs[ARRAY].open("wb") as stream:
            shape = len(content.trials), int(np.count_nonzero(content.mask))
            header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            yield ArraySink(content, stream, dtype)


def _write_beside(outputs: Mapping[str, Path], content: FolderContent, dtype: Precision) -> None:
    with open_volume_writer(outputs[MASK], content.grid, 1, np.uint8) as writer:
        writer.write(content.mask.astype(np.uint8))
    write_frame(outputs[TRIALS], content.trials)
    manifest = {"layout": LAYOUT, "dtype": dtype, "n_trials": len(content.trials)}
    write_json(outputs[MANIFEST], manifest | dict(content.origin))


@dataclass(frozen=True, eq=False)
class StoredBetas(Betas):
    """Betas in a folder, mapped; a page is read when it is looked at.

    Other processes are given the folder, and map it for themselves.

    Attributes
    ----------
    values : numpy.memmap, shape (trials, voxels)
        Voxels in the order of ``data[mask]``.
    mask : ndarray of bool, shape (x, y, z)
    grid : Grid
    trials : pandas.DataFrame
    path : Path
        The folder.
    """

    values: NDArray[Any]
    mask: NDArray[np.bool_]
    grid: Grid
    trials: pd.DataFrame
    path: Path

    @property
    def held_in(self) -> Path:
        if not is_whole_map(self.values):
            raise ParameterError(
                "betas must be as `open_betas` gave them, got other `values`; an array of trials "
                "and voxels can be given in their place"
            )
        return self.path

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened_again, (self.held_in, self.trials)

    def __repr__(self) -> str:
        n_trials, n_voxels = self.values.shape
        return f"StoredBetas({n_trials} trials × {n_voxels} voxels of {self.mask.shape})"


def open_betas(path: str | os.PathLike[str]) -> StoredBetas:
    """Open a folder that `trial_betas` wrote.

    Parameters
    ----------
    path : path
        The folder, as `output` of `trial_betas` named it.

    Raises
    ------
    ImageFileError
        If it is no such folder, or not whole.
    TableError
        If its manifest is damaged.
    CorruptImageError
        If the array is damaged.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, nibabel as nib, pandas as pd, boldstream as bs
    >>> data = np.random.default_rng(0).normal(100, 1, size=(4, 4, 4, 60))
    >>> events = pd.DataFrame({"onset": [4.0, 30.0, 61.0], "duration": 2.0, "trial_type": "face"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     image = nib.Nifti1Image(data, np.eye(4))
    ...     _ = bs.trial_betas(image, events, t_r=2.0, output=f"{folder}/betas")
    ...     betas = bs.open_betas(f"{folder}/betas")
    ...     betas.values.shape, list(betas.trials["onset"])
    ((3, 64), [4.0, 30.0, 61.0])
    """
    folder = open_betas_folder(path)
    trials = _read_trials(folder.path / TRIALS)
    if len(trials) != len(folder.values):
        raise ImageFileError(
            f"{folder.path / ARRAY} must hold {len(trials)} trials of {folder.values.shape[1]} "
            f"voxels, trial by trial, got shape {folder.values.shape}"
        )
    mask = folder.mask
    return StoredBetas(folder.values, mask.array, mask.grid, trials, folder.path)


def _opened_again(path: Path, trials: pd.DataFrame) -> StoredBetas:
    return replace(open_betas(path), trials=trials)


def _read_trials(path: Path) -> pd.DataFrame:
    """The table as it was written: a condition may be named "null" or "1"."""
    try:
        return pd.read_csv(path, dtype={"trial_type": str}, **FRAME_FORMAT)
    except (OSError, ValueError) as error:
        raise ImageFileError(f"{path} cannot be read as a table of trials: {error}") from error
