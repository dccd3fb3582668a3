from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from threading import Event, active_count
from time import sleep

import pytest

from boldstream.core.jobs import together


def test_jobs_do_not_run_ahead_of_who_takes_what_they_find() -> None:
    made = []

    def job(name: int) -> Generator[int, None, None]:
        for number in range(50):
            made.append((name, number))
            yield number

    with closing(together([job(0), job(1)])) as found:
        next(found)
        sleep(0.05)
        # Of each: one that waits, one that is ready, and the one that was taken.
        assert len(made) <= 5
        assert sum(1 for _ in found) == 99


@pytest.mark.parametrize("n_taken", [1, 5])
def test_leaving_ends_jobs_that_wait_to_be_heard(n_taken: int) -> None:
    closed, before = [Event(), Event()], active_count()

    def job(ended: Event) -> Generator[int, None, None]:
        try:
            yield from range(1_000)
        finally:
            ended.set()

    with closing(together([job(ended) for ended in closed])) as found:
        for _ in range(n_taken):
            next(found)
        sleep(0.02)
    assert all(ended.is_set() for ended in closed)
    assert active_count() == before


def test_the_error_of_a_job_stops_the_others() -> None:
    def endless() -> Generator[int, None, None]:
        while True:
            yield 1

    def broken() -> Generator[int, None, None]:
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(together([endless(), broken()]))
