"""Entries on the disk: a folder with a ``data.npy`` and a manifest, there whole or not at all.

``<key>.boldstream/`` is an entry. All that makes or removes one holds the lock
of ``<key>.part/``, and works on that folder, which becomes the entry by one
rename, or the other way round. So a part whose lock no one holds is what
someone dead left. Readers hold a shared lock on ``data.npy``.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from boldstream.core.errors import BoldstreamError, StorageError
from boldstream.core.grid import Grid
from boldstream.io.writing import sync
from boldstream.memory.locks import (
    Lock,
    is_read,
    lock_path,
    read_lock,
    try_writer_lock,
    unread_lock,
)
from boldstream.memory.store.npy import npy_header
from boldstream.memory.store.recipe import VERSION, FileIdentity

DATA = "data.npy"
VOXELS = "voxels.npy"
ENTRY_SUFFIX, PART_SUFFIX = ".boldstream", ".part"
_MANIFEST, _CHECKSUM = "manifest.json", "crc32"


@dataclass(frozen=True)
class Manifest:
    """What a reader of an entry has to know.

    Attributes
    ----------
    layout : str
        ``"voxels"`` or ``"volumes"``.
    shape : tuple of int
        Of the array in ``data.npy``.
    dtype : str
        Of its values.
    fortran_order : bool
    grid_shape : tuple of int
        Of a volume.
    affine : list of list of float
    tr : float or None
        Seconds.
    run_lengths : tuple of int
    scalings : tuple of (int, float, float)
        Stretches of volumes that share a scaling: one past the last volume,
        slope, intercept.
    file_bytes : dict of str to int
        Length of every other file of the entry.
    files : tuple of FileIdentity
        What it was made from.
    version : int
    """

    layout: str
    shape: tuple[int, ...]
    dtype: str
    fortran_order: bool
    grid_shape: tuple[int, int, int]
    affine: list[list[float]]
    tr: float | None
    run_lengths: tuple[int, ...]
    scalings: tuple[tuple[int, float, float], ...]
    file_bytes: dict[str, int]
    files: tuple[FileIdentity, ...]
    version: int = VERSION

    @property
    def grid(self) -> Grid:
        return Grid(self.grid_shape, np.array(self.affine))

    @property
    def n_volumes(self) -> int:
        return sum(self.run_lengths)

    @property
    def header(self) -> bytes:
        """What stands before the values in ``data.npy``."""
        return npy_header(self.shape, np.dtype(self.dtype), fortran_order=self.fortran_order)

    def write(self, path: Path) -> None:
        """Write it to the disk, and wait until it is there."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            # ASCII escapes carry file names that are no valid Unicode.
            said = asdict(self)
            json.dump(said | {_CHECKSUM: _checksum(said)}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of an entry and compare its files with it; None where anything is off."""
    try:
        raw = json.loads((folder / _MANIFEST).read_text(encoding="ascii"))
        # An affine with one digit changed would still be one.
        if raw.pop(_CHECKSUM) != _checksum(raw):
            return None
        raw["files"] = tuple(FileIdentity(**file) for file in raw["files"])
        for name in ("shape", "grid_shape", "run_lengths"):
            raw[name] = tuple(raw[name])
        raw["scalings"] = tuple((n, slope, inter) for n, slope, inter in raw["scalings"])
        manifest = Manifest(**raw)
        return manifest if _is_whole(folder, manifest) else None
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None


def _checksum(said: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(said, sort_keys=True).encode("ascii"))


def _is_whole(folder: Path, manifest: Manifest) -> bool:
    header = manifest.header
    values = math.prod(manifest.shape) * np.dtype(manifest.dtype).itemsize
    with (folder / DATA).open("rb") as file:
        same_header = file.read(len(header)) == header
    sizes = manifest.file_bytes
    return (
        same_header
        and manifest.version == VERSION
        and sizes[DATA] == len(header) + values
        and all((folder / name).stat().st_size == size for name, size in sizes.items())
    )


@dataclass(frozen=True, eq=False)
class OpenEntry:
    """An entry that no one removes until `lock` is closed."""

    path: Path
    manifest: Manifest
    lock: Lock


def open_entry(path: Path) -> OpenEntry | None:
    """Open an entry for reading and note that it was used; None if it is not there whole.

    Raises
    ------
    StorageError
        If it is there and cannot be opened.
    """
    lock = read_lock(path / DATA)
    if lock is None:
        return None
    manifest = read_manifest(path)
    if manifest is None:
        lock.close()
        return None
    # A store that cannot be written to can still be read.
    with suppress(OSError):
        os.utime(path)
    return OpenEntry(path, manifest, lock)


def require_entry(path: Path) -> OpenEntry:
    """Open an entry that has to be there.

    Raises
    ------
    StorageError
        If it was removed or damaged.
    """
    entry = open_entry(path)
    if entry is None:
        raise StorageError(f"{path} is no whole entry of a store (any more); make it again")
    return entry


def hold_entry(path: Path) -> Lock:
    """Keep an entry from being removed."""
    return require_entry(path).lock


def entry_lock(path: Path) -> Path:
    """File of the lock that whoever makes or removes an entry holds."""
    return lock_path(path.with_suffix(PART_SUFFIX))


def make_entry(path: Path, fill: Callable[[Path], Manifest]) -> None:
    """Make an entry; the caller holds its lock.

    Parameters
    ----------
    path : Path
        Of the entry to come.
    fill : callable
        Is given the folder to write files into, and returns the manifest.

    Raises
    ------
    StorageError
        If the files cannot be written.
    """
    part = path.with_suffix(PART_SUFFIX)
    with _storage_errors(part):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(0o700)
        try:
            fill(part).write(part / _MANIFEST)
            sync(part)
            part.rename(path)
            sync(path.parent)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except BoldstreamError:
        raise
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def remove_entry(path: Path, *, even_if_read: bool = False) -> int:
    """Remove an entry that no one is making and no one reads; bytes freed, 0 if it is gone.

    Who reads one that is removed keeps its pages, and cannot open it again.
    """
    lock = try_writer_lock(entry_lock(path))
    if lock is None:
        return 0
    with lock:
        return drop_entry(path, even_if_read=even_if_read)


def drop_entry(path: Path, *, even_if_read: bool = False) -> int:
    """`remove_entry` for a caller that holds the entry's lock."""
    unread = unread_lock(path / DATA)
    if unread is None and not even_if_read:
        return 0
    size, part = folder_bytes(path), path.with_suffix(PART_SUFFIX)
    with unread or Lock(-1), _storage_errors(path):
        shutil.rmtree(part, ignore_errors=True)
        try:
            path.rename(part)
        except FileNotFoundError:
            # Someone else was faster.
            return 0
    shutil.rmtree(part, ignore_errors=True)
    return size


def folder_bytes(path: Path) -> int:
    """Bytes of the files of an entry, whole or in the making; 0 if it is gone."""
    total = 0
    with suppress(OSError):
        for file in path.iterdir():
            total += file.stat().st_size
    return total


@dataclass(frozen=True)
class Entry:
    """One entry of a store, for a list.

    Attributes
    ----------
    path : Path
        Its folder.
    layout : str
        ``"voxels"``, ``"volumes"``, or ``"damaged"`` where it will be made anew.
    sources : tuple of str
        Files that it was made from.
    n_bytes : int
    used : float
        When it was opened last, in seconds since 1970.
    in_use : bool
        Whether anyone has it open.
    is_current : bool
        Whether the sources are still as they were.
    """

    path: Path
    layout: str
    sources: tuple[str, ...]
    n_bytes: int
    used: float
    in_use: bool
    is_current: bool


def describe_entry(path: Path) -> Entry | None:
    """Describe an entry without opening it; None if it is gone."""
    try:
        used = path.stat().st_mtime
    except FileNotFoundError:
        return None
    manifest = read_manifest(path)
    files = () if manifest is None else manifest.files
    return Entry(
        path=path,
        layout="damaged" if manifest is None else manifest.layout,
        sources=tuple(file.path for file in files),
        n_bytes=folder_bytes(path),
        used=used,
        in_use=is_read(path / DATA),
        is_current=manifest is not None and all(file.is_current() for file in files),
    )
