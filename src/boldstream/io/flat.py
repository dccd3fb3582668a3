"""Images whose volumes lie in a file as one flat run of bytes: mapped, or decoded into buffers."""

from __future__ import annotations

import bz2
import gzip
import mmap
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import CorruptImageError
from boldstream.io.headers import Header
from boldstream.io.parts import Buffers, Chunk, Part
from boldstream.io.source import Read, Scaling
from boldstream.io.translate import AGAIN, read_head, translated

# Deflate makes at most 1032 bytes of one.
_LARGEST_GZIP_RATIO = 1032
# What isal, gzip and bz2 hold beside the caller's buffer, as measured.
_DECODER_BYTES = 1 << 20
# Some readers make a bytes object of what they are asked for and copy it: asked
# for little at a time, it stays in the processor's cache.
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class FlatFile:
    """Where the volumes lie, and what their values mean.

    Attributes
    ----------
    path : Path
    offset : int
        Of the first volume, in bytes after decompression.
    dtype : numpy.dtype
        As stored, byte order included.
    scalings : sequence of Scaling
        One for all volumes, or one for each.
    """

    path: Path
    offset: int
    dtype: np.dtype[Any]
    scalings: Sequence[Scaling]

    def spans(self, n_volumes: int, volumes: int) -> Iterator[tuple[int, Scaling]]:
        """Numbers of volumes to read at a time, with the scaling that they share."""
        if len(self.scalings) == 1:
            stretches = [(self.scalings[0], n_volumes)]
        else:
            stretches = [(scaling, len(list(same))) for scaling, same in groupby(self.scalings)]
        for scaling, length in stretches:
            for start in range(0, length, volumes):
                yield min(volumes, length - start), scaling


def open_flat(file: FlatFile, header: Header) -> Part:
    """Make a part of a flat file, after a check that the file can hold all volumes.

    Raises
    ------
    ImageFileError
        If the file is missing or is no image.
    CorruptImageError
        If it is too small for what the header asks for, or that lies before its start.
    """
    read_head(file.path)
    if file.offset < 0:
        raise CorruptImageError(
            f"{file.path} is damaged: by its header the data start {-file.offset} bytes before the "
            "file does"
        )
    with translated(file.path):
        stored = file.path.stat().st_size
    asked = file.offset + header.n_volumes * header.grid.n_voxels * file.dtype.itemsize
    suffix = file.path.suffix.lower()
    if suffix in (".gz", ".mgz"):
        _check_size(file.path, stored * _LARGEST_GZIP_RATIO, asked, "can hold at most")
        return CompressedPart(header, file, stored, "gzip")
    if suffix in (".bz2", ".zst"):
        return CompressedPart(header, file, stored, suffix[1:])
    _check_size(file.path, stored, asked, "holds")
    return MappedPart(header, file, stored)


def _check_size(path: Path, held: int, asked: int, verb: str) -> None:
    if held < asked:
        raise CorruptImageError(
            f"{path} is truncated: it {verb} {held} bytes, its header asks for {asked}{AGAIN}"
        )


class MappedPart(Part):
    """An uncompressed file; chunks are views of its pages."""

    def __init__(self, header: Header, file: FlatFile, stored_bytes: int) -> None:
        self.header, self.dtype, self._file = header, file.dtype, file
        self.scalings, self.offset = file.scalings, file.offset
        self.source = Read(str(file.path), stored_bytes, "mapped, without a copy")

    def extra_bytes(self, volumes: int) -> int:
        return mmap.ALLOCATIONGRANULARITY

    def chunks(self, volumes: int, buffers: Buffers) -> Generator[Chunk, None, None]:
        file, n_voxels = self._file, self.header.grid.n_voxels
        position = file.offset
        with translated(file.path):
            stream = file.path.open("rb")
        with stream:
            for n, scaling in file.spans(self.header.n_volumes, volumes):
                size = n * n_voxels * file.dtype.itemsize
                with translated(file.path, damage=True):
                    flat = _map(stream, position, size).view(file.dtype)
                yield flat.reshape(n, n_voxels), scaling
                # The pages of a chunk leave memory with the last reference to it.
                del flat
                position += size


def _map(stream: BinaryIO, position: int, size: int) -> NDArray[np.uint8]:
    lead = position % mmap.ALLOCATIONGRANULARITY
    pages = mmap.mmap(stream.fileno(), lead + size, access=mmap.ACCESS_READ, offset=position - lead)
    pages.madvise(mmap.MADV_SEQUENTIAL)
    return np.frombuffer(pages, np.uint8, size, lead)


class _Stream(Protocol):
    def readinto(self, buffer: Any, /) -> int: ...
    def close(self) -> None: ...


class _GzipStream:
    """Gzip by the reader that lies below the buffer of a `gzip.GzipFile`.

    `GzipFile.readinto` copies what it has read while it holds the interpreter's
    lock; this reader decodes into the caller's memory with the lock let go.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.readinto: Callable[[Any], int] = file._buffer.raw.readinto

    def close(self) -> None:
        self._file.close()


class CompressedPart(Part):
    """A compressed file, decoded straight into the buffers and always to its end."""

    decoded = True

    def __init__(self, header: Header, file: FlatFile, stored_bytes: int, method: str) -> None:
        self.header, self.dtype, self._file, self._method = header, file.dtype, file, method
        self.scalings = file.scalings
        how = _decoder_name() if method == "gzip" else method
        self.source = Read(str(file.path), stored_bytes, f"decoded once by {how}")

    def extra_bytes(self, volumes: int) -> int:
        return _DECODER_BYTES

    def chunks(self, volumes: int, buffers: Buffers) -> Generator[Chunk, None, None]:
        file, n_voxels = self._file, self.header.grid.n_voxels
        with translated(file.path):
            stream = _open_decoder(file.path, self._method)
        try:
            self._skip_to_volumes(stream)
            for n, scaling in file.spans(self.header.n_volumes, volumes):
                buffer = next(buffers)[: n * n_voxels * file.dtype.itemsize]
                self._fill(stream, buffer)
                yield buffer.view(file.dtype).reshape(n, n_voxels), scaling
            self._read_to_end(stream)
        finally:
            stream.close()

    def _skip_to_volumes(self, stream: _Stream) -> None:
        scratch = np.empty(_PIECE_BYTES, np.uint8)
        for start in range(0, self._file.offset, _PIECE_BYTES):
            self._fill(stream, scratch[: self._file.offset - start])

    def _fill(self, stream: _Stream, buffer: NDArray[np.uint8]) -> None:
        view, filled = memoryview(buffer.data), 0
        while filled < len(view):
            with translated(self._file.path, damage=True):
                got = stream.readinto(view[filled : filled + _PIECE_BYTES])
            if not got:
                raise CorruptImageError(
                    f"{self._file.path} is truncated: its data end before the last of the "
                    f"{self.header.n_volumes} volumes that its header asks for{AGAIN}"
                )
            filled += got

    def _read_to_end(self, stream: _Stream) -> None:
        """Decode what follows the volumes: checksum and length stand at the very end."""
        scratch = np.empty(_PIECE_BYTES, np.uint8)
        with translated(self._file.path, damage=True):
            while stream.readinto(scratch):
                pass


def _decoder_name() -> str:
    try:
        import isal.igzip  # noqa: F401
    except ImportError:
        return "stdlib gzip (isal is not installed)"
    return "isal"


def _open_decoder(path: Path, method: str) -> _Stream:
    if method == "gzip":
        try:
            from isal import igzip
        except ImportError:
            return _GzipStream(gzip.open(path, "rb"))
        return _GzipStream(igzip.open(path, "rb"))
    if method == "bz2":
        return bz2.open(path, "rb")
    from nibabel.openers import ImageOpener

    return cast("_Stream", ImageOpener(str(path)))
