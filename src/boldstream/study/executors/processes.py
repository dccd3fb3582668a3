"""`ProcessExecutor`: workers on this machine."""

from __future__ import annotations

import os
import pickle
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Self

from boldstream.core.checks import integer_in
from boldstream.core.errors import BoldstreamError, ParameterError
from boldstream.study.executors.base import Job, Outcome, Work
from boldstream.study.executors.fitting import thread_variables, threads_each
from boldstream.study.executors.server import WorkerServer, describe_end


@dataclass(eq=False)
class _Worker:
    slot: int
    pid: int
    pipe: Connection
    job: Job | None = None
    began: float = 0.0


class ProcessExecutor:
    """Worker processes of this machine that live until the block is left.

    Each does one job at a time. One that dies, as for want of memory, takes
    only its job with it, and another one takes its place. All of them end with
    this process, however that ends.

    Parameters
    ----------
    work : Work
        A function at the top of a module; it is found there by its name.
    n_workers : int
    memory_limit_per_worker : int
        Bytes that a job gets to know as its `memory` where it brings none; 0
        for what a worker finds.
    pin : bool
        Whether each worker has a core of its own and stays on it, for
        measurements.
    preload : sequence of str
        Modules to load once, before workers are forked from the process that
        has them.

    Raises
    ------
    ParameterError
        If a parameter cannot be used.

    Examples
    --------
    >>> with ProcessExecutor(Outcome, 2) as executor:
    ...     executor.submit(Job("1", "plan.json", ("sub-01/betas",)))
    ...     [outcome.job.id for outcome in executor.wait()]
    ['1']
    """

    def __init__(
        self,
        work: Work,
        n_workers: int,
        *,
        memory_limit_per_worker: int = 0,
        pin: bool = False,
        preload: Sequence[str] = (),
    ) -> None:
        self._work = pickled(work)
        self._n_workers = integer_in("n_workers", n_workers, 1)
        self._memory = integer_in("memory_limit_per_worker", memory_limit_per_worker, 0)
        self._cores = _cores() if pin else []
        self._server = WorkerServer(preload, self._environment())
        self._workers: list[_Worker] = []
        self._pending: deque[Job] = deque()
        self._entered = False

    @property
    def n_workers(self) -> int:
        return self._n_workers

    def __enter__(self) -> Self:
        self._entered = True
        return self

    def __exit__(self, *raised: object) -> None:
        self._entered = False
        self._pending.clear()
        while self._workers:
            self._workers.pop().pipe.close()
        self._server.close()

    def submit(self, job: Job) -> None:
        """Take a job; a worker begins at once if one is free.

        Raises
        ------
        BoldstreamError
            Outside the block, or if no worker can be started.
        """
        if not self._entered:
            raise BoldstreamError("jobs can be given only inside the block of an executor")
        self._pending.append(replace(job, memory=job.memory or self._memory))
        self._give()

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Jobs that ended since the last call; waits for one, at most `timeout` seconds.

        Empty at once where there are none to wait for.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        outcomes: list[Outcome] = []
        while not outcomes and any(worker.job for worker in self._workers):
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            pipes = {worker.pipe: worker for worker in self._workers}
            ready = wait(list(pipes), left)
            ended = [self._receive(pipes[pipe]) for pipe in pipes if pipe in ready]
            outcomes = [outcome for outcome in ended if outcome is not None]
            self._give()
            if not ready:
                break
        return outcomes

    def _give(self) -> None:
        """Have jobs that wait begin, as far as workers are free."""
        while self._pending:
            worker = self._free_worker()
            if worker is None:
                return
            job = self._pending.popleft()
            try:
                worker.pipe.send((self._work, job))
            except OSError:
                # It died while it had nothing to do.
                self._forget(worker)
                self._pending.appendleft(job)
                continue
            worker.job, worker.began = job, time.perf_counter()

    def _free_worker(self) -> _Worker | None:
        for worker in self._workers:
            if worker.job is None:
                return worker
        if len(self._workers) == self._n_workers:
            return None
        slot = min(set(range(self._n_workers)) - {worker.slot for worker in self._workers})
        core = self._cores[slot % len(self._cores)] if self._cores else -1
        self._workers.append(_Worker(slot, *self._server.fork(core)))
        return self._workers[-1]

    def _receive(self, worker: _Worker) -> Outcome | None:
        try:
            outcome: Outcome = worker.pipe.recv()
        except (EOFError, OSError):
            return self._lose(worker)
        worker.job = None
        return outcome

    def _lose(self, worker: _Worker) -> Outcome | None:
        job, status = worker.job, self._server.status_of(worker.pid)
        self._forget(worker)
        if job is None:
            return None
        return Outcome(
            job,
            error=describe_end(worker.pid, status),
            lost=True,
            seconds=time.perf_counter() - worker.began,
            worker=f"{os.uname().nodename}:{worker.pid}",
        )

    def _forget(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        with suppress(OSError):
            worker.pipe.close()

    def _environment(self) -> dict[str, str]:
        n_threads = 1 if self._cores else threads_each(self._n_workers)
        return {**os.environ, **thread_variables(n_threads)}


def pickled(work: Work) -> bytes:
    """Return a function by its name, as bytes.

    Raises
    ------
    ParameterError
        If other processes could not find it.

    Examples
    --------
    >>> pickled(lambda job: Outcome(job))
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `work` must be a function at the top of a module, ...
    """
    try:
        # A worker has another main module.
        if getattr(work, "__module__", None) == "__main__":
            raise AttributeError("it is one of the program that runs")
        return pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ParameterError(
            f"`work` must be a function at the top of a module, got {work!r}: {error}"
        ) from error


def _cores() -> list[int]:
    if not hasattr(os, "sched_getaffinity"):
        raise ParameterError("`pin` must be False on this system, which pins no process to a core")
    return sorted(os.sched_getaffinity(0))
