"""What lies on the disk behind a source: its files, the type of its values, their place."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from boldstream.core.errors import ParameterError
from boldstream.io.flat import MappedPart
from boldstream.io.parts import JoinedSource, Part
from boldstream.io.sliced import ArrayPart, ProxyPart
from boldstream.io.source import Scaling, VolumeSource


@dataclass(frozen=True)
class Place:
    """Where all volumes lie in a file, one after another, as they are.

    Attributes
    ----------
    path : Path
    offset : int
        Of the first volume, in bytes.
    dtype : numpy.dtype
        Byte order included.
    """

    path: Path
    offset: int
    dtype: np.dtype[Any]


def image_files(source: VolumeSource) -> tuple[Path, ...]:
    """Every file that the volumes of a source come from, headers included.

    Raises
    ------
    ParameterError
        If some of its values are in memory only.
    """
    files: dict[Path, None] = {}
    for part in _parts(source):
        files |= dict.fromkeys(_files_of(part))
    return tuple(files)


def _files_of(part: Part) -> Iterator[Path]:
    data = Path(part.source.name)
    if isinstance(part, ArrayPart) or not data.is_file():
        raise ParameterError(
            f"`image` must be a file, or an image as it was read from one, to be stored; "
            f"got {part.header.name}, whose values are in memory"
        )
    yield data.resolve()
    header = Path(part.header.name)
    if header.is_file():
        yield header.resolve()
    if isinstance(part, ProxyPart):
        # Formats of two files (PAR/REC) do not say which other one they read.
        yield from sorted(
            path.resolve() for path in data.parent.glob(f"{glob.escape(data.stem)}.*")
        )


def stored_type(source: VolumeSource) -> np.dtype[Any] | None:
    """The one type (native byte order) that all blocks have as stored; None if there is none."""
    parts = _parts(source)
    types = {part.dtype.newbyteorder("=") for part in parts}
    # What nibabel slices comes in float64, whatever the file holds.
    if len(types) != 1 or any(isinstance(part, ProxyPart) for part in parts):
        return None
    return types.pop()


def scalings(source: VolumeSource) -> list[Scaling]:
    """The scalings of all parts, in order: one or as many as volumes for each part."""
    return [scaling for part in _parts(source) for scaling in part.scalings]


def mapped_place(source: VolumeSource) -> Place | None:
    """Where the volumes lie if they can be mapped: one uncompressed, unscaled file."""
    parts = _parts(source)
    part = parts[0]
    if len(parts) > 1 or not isinstance(part, MappedPart):
        return None
    if not all(scaling.is_identity for scaling in part.scalings):
        return None
    return Place(Path(part.source.name), part.offset, part.dtype)


def _parts(source: VolumeSource) -> Sequence[Part]:
    if isinstance(source, JoinedSource):
        return source.parts
    raise ParameterError(f"`image` must be made of files to be stored, got {type(source).__name__}")
