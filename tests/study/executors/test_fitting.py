"""How many workers, and how many threads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream.core.errors import MemoryBudgetError, ParameterError
from boldstream.core.jobs import resolve_n_jobs
from boldstream.study.executors.fitting import (
    THREAD_VARIABLES,
    fit_workers,
    thread_variables,
    threads_each,
)

GIB = 2**30


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
            fit_workers(n_jobs, budget, need, shared_bytes=shared)
        return
    n = fit_workers(n_jobs, budget, need, shared_bytes=shared)
    assert 1 <= n <= n_jobs
    assert shared + n * need <= budget
    assert n == n_jobs or shared + (n + 1) * need > budget


def test_the_error_names_both_sizes() -> None:
    message = r"one worker needs 3 GiB, 1 GiB may be taken \(2 GiB in all; 1 GiB are held already\)"
    with pytest.raises(MemoryBudgetError, match=message):
        fit_workers(2, 2 * GIB, 3 * GIB, shared_bytes=GIB)


def test_without_a_prediction_it_is_what_is_asked_for() -> None:
    assert fit_workers(3, 0, 0) == 3
    assert fit_workers(-1, 0, 0) == resolve_n_jobs(-1)
    with pytest.raises(ParameterError, match="`n_jobs` must be a positive integer"):
        fit_workers(0, GIB, 1)


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
