"""Write results: whole files under their names, or nothing."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import OutputExistsError, ParameterError
from boldstream.core.grid import Grid
from boldstream.io.translate import expanded

NiftiImage: TypeAlias = nib.Nifti1Image

_LONGEST_NIFTI1_AXIS = np.iinfo(np.int16).max


class Outputs:
    """Files of one folder that appear together when the block is left, or not at all.

    Inside the block, ``outputs[name]`` is where to write each file: in a
    private folder beside its place, so that taking its place is one rename.
    When the block raises, everything that was written is removed, and the
    folder too if it was made here.

    Parameters
    ----------
    folder : path
        Made with its parents if it does not exist.
    names : iterable of str
        Names of all files to come; "sub-01/mask.nii" lies in a folder of its own.
    overwrite : bool
        Whether files that exist are replaced.
    inputs : iterable of path
        Files that are read: these are never replaced.
    keep : iterable of str
        Those of the names whose file is left as it is where there is one, as
        of what several runs of a program share.

    Raises
    ------
    OutputExistsError
        On entering the block, if any of the files exists and `overwrite` is
        false.
    ParameterError
        On entering the block, if the folder cannot be made or written to, or
        if a file would take the place of a folder or of an input.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Outputs(folder, ["a.txt", "b.txt"]) as outputs:
    ...         for path in outputs.values():
    ...             _ = path.write_text("whole")
    ...         before = len(list(Path(folder).glob("*.txt")))
    ...     before, len(list(Path(folder).glob("*.txt")))
    (0, 2)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        names: Iterable[str],
        *,
        overwrite: bool = False,
        inputs: Iterable[str | os.PathLike[str]] = (),
        keep: Iterable[str] = (),
    ) -> None:
        self._folder = expanded(folder)
        self._names = list(names)
        self._overwrite = overwrite
        self._inputs = [expanded(path) for path in inputs]
        self._keep = frozenset(keep)
        self._made: list[Path] = []
        self._private = self._folder / f".boldstream-{os.urandom(8).hex()}"

    def __enter__(self) -> Mapping[str, Path]:
        self._check_places()
        try:
            self._make_folder(self._folder)
            # Only its owner can enter it, whatever the modes of the files inside.
            self._private.mkdir(mode=0o700)
            outputs = {name: self._private / name for name in self._names}
            for name, path in outputs.items():
                self._make_folder((self._folder / name).parent)
                path.parent.mkdir(parents=True, exist_ok=True)
            return outputs
        except OSError as error:
            self._remove_folders()
            why = "it is a file" if isinstance(error, FileExistsError) else error.strerror
            raise ParameterError(
                f"the output folder must be one that can be written to, got {self._folder}: {why}"
            ) from error
        except BaseException:
            # An interrupt before the block is entered: its end will not be reached.
            self._remove_folders()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        placed: list[Path] = []
        whole = False
        try:
            if error is None:
                self._place(placed)
                whole = True
        finally:
            if not whole:
                for path in placed:
                    path.unlink()
            self._remove_folders()

    def _check_places(self) -> None:
        places = [self._folder / name for name in self._names]
        for place in places:
            if place.is_dir():
                raise ParameterError(f"an output must be a file, got the folder {place}")
            if place.exists() and any(x.exists() and place.samefile(x) for x in self._inputs):
                raise ParameterError(f"an output must not replace an input, got {place}")
        taken = [
            str(place)
            for name, place in zip(self._names, places, strict=True)
            if os.path.lexists(place) and name not in self._keep
        ]
        if taken and not self._overwrite:
            raise OutputExistsError(
                f"{', '.join(taken)} {'exists' if len(taken) == 1 else 'exist'} already; "
                f"overwrite=True replaces {'it' if len(taken) == 1 else 'them'}"
            )

    def _make_folder(self, folder: Path) -> None:
        missing = [path for path in (folder, *folder.parents) if not path.is_dir()]
        for path in reversed(missing):
            self._made.append(path)
            # Another process may be making it for its own files.
            path.mkdir(exist_ok=True)

    def _remove_folders(self) -> None:
        # It is not there yet if making it failed.
        shutil.rmtree(self._private, ignore_errors=True)
        for path in reversed(self._made):
            # One that holds results, ours or those of another process, is not removed.
            with suppress(OSError):
                path.rmdir()

    def _place(self, placed: list[Path]) -> None:
        """Give all files their names; note in `placed` those that replaced nothing."""
        for name in self._names:
            sync(self._private / name)
        # They may have come while the block ran.
        self._check_places()
        for name in self._names:
            place = self._folder / name
            is_new = not os.path.lexists(place)
            if name in self._keep and not is_new:
                continue
            (self._private / name).replace(place)
            if is_new:
                placed.append(place)
        for folder in {(self._folder / name).parent for name in self._names}:
            sync(folder)


def sync(path: Path) -> None:
    """Have a file or folder on the disk before this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def as_image(
    values: NDArray[Any],
    grid: Grid,
    tr: float | None = None,
    dtype: np.dtype[Any] = np.dtype(np.float32),  # noqa: B008 - a constant
) -> NiftiImage:
    """Make a NIfTI image of float32 values, or of another type.

    Parameters
    ----------
    values : ndarray, shape (x, y, z) or (x, y, z, volumes)
    grid : Grid
    tr : float, optional
        Repetition time in seconds.
    dtype : numpy.dtype
    """
    kind: Any = nib.Nifti2Image if max(values.shape) > _LONGEST_NIFTI1_AXIS else nib.Nifti1Image
    image: NiftiImage = kind(values.astype(dtype, copy=False), grid.affine)
    image.set_sform(grid.affine, code="scanner")
    image.set_qform(grid.affine, code="scanner")
    image.header.set_xyzt_units("mm", "sec")
    if tr is not None and values.ndim == 4:
        image.header.set_zooms((*grid.voxel_sizes, tr))
    return image


def write_volume(
    path: str | os.PathLike[str], values: NDArray[Any], grid: Grid, tr: float | None = None
) -> None:
    """Write values on a grid as a NIfTI image of float32.

    Parameters
    ----------
    path : path
        Ends in ``.nii`` or ``.nii.gz``.
    values, grid, tr
        As for `as_image`.

    Raises
    ------
    ParameterError
        If the name has another ending.
    """
    if not os.fspath(path).endswith((".nii", ".nii.gz")):
        raise ParameterError(f"`path` must end in .nii or .nii.gz, got {os.fspath(path)!r}")
    nib.save(as_image(values, grid, tr), path)


def write_array(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    """Write an array as ``.npy``."""
    with Path(path).open("wb") as file:
        np.save(file, array, allow_pickle=False)


def write_table(
    path: str | os.PathLike[str], header: Sequence[str], rows: NDArray[np.floating[Any]]
) -> None:
    """Write numbers as a TSV file, NaN as ``n/a`` as BIDS wants it.

    Parameters
    ----------
    path : path
    header : sequence of str
        Name of each column.
    rows : ndarray, shape (rows, columns)
        Written with the digits that bring back the same float32 or float64.

    Raises
    ------
    ParameterError
        If a name holds a tab or a line break, or there are more or fewer
        names than columns.
    """
    if len(header) != rows.shape[1]:
        raise ParameterError(f"`header` must name {rows.shape[1]} columns, got {len(header)}")
    for name in header:
        if set(name) & set("\t\r\n"):
            raise ParameterError(f"`header` must hold no tab or line break, got {name!r}")
    digits = 9 if rows.dtype.itemsize <= 4 else 17
    with Path(path).open("w", encoding="utf-8", newline="\n") as file:
        file.write("\t".join(header) + "\n")
        for row in rows:
            file.write("\t".join(_cell(value, digits) for value in row.tolist()) + "\n")


def _cell(value: float, digits: int) -> str:
    return "n/a" if math.isnan(value) else f"{value:.{digits}g}"


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON, one key a line; NaN and infinity, which JSON lacks, are refused."""
    # `indent` would give each of 70 000 voxels a line, and take 20 times as long.
    items = [
        f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}"
        for key, value in content.items()
    ]
    text = "{\n" + ",\n".join(items) + "\n}\n"
    # What of a file name is no text becomes an escape of JSON, and is read again as it was.
    Path(path).write_text(text, encoding="utf-8", errors="backslashreplace")
