"""`MemoryMappedArray`: an array whose values stay in a file until they are touched."""

from __future__ import annotations

import math
import mmap
import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from boldstream.core.checks import integer_in, one_of
from boldstream.core.errors import OutputExistsError, ParameterError, StorageError
from boldstream.memory.folders import reserve

Mode: TypeAlias = Literal["r", "r+", "w+"]
Order: TypeAlias = Literal["C", "F"]
Memmap: TypeAlias = "np.memmap[Any, np.dtype[Any]]"


class Closable(Protocol):
    """What a hold is: open until it is closed."""

    def close(self) -> None: ...


class MemoryMappedArray:
    """An array in a file, mapped into memory: pages are read when they are touched.

    It is pickled by its path: a worker that gets one opens the file again and
    shares its pages. Closing is safe at any time: views that were taken before
    stay valid, and the pages leave memory with the last of them.

    Parameters
    ----------
    file_path : path
    shape : tuple of int
    dtype : dtype
        Of plain numbers, byte order included.
    order : {"C", "F"}
        Which axis lies together in the file: the last ("C") or the first ("F").
    offset : int
        Bytes of the file before the first value.
    mode : {"r", "r+", "w+"}
        Read; read and write; make a new file and write. The disk that a new
        file needs is taken when it is made, so writing cannot run out of it.
    hold : callable, optional
        Called whenever the file is opened, after unpickling too; what it
        returns is closed with the array. The store keeps its entries from
        being removed in this way.

    Raises
    ------
    StorageError
        If the file is missing or too short, or the disk has no room for it.
    OutputExistsError
        If the file to be made exists.
    ParameterError
        If shape, dtype, order, offset or mode cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with MemoryMappedArray(Path(folder, "a.dat"), (2, 3), "f4", mode="w+") as values:
    ...         values[:] = 7
    ...         float(values.array.sum()), values.size_gb == 24 / 1024**3
    (42.0, True)
    """

    def __init__(
        self,
        file_path: str | os.PathLike[str],
        shape: Sequence[int],
        dtype: DTypeLike,
        *,
        order: Order = "C",
        offset: int = 0,
        mode: Mode = "r",
        hold: Callable[[], Closable] | None = None,
    ) -> None:
        # Absolute, as a worker that unpickles it may run in another folder.
        self.file_path = Path(file_path).expanduser().absolute()
        self.shape = _checked_shape(shape)
        self.dtype = _number_type(dtype)
        self.order: Order = one_of("order", order, ("C", "F"))
        self.offset = integer_in("offset", offset, 0)
        self.mode: Mode = one_of("mode", mode, ("r", "r+", "w+"))
        self._hold = hold
        self._owns_file = mode == "w+"
        self._array: Memmap | None = None
        self._let_go: Callable[[], object] = _nothing
        if self._owns_file:
            self._make_file()
        self._open()

    @property
    def array(self) -> Memmap:
        """The values as a numpy array; raises `StorageError` once this is closed."""
        if self._array is None:
            raise StorageError(f"{self.file_path} is closed; open the array again to use it")
        return self._array

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def size_gb(self) -> float:
        """Size of the values in GB of 1024³ bytes."""
        return self.nbytes / 1024**3

    @property
    def closed(self) -> bool:
        return self._array is None

    def flush(self) -> None:
        """Write changes to the disk; other processes of this machine see them at once anyway."""
        if self.mode != "r":
            self.array.flush()

    def drop_pages(self) -> None:
        """Give back the memory of the pages that were touched; they are read again on demand.

        Touched pages count as memory of this process. Changes are not lost:
        they belong to the file.
        """
        base = _mapping_of(self.array)
        if base is not None:
            base.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Let go of the file. Views stay valid; the array itself can no longer be used."""
        # Never unmap: a view that is still there would read memory that is gone.
        self._array = None
        self._let_go()

    def cleanup(self) -> None:
        """Close, and remove the file if it was made here (``mode="w+"``)."""
        self.close()
        if self._owns_file:
            self.file_path.unlink(missing_ok=True)

    def _make_file(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(self.file_path, flags, 0o600)
        except FileExistsError as error:
            raise OutputExistsError(f"{self.file_path} exists already") from error
        except OSError as error:
            raise StorageError(f"{self.file_path} cannot be made: {error.strerror}") from error
        try:
            reserve(descriptor, self.offset + self.nbytes)
        except BaseException:
            self.file_path.unlink()
            raise
        finally:
            os.close(descriptor)

    def _open(self) -> None:
        if self._hold is not None:
            # Also when the array is forgotten without being closed.
            self._let_go = weakref.finalize(self, self._hold().close)
        try:
            self._array = self._map()
        except BaseException:
            self._let_go()
            raise

    def _map(self) -> Memmap:
        writes = self.mode != "r"
        try:
            with self.file_path.open("r+b" if writes else "rb") as file:
                found, asked = os.fstat(file.fileno()).st_size, self.offset + self.nbytes
                # Touching a page past the end of a file would kill the process.
                if found < asked:
                    raise StorageError(
                        f"{self.file_path} must hold at least {asked} bytes, got {found}"
                    )
                return np.memmap(
                    file,
                    self.dtype,
                    "r+" if writes else "r",
                    offset=self.offset,
                    shape=self.shape,
                    order=self.order,
                )
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(f"{self.file_path} cannot be mapped: {error.strerror}") from error

    def __getitem__(self, key: Any) -> Any:
        return self.array[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.mode == "r":
            raise ParameterError(
                f"{self.file_path} must be opened with mode='r+' to be written to, got 'r'"
            )
        self.array[key] = value

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype, copy=copy)

    def __enter__(self) -> MemoryMappedArray:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        # The copy is a reader or writer of a file that is there, and never its owner.
        again = {"mode": "r+" if self.mode == "w+" else self.mode, "_owns_file": False}
        return self.__dict__ | again | {"_array": None, "_let_go": _nothing}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def __repr__(self) -> str:
        state = ", closed" if self.closed else ""
        shape = " × ".join(str(n) for n in self.shape)
        return f"MemoryMappedArray({shape} {self.dtype} in {self.file_path}, {self.mode!r}{state})"


def _nothing() -> None:
    """Let go of nothing: no hold was asked for."""


def is_mapped(array: Any) -> bool:
    """Whether the values of an array lie in a mapped file.

    The type says nothing: a plain ndarray can be a view of a map, and a
    ``np.memmap`` can hold values of its own. What counts is the base.

    Parameters
    ----------
    array : array_like
        Of any type.

    Examples
    --------
    >>> import numpy as np
    >>> is_mapped(np.zeros(3)), is_mapped(np.zeros(3).view(np.memmap))
    (False, False)
    """
    return _mapping_of(array.array if isinstance(array, MemoryMappedArray) else array) is not None


def _mapping_of(array: Any) -> mmap.mmap | None:
    """Follow the bases of an array down to the mapped file, if it ends in one."""
    base = array
    while base is not None and not isinstance(base, mmap.mmap):
        # What numpy was given a buffer by is wrapped in a memoryview.
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    if not len(shape):
        raise ParameterError("`shape` must have one axis at least, got ()")
    return tuple(integer_in("shape", n, 1) for n in shape)


def _number_type(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        number = np.dtype(dtype)
    except TypeError as error:
        raise ParameterError(f"`dtype` must be a type of numbers, got {dtype!r}") from error
    if number.kind not in "biufc":
        raise ParameterError(f"`dtype` must be a type of numbers, got {number}")
    return number
