"""`SerialExecutor`: all in this process, one job after another."""

from __future__ import annotations

from collections import deque
from typing import Self

from boldstream.study.executors.base import Job, Outcome, Work
from boldstream.study.executors.doing import do


class SerialExecutor:
    """Does jobs in this process, in the order in which they came.

    Parameters
    ----------
    work : Work

    Examples
    --------
    >>> with SerialExecutor(lambda job: Outcome(job, done=job.units)) as executor:
    ...     executor.submit(Job("1", "plan.json", ("sub-01/betas",)))
    ...     [outcome.done for outcome in executor.wait()]
    [('sub-01/betas',)]
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._jobs: deque[Job] = deque()

    @property
    def n_workers(self) -> int:
        return 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._jobs.clear()

    def submit(self, job: Job) -> None:
        """Take a job; it is done by `wait`."""
        self._jobs.append(job)

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Do the next job, however long that takes, and say how it ended."""
        return [do(self._work, self._jobs.popleft())] if self._jobs else []
