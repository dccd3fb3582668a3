"""`Store`: images that are read more than once, decoded once."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from boldstream.core.budget import format_bytes, parse_bytes
from boldstream.core.errors import StorageError
from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.stored import mapped_place
from boldstream.memory.folders import Folder, find_folder
from boldstream.memory.locks import lock_path, reap, try_writer_lock, writer_lock
from boldstream.memory.mapped import MemoryMappedArray
from boldstream.memory.store.entries import (
    DATA,
    ENTRY_SUFFIX,
    PART_SUFFIX,
    Entry,
    OpenEntry,
    describe_entry,
    drop_entry,
    entry_lock,
    folder_bytes,
    hold_entry,
    make_entry,
    open_entry,
    remove_entry,
)
from boldstream.memory.store.filling import fill_entry, needed_bytes
from boldstream.memory.store.recipe import Recipe, is_key, volumes_recipe, voxels_recipe
from boldstream.memory.store.voxels import StoredVoxels
from boldstream.streaming.progress import Report


class Store:
    """Images decoded once and kept in files that all processes of a machine share.

    What is asked for is made if it is not there, by one process while others
    that ask for it wait. An image whose file was changed is stored anew, and
    what was stored of its former state removed. Files appear whole or not at
    all, and only their user can read them.

    Parameters
    ----------
    folder : path, optional
        Where to keep files; by default ``MEMMAP_TEMP_DIR``,
        ``BOLDSTREAM_CACHE``, ``SLURM_TMPDIR`` or ``TMPDIR`` say it, or it is
        the user's cache folder.
    max_bytes : str or int, optional
        Most bytes to keep, as ``"20GB"``; what was not used for longest is
        removed to stay below. What is open is never removed.
    hash_content : bool
        Whether a change of an image is looked for in all of its bytes. By
        default its size, time and inode and its first and last 64 KiB tell.

    Raises
    ------
    StorageError
        If the folder cannot be made or written to.
    ParameterError
        If `max_bytes` is no size.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, nibabel as nib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = np.arange(4 * 4 * 4 * 10, dtype="i2").reshape(4, 4, 4, 10)
    ...     nib.Nifti1Image(data, np.eye(4)).to_filename(f"{folder}/bold.nii.gz")
    ...     store = Store(f"{folder}/store")
    ...     with store.voxels(f"{folder}/bold.nii.gz", data[..., 0] > 300) as voxels:
    ...         voxels.read().shape
    ...     store.stats()["entries"]
    (10, 33)
    1
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        max_bytes: str | int | None = None,
        hash_content: bool = False,
    ) -> None:
        self.max_bytes = None if max_bytes is None else parse_bytes(max_bytes, name="max_bytes")
        self.folder: Folder = find_folder(folder)
        self._hash_content = hash_content
        reap(self.folder.path, PART_SUFFIX)
        self._remove_parts()

    def voxels(
        self,
        image: ImageLike,
        mask: MaskLike,
        *,
        resample: Literal["mask"] | None = None,
        memory_limit: str | int | None = None,
        progress: bool | Report = False,
    ) -> StoredVoxels:
        """Voxels of a mask, made for reading regions and single volumes.

        Parameters
        ----------
        image : path, nibabel image, or list of either
            Files; images that were changed in memory cannot be stored.
        mask : path, nibabel image or boolean ndarray (x, y, z)
        resample : {None, "mask"}
            Whether a mask on another grid is refused, or resampled.
        memory_limit, progress
            As for `stream`.

        Returns
        -------
        StoredVoxels
            To be closed when done with, as by ``with``.

        Raises
        ------
        StorageError
            If the disk has no room, or `max_bytes` is too small.
        MemoryBudgetError
            If it cannot be made within the limit; a folder in a tmpfs counts.
        CorruptImageError, ImageFileError, UnsupportedImageError
        GridMismatchError, MaskError, ParameterError
        """
        source = open_image(image)
        inside = load_mask(mask, source.series.grid, resample=resample)
        recipe = voxels_recipe(source, inside, content=self._hash_content)
        return StoredVoxels(self._open(recipe, memory_limit, progress))

    def volumes(
        self,
        image: ImageLike,
        *,
        memory_limit: str | int | None = None,
        progress: bool | Report = False,
    ) -> MemoryMappedArray:
        """All volumes of an image, mapped.

        An uncompressed file whose values are not scaled is mapped where it
        is; nothing is stored of it.

        Parameters
        ----------
        image, memory_limit, progress
            As for `voxels`.

        Returns
        -------
        MemoryMappedArray, shape (x, y, z, volumes)
            In the type of the file where its values are not scaled, else in
            float32; a volume lies together.

        Raises
        ------
        StorageError, MemoryBudgetError, CorruptImageError, ImageFileError
        UnsupportedImageError, GridMismatchError, ParameterError
            As for `voxels`.
        """
        source = open_image(image)
        shape = (*source.series.grid.shape, source.series.n_volumes)
        place = mapped_place(source)
        if place is not None:
            return MemoryMappedArray(place.path, shape, place.dtype, order="F", offset=place.offset)
        recipe = volumes_recipe(source, content=self._hash_content)
        entry = self._open(recipe, memory_limit, progress)
        with entry.lock:
            return MemoryMappedArray(
                entry.path / DATA,
                shape,
                np.dtype(entry.manifest.dtype),
                order="F",
                offset=len(entry.manifest.header),
                hold=partial(hold_entry, entry.path),
            )

    def entries(self) -> tuple[Entry, ...]:
        """Everything that is stored, the most recently used first."""
        found = [describe_entry(path) for path in self._folders(ENTRY_SUFFIX)]
        there = [entry for entry in found if entry is not None]
        return tuple(sorted(there, key=lambda entry: entry.used, reverse=True))

    def stats(self) -> dict[str, Any]:
        """Sums over the store.

        Returns
        -------
        dict
            ``folder``, ``entries``, ``bytes``, ``in_use``, ``outdated`` and
            ``damaged`` (numbers of entries), ``max_bytes``, ``free_bytes`` (of
            the disk), ``is_memory``.
        """
        entries = self.entries()
        disk = os.statvfs(self.folder.path)
        return {
            "folder": str(self.folder.path),
            "entries": len(entries),
            "bytes": self._n_bytes(),
            "in_use": sum(entry.in_use for entry in entries),
            "outdated": sum(not entry.is_current for entry in entries),
            "damaged": sum(entry.layout == "damaged" for entry in entries),
            "max_bytes": self.max_bytes,
            "free_bytes": disk.f_bavail * disk.f_frsize,
            "is_memory": self.folder.is_memory,
        }

    def clear(self, *, unused_only: bool = True) -> int:
        """Remove what is stored.

        Parameters
        ----------
        unused_only : bool
            Whether what someone has open stays. Otherwise it goes as well: who
            reads it keeps what is open, and cannot open it again.

        Returns
        -------
        int
            Bytes freed.
        """
        folders = self._folders(ENTRY_SUFFIX)
        return sum(remove_entry(path, even_if_read=not unused_only) for path in folders)

    def _open(
        self, recipe: Recipe, memory_limit: str | int | None, progress: bool | Report
    ) -> OpenEntry:
        """Open the entry of a recipe, made before if it is not there whole."""
        path = self.folder.path / f"{recipe.key}{ENTRY_SUFFIX}"
        entry = open_entry(path)
        if entry is not None:
            return entry
        with writer_lock(entry_lock(path)):
            # Who held the lock before may have made it.
            entry = open_entry(path)
            if entry is None:
                self._make(path, recipe, memory_limit, progress)
                entry = open_entry(path)
        if entry is None:
            raise StorageError(f"{path} was damaged as soon as it was made")
        self._remove_outdated(path)
        return entry

    def _make(
        self,
        path: Path,
        recipe: Recipe,
        memory_limit: str | int | None,
        progress: bool | Report,
    ) -> None:
        if path.exists():
            drop_entry(path, even_if_read=True)
        self._make_room(needed_bytes(recipe))
        fill = partial(
            fill_entry,
            recipe=recipe,
            memory_limit=memory_limit,
            progress=progress,
            in_memory=self.folder.is_memory,
        )
        make_entry(path, fill)

    def _make_room(self, n_bytes: int) -> None:
        """Remove what was not used for longest until this many bytes fit below the limit."""
        if self.max_bytes is None:
            return
        if n_bytes > self.max_bytes:
            raise StorageError(
                f"`max_bytes` must allow {format_bytes(n_bytes)} for this image alone, "
                f"got {format_bytes(self.max_bytes)}"
            )
        for entry in reversed(self.entries()):
            if self._n_bytes() + n_bytes <= self.max_bytes:
                return
            remove_entry(entry.path)
        held = self._n_bytes()
        if held + n_bytes > self.max_bytes:
            raise StorageError(
                f"{self.folder.path} may hold {format_bytes(self.max_bytes)}; "
                f"{format_bytes(held)} of that is in use and {format_bytes(n_bytes)} is needed"
            )

    def _remove_outdated(self, made: Path) -> None:
        for entry in self.entries():
            if entry.path != made and entry.layout != "damaged" and not entry.is_current:
                remove_entry(entry.path)

    def _remove_parts(self) -> None:
        """Remove what is left of entries whose removal was interrupted, their lock gone."""
        for part in self._folders(PART_SUFFIX):
            lock = try_writer_lock(lock_path(part))
            if lock is not None:
                with lock:
                    shutil.rmtree(part, ignore_errors=True)

    def _folders(self, *suffixes: str) -> list[Path]:
        """Those of the store; the folder may hold a ``study.boldstream`` of the user's."""
        return [
            path
            for path in self.folder.path.iterdir()
            if path.suffix in suffixes and is_key(path.stem)
        ]

    def _n_bytes(self) -> int:
        """Bytes of all entries, those in the making included."""
        return sum(folder_bytes(path) for path in self._folders(ENTRY_SUFFIX, PART_SUFFIX))
