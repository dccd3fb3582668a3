"""Jobs: how many to run at a time, and threads that never outlive who started them."""

from __future__ import annotations

import operator
import os
import sys
import traceback
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from types import TracebackType
from typing import Any, Generic, TypeVar

from boldstream.core.errors import ParameterError

Item = TypeVar("Item")


def resolve_n_jobs(n_jobs: Any) -> int:
    """Return how many jobs may run at a time: `n_jobs` itself, or for -1 one for each core.

    Raises
    ------
    ParameterError
        If `n_jobs` is neither -1 nor an integer above 0.

    Examples
    --------
    >>> resolve_n_jobs(3), resolve_n_jobs(-1) >= 1
    (3, True)
    >>> resolve_n_jobs(0)
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `n_jobs` must be a positive integer, or -1 ..., got 0
    """
    wanted = hasattr(n_jobs, "__index__") and not isinstance(n_jobs, bool)
    number = operator.index(n_jobs) if wanted else 0
    if number == -1:
        return _n_cores()
    if number < 1:
        raise ParameterError(
            f"`n_jobs` must be a positive integer, or -1 for all cores, got {n_jobs!r}"
        )
    return number


def _n_cores() -> int:
    """Cores that this process may use; a job of a cluster may not use all of the machine's."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def let_go(error: BaseException | None) -> None:
    """Empty the frames that an error and its causes hold: buffers would live as long as they."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__


@dataclass(frozen=True)
class _End:
    """A job has come to its end, or to an error."""

    error: BaseException | None = None


class Crew(Generic[Item]):
    """Generators that run side by side, each in a thread of its own.

    At most one item of each waits to be taken, so that none fills memory with
    what nobody looks at yet. Leaving the ``with`` block, by an error or an
    interrupt too, stops each at its next item, closes it, and waits for its
    thread.

    Examples
    --------
    >>> def count(stop):
    ...     yield from range(stop)
    >>> with Crew() as crew:
    ...     crew.start(count(2))
    ...     crew.start(count(3))
    ...     sorted(crew.items())
    [0, 0, 1, 1, 2]
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[Item, Semaphore] | _End] = SimpleQueue()
        self._stopped = Event()
        self._threads: list[Thread] = []
        self._rooms: list[Semaphore] = []
        self._running = 0

    def __enter__(self) -> Crew[Item]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        for room in self._rooms:
            room.release()
        for thread in self._threads:
            # An interrupt may have come before it was started.
            if thread.ident is not None:
                thread.join()

    def start(self, job: Generator[Item, None, None]) -> None:
        """Run a job; it may be done while the items of others are taken."""
        room = Semaphore()
        thread = Thread(target=self._run, args=(job, room), name="boldstream-job")
        self._rooms.append(room)
        self._threads.append(thread)
        self._running += 1
        thread.start()

    def items(self) -> Iterator[Item]:
        """What the jobs yield, as it comes, until all of them are done.

        The first error of a job is raised here.
        """
        while self._running:
            found = self._queue.get()
            if not isinstance(found, _End):
                item, room = found
                room.release()
                # What is held here would not be freed before the next one is there.
                del found
                yield item
                del item
                continue
            self._running -= 1
            if found.error is not None:
                try:
                    raise found.error
                finally:
                    # The error holds this frame, which must not hold the error.
                    del found

    def _run(self, job: Generator[Item, None, None], room: Semaphore) -> None:
        try:
            with closing(job):
                for item in job:
                    room.acquire()
                    self._queue.put((item, room))
                    if self._stopped.is_set():
                        return
            self._queue.put(_End())
        except BaseException as error:  # noqa: BLE001 - raised again by `items`
            let_go(error)
            self._queue.put(_End(error))


def together(jobs: Sequence[Generator[Item, None, None]]) -> Generator[Item, None, None]:
    """What all jobs yield, as it comes; one alone needs no thread and runs in that of the caller.

    Closing it stops them all; the first error of any is raised.
    """
    if len(jobs) == 1:
        yield from jobs[0]
        return
    crew: Crew[Item] = Crew()
    with crew:
        for job in jobs:
            crew.start(job)
        yield from crew.items()
