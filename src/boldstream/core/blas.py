"""One thread for the linear algebra of a pass."""

from __future__ import annotations

import os
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
        # In a forked child they may be set, by threads that it has not got.
        if _limits is None:
            from threadpoolctl import threadpool_limits

            _let_anyone_set()
            _limits = threadpool_limits(1, user_api="blas")
            _let_anyone_set()
        _inside += 1


def _leave() -> None:
    global _inside, _limits
    with _lock:
        # A forked child leaves also the blocks that it was in before.
        _inside = max(0, _inside - 1)
        # Only the last of several threads gives the others back.
        if _inside == 0 and _limits is not None:
            _let_anyone_set()
            _limits.restore_original_limits()
            _let_anyone_set()
            _limits = None


def _start_anew() -> None:
    """In a forked child: threads that held the lock or were in a block are not there to leave."""
    global _inside, _lock
    _inside, _lock = 0, Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


def _let_anyone_set() -> None:
    """Have OpenBLAS belong to no thread.

    threadpoolctl 3.8 ignores, without a word, all threads but the first that
    set a limit and still lives. Here the first and the last one may differ.
    """
    from threadpoolctl import OpenBLASController

    clear = getattr(OpenBLASController, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)
