"""How many workers memory carries, and how many threads each may have."""

from __future__ import annotations

import os
from collections.abc import Mapping

from boldstream.core.budget import format_bytes
from boldstream.core.checks import integer_in
from boldstream.core.errors import MemoryBudgetError
from boldstream.core.jobs import resolve_n_jobs

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def fit_workers(n_jobs: int, budget_bytes: int, need_bytes: int, *, shared_bytes: int = 0) -> int:
    """Say how many workers the memory carries, at most as many as are asked for.

    Parameters
    ----------
    n_jobs : int
        Workers that are asked for; -1 for one for each core.
    budget_bytes : int
        Memory of all processes together.
    need_bytes : int
        Of one worker at its peak.
    shared_bytes : int
        Held once, however many workers there are: by the program that gives
        them work.

    Raises
    ------
    MemoryBudgetError
        If it does not carry even one.
    ParameterError
        If a number makes no sense.

    Examples
    --------
    >>> fit_workers(8, 10 << 30, 3 << 30)
    3
    >>> fit_workers(8, 2 << 30, 3 << 30, shared_bytes=1 << 30)
    Traceback (most recent call last):
    boldstream.core.errors.MemoryBudgetError: one worker needs 3 GiB, 1 GiB may be taken (2 GiB ...
    """
    wanted = resolve_n_jobs(n_jobs)
    integer_in("need_bytes", need_bytes, 0)
    left = max(0, budget_bytes - integer_in("shared_bytes", shared_bytes, 0))
    if need_bytes > left:
        beside = f"; {format_bytes(shared_bytes)} are held already" if shared_bytes else ""
        raise MemoryBudgetError(
            f"one worker needs {format_bytes(need_bytes)}, {format_bytes(left)} may be taken "
            f"({format_bytes(budget_bytes)} in all{beside})"
        )
    return min(wanted, left // need_bytes) if need_bytes else wanted


def threads_each(n_workers: int) -> int:
    """Threads that each of so many workers may have, so that together they are no more than cores.

    Examples
    --------
    >>> threads_each(10_000)
    1
    """
    return max(1, resolve_n_jobs(-1) // n_workers)


def thread_variables(n_threads: int, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables of the environment that hold numerical libraries to so many threads.

    Where one asks for fewer already, it stays.

    Examples
    --------
    >>> thread_variables(4, {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "64"})["OMP_NUM_THREADS"]
    '2'
    """
    asked = {name: environ.get(name, "") for name in THREAD_VARIABLES}
    return {
        name: str(min(n_threads, int(text)) if text.isdigit() and int(text) else n_threads)
        for name, text in asked.items()
    }
