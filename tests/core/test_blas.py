"""One thread for linear algebra, for as long as anyone asks for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

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
