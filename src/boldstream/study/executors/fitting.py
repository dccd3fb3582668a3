"""How many workers memory carries, and how many threads each may have."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

from boldstream.core.budget import Budget, format_bytes
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


def fit_workers(
    n_jobs: int, budget: Budget, need_bytes: int, *, shared_bytes: int = 0, left_free: float = 0.0
) -> int:
    """Say how many workers the memory carries, at most as many as are asked for.

    Parameters
    ----------
    n_jobs : int
        Workers that are asked for; -1 for one for each core.
    budget : Budget
        Memory of all processes together.
    need_bytes : int
        Of one worker at its peak.
    shared_bytes : int
        Held once, however many workers there are: by the program that gives
        them work.
    left_free : float
        Share of the budget that nobody takes.

    Raises
    ------
    MemoryBudgetError
        If it does not carry even one.
    ParameterError
        If a number makes no sense.

    Examples
    --------
    >>> fit_workers(8, Budget(10 << 30, 0, "RAM"), 3 << 30)
    3
    >>> fit_workers(8, Budget(2 << 30, 0, "RAM"), 3 << 30, shared_bytes=1 << 30)
    Traceback (most recent call last):
    boldstream.core.errors.MemoryBudgetError: memory must be at least 4 GiB: 3 GiB for a worker, ...
    """
    wanted = resolve_n_jobs(n_jobs)
    integer_in("need_bytes", need_bytes, 0)
    left = usable_bytes(budget, left_free) - integer_in("shared_bytes", shared_bytes, 0)
    if need_bytes > left:
        least = math.ceil((need_bytes + shared_bytes) / (1 - left_free))
        is_given = budget.source == "memory_limit"
        raise MemoryBudgetError(
            f"{'`memory.limit`' if is_given else 'memory'} must be at least {format_bytes(least)}: "
            f"{format_bytes(need_bytes)} for a worker, {format_bytes(shared_bytes)} for the "
            f"program that gives it work, and {left_free:.0%} of all left free; got "
            f"{format_bytes(budget.peak_bytes)}{'' if is_given else f' ({budget.source})'}"
        )
    return min(wanted, left // need_bytes) if need_bytes else wanted


def usable_bytes(budget: Budget, left_free: float) -> int:
    """What of a budget may be taken where a share of it is left free.

    Examples
    --------
    >>> usable_bytes(Budget(1000, 0, "RAM"), 0.2)
    800
    """
    return math.floor(budget.peak_bytes * (1 - left_free))


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
