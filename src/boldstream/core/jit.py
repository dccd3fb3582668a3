"""`jit`: how kernels are compiled, in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# Sums may be taken in any order, so that they use the vector units; NaN and
# infinity keep their meaning.
_FAST = {"reassoc", "contract", "arcp", "nsz"}


def jit(kernel: Kernel) -> Kernel:
    """Compile a kernel at its first call; later processes find it compiled.

    It runs without the GIL, so that threads work side by side, and divides as
    numpy does: a division by 0 gives infinity.

    Examples
    --------
    >>> @jit
    ... def half(x):
    ...     return x / 2
    >>> half.py_func(3.0)
    1.5
    """
    # A function of a console has no file that its machine code could be kept beside.
    kept = Path(kernel.__code__.co_filename).is_file()
    compiled = numba.njit(cache=kept, nogil=True, error_model="numpy", fastmath=_FAST)(kernel)
    if kept:
        _outdate_with_any(compiled)
    return cast("Kernel", compiled)


def _outdate_with_any(compiled: Any) -> None:
    """Have machine code be made anew when any kernel changes.

    numba looks at the file of a kernel alone, and would go on with what it
    has built in of kernels of other files.
    """
    file = compiled._cache._cache_file
    file._source_stamp = (file._source_stamp, _stamp_of_all())


@cache
def _stamp_of_all() -> tuple[tuple[str, int, int], ...]:
    """Time and size of every file with kernels, and of this one."""
    package = Path(__file__).parents[1]
    files = [Path(__file__), *sorted((package / "kernels").rglob("*.py"))]
    states = [(file, file.stat()) for file in files]
    return tuple((file.name, state.st_mtime_ns, state.st_size) for file, state in states)
