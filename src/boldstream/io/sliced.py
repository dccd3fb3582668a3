"""Images that are sliced: arrays in memory, and formats that only nibabel can read."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.io.headers import Header
from boldstream.io.parts import Buffers, Chunk, Part
from boldstream.io.source import Read, Scaling
from boldstream.io.translate import translated

_UNSCALED = Scaling()


def _volumes(data: Any, axis: int | None, start: int, stop: int) -> NDArray[Any]:
    """Volumes as flat rows, x fastest; a view where the array is in Fortran order."""
    if axis is None:
        return np.asarray(data[...]).T.reshape(1, -1)
    span = (slice(None),) * axis + (slice(start, stop),)
    some = np.asarray(data[(*span, ...)])
    return np.moveaxis(some, axis, -1).T.reshape(stop - start, -1)


class ArrayPart(Part):
    """An array in memory."""

    def __init__(self, header: Header, array: NDArray[Any]) -> None:
        self.header = header
        # Sums and differences of booleans are no numbers; their bytes are.
        self._array = array.view(np.uint8) if array.dtype == bool else array
        self.dtype = self._array.dtype
        self.source = Read(header.name, array.nbytes, "in memory")

    def extra_bytes(self, volumes: int) -> int:
        return 0

    def chunks(self, volumes: int, buffers: Buffers) -> Generator[Chunk, None, None]:
        header = self.header
        for start in range(0, header.n_volumes, volumes):
            stop = min(start + volumes, header.n_volumes)
            yield _volumes(self._array, header.axis, start, stop), _UNSCALED


class ProxyPart(Part):
    """An image that nibabel slices and scales, in float64 as `get_fdata` gives it."""

    dtype = np.dtype(np.float64)

    def __init__(self, header: Header, proxy: Any, *, stored_bytes: int, held_bytes: int) -> None:
        self.header, self._proxy, self._held_bytes = header, proxy, held_bytes
        self.source = Read(header.name, stored_bytes, "sliced by nibabel")

    def extra_bytes(self, volumes: int) -> int:
        # nibabel reads a slice as stored and scales a copy of it.
        return self._held_bytes + 2 * self.chunk_bytes(volumes)

    def chunks(self, volumes: int, buffers: Buffers) -> Generator[Chunk, None, None]:
        header = self.header
        for start in range(0, header.n_volumes, volumes):
            stop = min(start + volumes, header.n_volumes)
            with translated(header.name, damage=True):
                rows = _volumes(self._proxy, header.axis, start, stop)
            yield rows.astype(np.float64, copy=False), _UNSCALED
