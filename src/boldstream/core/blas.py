"""One thread for the linear algebra of a pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

_lock = Lock()
_inside = 0
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS and LAPACK work in the thread that calls them, for as long as any block is entered.

    Their own threads wait for one another. Beside a thread that decodes, on as
    many cores as there are, a product of small matrices takes up to a hundred
    times as long with them.

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _limits
    with _lock:
        if _inside == 0:
            from threadpoolctl import threadpool_limits

            _limits = threadpool_limits(1, user_api="blas")
        _inside += 1


def _leave() -> None:
    global _inside, _limits
    with _lock:
        _inside -= 1
        # Only the last of several threads gives the others back.
        if _inside == 0:
            _limits.restore_original_limits()
            _limits = None
