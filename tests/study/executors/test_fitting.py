"""How many workers, and how many threads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream.core.budget import Budget
from boldstream.core.errors import MemoryBudgetError, ParameterError
from boldstream.core.jobs import resolve_n_jobs
from boldstream.study.executors.fitting import (
    THREAD_VARIABLES,
    fit_workers,
    thread_variables,
    threads_each,
)

GIB = 2**30


def of(n_bytes: int) -> Budget:
    """A budget of so many bytes."""
    return Budget(n_bytes, 0, "RAM")


@given(
    n_jobs=st.integers(1, 100),
    budget=st.integers(0, 100 * GIB),
    need=st.integers(1, 20 * GIB),
    shared=st.integers(0, 5 * GIB),
)
def test_as_many_as_memory_carries_and_not_one_more(
    n_jobs: int, budget: int, need: int, shared: int
) -> None:
    if shared + need > budget:
        with pytest.raises(MemoryBudgetError):
            fit_workers(n_jobs, of(budget), need, shared_bytes=shared)
        return
    n = fit_workers(n_jobs, of(budget), need, shared_bytes=shared)
    assert 1 <= n <= n_jobs
    assert shared + n * need <= budget
    assert n == n_jobs or shared + (n + 1) * need > budget


@pytest.mark.parametrize(
    ("source", "name", "got"),
    [("RAM", "memory", r"2 GiB \(RAM\)"), ("memory_limit", "`memory.limit`", "2 GiB")],
)
def test_the_error_names_the_limit_that_decides(source: str, name: str, got: str) -> None:
    message = (
        f"^{name} must be at least 5 GiB: 3 GiB for a worker, 1 GiB for the program that gives it "
        f"work, and 20% of all left free; got {got}$"
    )
    with pytest.raises(MemoryBudgetError, match=message):
        fit_workers(2, Budget(2 * GIB, 0, source), 3 * GIB, shared_bytes=GIB, left_free=0.2)


def test_without_a_prediction_it_is_what_is_asked_for() -> None:
    assert fit_workers(3, of(0), 0) == 3
    assert fit_workers(-1, of(0), 0) == resolve_n_jobs(-1)
    with pytest.raises(ParameterError, match="`n_jobs` must be a positive integer"):
        fit_workers(0, of(GIB), 1)


def test_threads_of_all_workers_are_no_more_than_cores() -> None:
    cores = resolve_n_jobs(-1)
    assert threads_each(1) == cores
    assert all(n * threads_each(n) <= cores for n in range(1, cores + 1))


def test_fewer_threads_that_a_user_asked_for_stay() -> None:
    asked = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "8", "OPENBLAS_NUM_THREADS": "many"}
    found = thread_variables(2, asked)
    assert set(found) == set(THREAD_VARIABLES)
    assert found.pop("OMP_NUM_THREADS") == "1"
    assert set(found.values()) == {"2"}
