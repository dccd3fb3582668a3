"""What an entry is made of: the facts that its name stands for."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from boldstream.core.errors import StorageError
from boldstream.io.masks import Mask
from boldstream.io.source import VolumeSource
from boldstream.io.stored import image_files, scalings, stored_type

Layout: TypeAlias = Literal["voxels", "volumes"]

# A new number for every change of what entries hold: old ones are then not found.
VERSION = 1
_KEY_BYTES = 16
_END_BYTES = 1 << 16
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class FileIdentity:
    """What tells one state of a file from another.

    Attributes
    ----------
    path : str
        Absolute, links resolved.
    size, mtime_ns, inode : int
    ends : str
        Hash of its first and last 64 KiB: the header is there, and the
        checksum of a gzip file.
    content : str or None
        Hash of all of it, where that was asked for.
    """

    path: str
    size: int
    mtime_ns: int
    inode: int
    ends: str
    content: str | None = None

    def is_current(self) -> bool:
        """Whether the file is as it was, as far as its directory entry tells; True if it is gone.

        A file that is gone may be on a disk that is not mounted now, and one
        whose name cannot be written in this locale is not to be found.
        """
        try:
            status = Path(self.path).stat()
        except (OSError, UnicodeError):
            return True
        return (status.st_size, status.st_mtime_ns, status.st_ino) == (
            *(self.size, self.mtime_ns, self.inode),
        )


def identify(path: Path, *, content: bool = False) -> FileIdentity:
    """Look at a file as it is now.

    Raises
    ------
    StorageError
        If it cannot be read.
    """
    try:
        status = path.stat()
        with path.open("rb") as file:
            ends = hashlib.blake2b(file.read(_END_BYTES), digest_size=16)
            file.seek(max(0, status.st_size - _END_BYTES))
            ends.update(file.read(_END_BYTES))
        whole = _hash_content(path) if content else None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    return FileIdentity(
        str(path), status.st_size, status.st_mtime_ns, status.st_ino, ends.hexdigest(), whole
    )


def _hash_content(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Recipe:
    """What to store of which image, and how.

    Attributes
    ----------
    source : VolumeSource
    files : tuple of FileIdentity
        As they were when this was written.
    layout : {"voxels", "volumes"}
    dtype : numpy.dtype
        Of the stored values.
    mask : Mask or None
        The voxels to store; None means all of them.
    """

    source: VolumeSource
    files: tuple[FileIdentity, ...]
    layout: Layout
    dtype: np.dtype[Any]
    mask: Mask | None = None

    @property
    def key(self) -> str:
        """Hash of everything that the values depend on."""
        series = self.source.series
        facts = {
            "version": VERSION,
            "layout": self.layout,
            "dtype": self.dtype.str,
            "files": [asdict(file) for file in self.files],
            # An image that was read may have been given another affine since.
            "grid": [series.grid.shape, series.grid.affine.tolist()],
            "run_lengths": series.run_lengths,
            "scalings": [asdict(scaling) for scaling in scalings(self.source)],
            "mask": None if self.mask is None else _hash_mask(self.mask),
        }
        text = json.dumps(facts, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=_KEY_BYTES).hexdigest()


def is_key(name: str) -> bool:
    """Whether a name can be the key of a recipe."""
    return re.fullmatch(f"[0-9a-f]{{{2 * _KEY_BYTES}}}", name) is not None


def _hash_mask(mask: Mask) -> str:
    return hashlib.blake2b(np.packbits(mask.array).tobytes(), digest_size=16).hexdigest()


def voxels_recipe(source: VolumeSource, mask: Mask, *, content: bool) -> Recipe:
    """Store the voxels of a mask; small integers as they are, which takes half the disk."""
    stored = stored_type(source)
    keep = stored is not None and stored.kind in "iu" and stored.itemsize <= 2
    dtype = stored if stored is not None and keep else np.dtype(np.float32)
    return Recipe(source, _identify_all(source, content), "voxels", dtype, mask)


def volumes_recipe(source: VolumeSource, *, content: bool) -> Recipe:
    """Store whole volumes: as they are where they are not scaled, else as float32."""
    return Recipe(source, _identify_all(source, content), "volumes", volumes_type(source))


def volumes_type(source: VolumeSource) -> np.dtype[Any]:
    """The type in which whole volumes are kept."""
    stored = stored_type(source)
    keep = stored is not None and all(scaling.is_identity for scaling in scalings(source))
    return stored if stored is not None and keep else np.dtype(np.float32)


def _identify_all(source: VolumeSource, content: bool) -> tuple[FileIdentity, ...]:
    return tuple(identify(path, content=content) for path in image_files(source))


def check_unchanged(recipe: Recipe) -> None:
    """Raise `StorageError` if a file was changed while it was read."""
    for file in recipe.files:
        if not Path(file.path).exists() or not file.is_current():
            raise StorageError(f"{file.path} was changed while it was read; nothing was stored")
