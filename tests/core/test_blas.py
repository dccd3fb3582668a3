"""One thread for linear algebra, for as long as anyone asks for it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from boldstream.core import blas
from boldstream.core.blas import one_blas_thread


def n_threads() -> list[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    found = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert found, "numpy's BLAS is not seen"
    return found


@pytest.fixture(autouse=True, params=["held", "let go"])
def two_threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """More than one, on machines of one core too; the main thread may hold on to its limit."""
    limits = threadpool_limits(2, user_api="blas")
    if request.param == "held":
        with limits:
            yield
        return
    with one_blas_thread():
        pass
    yield
    with limits:
        pass


def test_one_inside_and_as_before_after() -> None:
    before = n_threads()
    assert set(before) == {2}
    with one_blas_thread():
        assert set(n_threads()) == {1}
        with one_blas_thread():
            assert set(n_threads()) == {1}
        assert set(n_threads()) == {1}
    assert n_threads() == before


def test_errors_give_the_threads_back() -> None:
    def fail() -> None:
        with one_blas_thread():
            raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            fail()
    assert set(n_threads()) == {2}


def test_a_function_can_be_called_again() -> None:
    @one_blas_thread()
    def seen() -> list[int]:
        return n_threads()

    assert set(seen()) == set(seen()) == {1}
    assert set(n_threads()) == {2}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_last_of_several_threads_gives_back(order: tuple[int, int]) -> None:
    """Also where the thread that entered first goes on living."""
    entered, leave, left = ([threading.Event() for _ in range(2)] for _ in range(3))
    end = threading.Event()

    def work(i: int) -> None:
        with one_blas_thread():
            entered[i].set()
            leave[i].wait(10)
        left[i].set()
        end.wait(10)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread, event in zip(threads, entered, strict=True):
        thread.start()
        assert event.wait(10)
    seen = [n_threads()]
    for i in order:
        leave[i].set()
        assert left[i].wait(10)
        seen.append(n_threads())
    end.set()
    for thread in threads:
        thread.join()
    assert [set(found) for found in seen] == [{1}, {1}, {2}]


def test_many_at_once() -> None:
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(20):
            with one_blas_thread():
                if set(n_threads()) != {1}:
                    wrong.append(n_threads())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert set(n_threads()) == {2}


def forked(work: Callable[[], None]) -> int:
    """Do some work in a forked child, which has 20 s; its exit code."""
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(20)
    alive = child.is_alive()
    child.kill()
    assert not alive, "the child hangs"
    assert child.exitcode is not None
    return child.exitcode


def test_a_forked_child_does_not_wait_for_threads_that_it_has_not_got() -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with one_blas_thread():
            entered.set()
            leave.wait(60)

    def work() -> None:
        assert set(n_threads()) == {1}
        with one_blas_thread():
            assert set(n_threads()) == {1}
        assert set(n_threads()) == {2}

    other = threading.Thread(target=hold)
    other.start()
    entered.wait(20)
    try:
        assert forked(work) == 0
        # As where the fork comes while another thread sets or resets them.
        with blas._lock:
            assert forked(work) == 0
    finally:
        leave.set()
        other.join()
    assert set(n_threads()) == {2}


def test_a_child_that_is_forked_inside_leaves_what_it_is_in() -> None:
    def work() -> None:
        with one_blas_thread():
            assert set(n_threads()) == {1}

    with one_blas_thread():
        assert forked(work) == 0
        pid = os.fork()
        if pid == 0:
            os._exit(0 if set(n_threads()) == {1} else 1)
        assert os.waitpid(pid, 0)[1] == 0
    assert set(n_threads()) == {2}
