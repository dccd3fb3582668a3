"""A part: one image of a series, read front to back; and the series made of parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate, cycle, groupby, pairwise
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.freed import freeable
from boldstream.core.jobs import let_go
from boldstream.io.headers import Header
from boldstream.io.source import Block, Read, Scaling, Series, VolumeSource

Chunk = tuple[NDArray[Any], Scaling]
Buffers = Iterator[NDArray[np.uint8]]
TaggedChunks = Generator[tuple[int, Chunk], None, None]
Decoded: TypeAlias = "SimpleQueue[tuple[int, Chunk] | BaseException | None]"
Wanted: TypeAlias = "SimpleQueue[bool]"

_NO_BUFFERS: Buffers = iter(())
_RING = 2


class Part(ABC):
    """One image of a series.

    Attributes
    ----------
    header : Header
    dtype : numpy.dtype
        Of the chunks that `chunks` gives.
    source : Read
    scalings : sequence of Scaling
        Of the chunks: one for all volumes, or one for each.
    decoded : bool
        Whether chunks are decoded into buffers, which is worth a thread.
    """

    header: Header
    dtype: np.dtype[Any]
    source: Read
    scalings: Sequence[Scaling] = (Scaling(),)
    decoded: bool = False

    @abstractmethod
    def chunks(self, volumes: int, buffers: Buffers) -> Generator[Chunk, None, None]:
        """Read all volumes in order, this many or fewer at a time, to the end of the file.

        A decoded part takes the next buffer for every chunk, and no other.
        """

    @abstractmethod
    def extra_bytes(self, volumes: int) -> int:
        """Memory that reading takes beside the chunk itself."""

    def chunk_bytes(self, volumes: int) -> int:
        """Memory of the largest chunk."""
        header = self.header
        return min(volumes, header.n_volumes) * header.grid.n_voxels * self.dtype.itemsize

    @property
    def decoded_bytes(self) -> int:
        """Bytes of all volumes."""
        return self.chunk_bytes(self.header.n_volumes)


@dataclass(frozen=True, eq=False)
class JoinedSource(VolumeSource):
    """Parts on one grid, one after another.

    Attributes
    ----------
    series : Series
    parts : sequence of Part
    runs : sequence of int
        The run that each part belongs to.
    start : int
        Index of the first volume in the series.
    inside : ndarray of bool, shape (x, y, z), or None
    """

    series: Series
    parts: Sequence[Part]
    runs: Sequence[int]
    start: int = 0
    inside: NDArray[np.bool_] | None = None

    @property
    def volumes(self) -> range:
        return range(self.start, self.start + sum(part.header.n_volumes for part in self.parts))

    @property
    def reads(self) -> tuple[Read, ...]:
        return tuple(part.source for part in self.parts)

    def split(self, n: int) -> Sequence[VolumeSource]:
        """Groups of parts, of about the same number of bytes each once they are decoded.

        As many as `n`, or as there are parts.
        """
        starts = [0, *accumulate(part.header.n_volumes for part in self.parts)]
        return [
            JoinedSource(
                self.series,
                self.parts[group.start : group.stop],
                self.runs[group.start : group.stop],
                self.start + starts[group.start],
                self.inside,
            )
            for group in _groups([part.decoded_bytes for part in self.parts], n)
        ]

    def buffer_bytes(self, block_volumes: int) -> int:
        plain = [part for part in self.parts if not part.decoded]
        needs = [
            part.chunk_bytes(block_volumes) + part.extra_bytes(block_volumes) for part in plain
        ]
        for decoded, group in groupby(self.parts, key=lambda part: part.decoded):
            if decoded:
                needs.append(_ring_bytes(list(group), block_volumes))
        return max(needs)

    def blocks(self, block_volumes: int) -> Generator[Block, None, None]:
        start = self.start
        pairs = zip(self.runs, self.parts, strict=True)
        for decoded, group in groupby(pairs, key=lambda pair: pair[1].decoded):
            read = _read_ahead if decoded else _read
            with closing(read(list(group), block_volumes)) as chunks:
                for run, (data, scaling) in chunks:
                    yield Block(data, start, scaling, run)
                    start += len(data)


def _groups(sizes: Sequence[int], n: int) -> list[range]:
    """Stretches of about the same size, `n` of them or one for each part.

    Each part goes where its middle lies, unless a stretch would be left empty.
    """
    n = min(n, len(sizes))
    total, ends = sum(sizes), accumulate(sizes)
    middles = [n * (2 * end - size) for end, size in zip(ends, sizes, strict=True)]
    cuts = [0]
    for i in range(1, n):
        wanted = bisect_left(middles, 2 * total * i)
        cuts.append(min(max(wanted, cuts[-1] + 1), len(sizes) - n + i))
    return [range(a, b) for a, b in pairwise([*cuts, len(sizes)])]


def _read(pairs: Sequence[tuple[int, Part]], volumes: int) -> TaggedChunks:
    return _chunks_of(pairs, volumes, _NO_BUFFERS)


def _chunks_of(pairs: Sequence[tuple[int, Part]], volumes: int, buffers: Buffers) -> TaggedChunks:
    for run, part in pairs:
        with closing(part.chunks(volumes, buffers)) as chunks:
            for chunk in chunks:
                yield run, chunk


def _read_ahead(pairs: Sequence[tuple[int, Part]], volumes: int) -> TaggedChunks:
    """Decode the next chunk, of the next file where it comes to that, while one is in use.

    Two buffers take turns, and the next decode starts only when the consumer
    asks for its result: what it holds is never written to.
    """
    size = max(part.chunk_bytes(volumes) for _, part in pairs)
    buffers = cycle([freeable((1, size), np.uint8)[0] for _ in range(_RING)])
    decoded: Decoded = SimpleQueue()
    wanted: Wanted = SimpleQueue()
    chunks = _chunks_of(pairs, volumes, buffers)
    # A thread that ends by itself when told, and queues: an interrupt, which may come at
    # any point, cannot leave them half locked as it can an executor and its futures.
    thread = Thread(target=_decode, args=(chunks, decoded, wanted), name="boldstream-decode")
    try:
        thread.start()
        while (item := decoded.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            wanted.put(True)
            yield item
    finally:
        wanted.put(False)
        if thread.ident is not None:
            thread.join()
        # An error holds this frame, and the frame would hold the error: buffers would
        # stay until the garbage collector came.
        item = None


def _decode(chunks: TaggedChunks, decoded: Decoded, wanted: Wanted) -> None:
    """Put each chunk, then None or what went wrong; go on while more is wanted."""
    try:
        with closing(chunks):
            for chunk in chunks:
                decoded.put(chunk)
                if not wanted.get():
                    return
        decoded.put(None)
    except BaseException as error:  # noqa: BLE001 - raised again by the reader
        let_go(error)
        decoded.put(error)


def _ring_bytes(parts: Sequence[Part], volumes: int) -> int:
    buffers = _RING * max(part.chunk_bytes(volumes) for part in parts)
    return buffers + max(part.extra_bytes(volumes) for part in parts)
