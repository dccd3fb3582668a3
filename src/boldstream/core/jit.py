"""`jit`: how kernels are compiled, in one place."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar, cast

import numba
from numba.core import caching

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# Sums may be taken in any order, so that they use the vector units; NaN and
# infinity keep their meaning.
_FAST = {"reassoc", "contract", "arcp", "nsz"}
# What unpickling a damaged file raises, by the documentation of pickle and by trial.
_UNREADABLE = (
    *(AttributeError, EOFError, ImportError, IndexError, KeyError, OSError, TypeError),
    *(UnpicklingError, ValueError),
)
_FunctionCache: Any = caching.FunctionCache
_logger = logging.getLogger(__name__)


def jit(kernel: Kernel) -> Kernel:
    """Compile a kernel at its first call; later processes find it compiled.

    It runs without the GIL, so that threads work side by side, and divides as
    numpy does: a division by 0 gives infinity. Where no folder can keep it,
    every process compiles it, and a warning in the log says so.

    Examples
    --------
    >>> @jit
    ... def half(x):
    ...     return x / 2
    >>> half(3.0)
    1.5
    """
    compiled: Any = numba.njit(nogil=True, error_model="numpy", fastmath=_FAST)(kernel)
    # A function of a console has no file that its machine code could be kept beside.
    file = Path(kernel.__code__.co_filename)
    # With NUMBA_DISABLE_JIT=1 nothing is compiled, and so nothing is kept.
    if file.is_file() and compiled is not kernel:
        kept = _find_cache(kernel, file.parent)
        if kept is not None:
            compiled._cache = kept
    return cast("Kernel", compiled)


class _Cache(_FunctionCache):  # type: ignore[misc]
    """Machine code in files. Where they are damaged or cannot be written, it is compiled."""

    def __init__(self, kernel: Callable[..., Any]) -> None:
        super().__init__(kernel)
        # numba looks at the file of the kernel alone, and would go on with what
        # it has built in of kernels of other files.
        self._cache_file._source_stamp = (self._cache_file._source_stamp, _stamp_of_all())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except _UNREADABLE:
            self._forget()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            if not self._cache_file._load_index():
                self._remove_outdated()
            super().save_overload(sig, data)
        except OSError:
            self._forget()

    def _remove_outdated(self) -> None:
        """Remove code of former sources: the index is written first, and would name it as new."""
        name = self._cache_file._index_name.removesuffix(".nbi")
        for file in Path(self.cache_path).glob(f"{name}.*.nbc"):
            file.unlink(missing_ok=True)

    def _forget(self) -> None:
        """Have the index made anew."""
        with suppress(OSError):
            Path(self._cache_file._index_path).unlink(missing_ok=True)


def _find_cache(kernel: Callable[..., Any], folder: Path) -> _Cache | None:
    """Where the code of a kernel is kept; None where nothing can be written."""
    # Without a home numba would make a folder of the name "~" where the user is.
    known = os.path.expanduser("~") != "~" or os.environ.get("XDG_CACHE_HOME")  # noqa: PTH111
    if known or os.environ.get("NUMBA_CACHE_DIR") or os.access(folder, os.W_OK):
        # What numba raises where it finds no folder.
        with suppress(RuntimeError):
            return _Cache(kernel)
    _say_that_none_is_kept()
    return None


# Once for each process, not for each kernel.
@cache
def _say_that_none_is_kept() -> None:
    _logger.warning(
        "compiled kernels cannot be kept, so every process takes seconds to compile them: neither "
        "the package's folder nor the user's cache folder can be written to; NUMBA_CACHE_DIR may "
        "name another"
    )


@cache
def _stamp_of_all() -> str:
    """Digest of every file with kernels, and of this one: their times need not tell."""
    package = Path(__file__).parents[1]
    digest = sha256()
    for file in [Path(__file__), *sorted((package / "kernels").rglob("*.py"))]:
        digest.update(sha256(file.read_bytes()).digest())
    return digest.hexdigest()
