"""`RemoteExecutor`: jobs on the workers of a dask scheduler."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Self
from uuid import uuid4

from boldstream.core.errors import BoldstreamError
from boldstream.core.optional import import_optional
from boldstream.study.executors.base import Job, Outcome, Work
from boldstream.study.executors.doing import do, failure
from boldstream.study.executors.fitting import thread_variables

# Without pages to look at: those of dask are not encrypted.
PRIVATE_SCHEDULER = {
    "allowed_failures": 0,
    "dashboard": False,
    "dashboard_address": "127.0.0.1:0",
}
_TICK_SECONDS = 0.1
_FETCH_SECONDS = 2.0


@dataclass(frozen=True)
class Place:
    """A worker of a cluster of our own.

    Attributes
    ----------
    name : str
    free : bool
        Whether it takes jobs; one that is about to end does not.
    """

    name: str
    free: bool


@dataclass(eq=False)
class _Running:
    job: Job
    future: Any
    began: float
    address: str | None


class RemoteJobs:
    """Jobs that a dask client sends away, and how they ended.

    Parameters
    ----------
    client : distributed.Client
    work : Work
    places : callable, optional
        Gives the workers by address. Each gets one job at a time then, and it
        is seen at once which job is lost with which worker. Without it the
        scheduler decides: it tries a job again on other workers, as it is set
        to, before it tells that it is lost, and jobs that it has sent to the
        same workers may be lost with it.
    explain : callable
        Says why the worker of a name is gone.
    tend : callable, optional
        Called with these jobs again and again while one is waited for; gives
        outcomes of those that it ends.
    """

    def __init__(
        self,
        client: Any,
        work: Work,
        *,
        places: Callable[[], Mapping[str, Place]] | None = None,
        explain: Callable[[str], str] = "worker {} died, as when memory runs out".format,
        tend: Callable[[RemoteJobs], list[Outcome]] | None = None,
    ) -> None:
        self._killed: Any = import_dask("distributed.scheduler").KilledWorker
        self.client = client
        self._work = work
        self._places = places
        self._explain = explain
        self._tend = tend
        self._names: dict[str, str] = {}
        self._pending: deque[Job] = deque()
        self._running: dict[str, _Running] = {}
        self._ended: SimpleQueue[Any] = SimpleQueue()

    @property
    def n_open(self) -> int:
        """Jobs that did not end yet."""
        return len(self._pending) + len(self._running)

    @property
    def busy(self) -> set[str]:
        """Names of the workers that have a job."""
        return {self._name_of(running.address) for running in self._running.values()}

    def submit(self, job: Job) -> None:
        self._pending.append(job)
        if self._places is None and self.client.status == "running":
            self._give_all()

    def wait(self, timeout: float | None) -> list[Outcome]:
        """Jobs that ended; waits for one, at most `timeout` seconds."""
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            outcomes = self._look_after()
            outcomes += [] if self._tend is None else self._tend(self)
            left = deadline - time.monotonic()
            outcomes += self._take(0.0 if outcomes else max(0.0, min(left, _TICK_SECONDS)))
            if outcomes or not self.n_open or left <= 0:
                return outcomes

    def cancel(self) -> None:
        """Forget all jobs; those that run are broken off where their workers end."""
        self._pending.clear()
        if self._running:
            self.client.cancel([running.future for running in self._running.values()])
        self._running.clear()

    def give_up(self, reason: str) -> list[Outcome]:
        """End the jobs that no worker has begun."""
        outcomes = [Outcome(job, error=reason, lost=True) for job in self._pending]
        self._pending.clear()
        return outcomes

    def _look_after(self) -> list[Outcome]:
        """Tell of jobs whose workers are gone, and give others to free ones."""
        if self.client.status in ("closing", "closed"):
            return self._lose_all("the dask scheduler is gone")
        if self._places is None:
            self._give_all()
            return []
        places = self._places()
        self._names.update((address, place.name) for address, place in places.items())
        gone = [key for key, running in self._running.items() if running.address not in places]
        outcomes = [self._lose(key) for key in gone]
        busy = {running.address for running in self._running.values()}
        for address, place in places.items():
            if self._pending and place.free and address not in busy:
                self._give(self._pending.popleft(), address)
        return outcomes

    def _give_all(self) -> None:
        while self._pending:
            self._give(self._pending.popleft(), None)

    def _give(self, job: Job, address: str | None) -> None:
        key = f"{job.id}-{uuid4().hex}"
        future = self.client.submit(
            do, self._work, job, key=key, pure=False, retries=0, workers=address
        )
        self._running[key] = _Running(job, future, time.perf_counter(), address)
        future.add_done_callback(self._ended.put)

    def _take(self, timeout: float) -> list[Outcome]:
        outcomes: list[Outcome] = []
        try:
            # Only the first is waited for.
            while True:
                future = self._ended.get(timeout=0 if outcomes else timeout)
                outcome = self._outcome_of(future)
                if outcome is not None:
                    outcomes.append(outcome)
        except Empty:
            return outcomes

    def _outcome_of(self, future: Any) -> Outcome | None:
        running = self._running.get(future.key)
        if running is None:
            return None
        try:
            outcome: Outcome = future.result(timeout=_FETCH_SECONDS)
        except TimeoutError:
            # Its worker died with the outcome, and it is done again.
            future.add_done_callback(self._ended.put)
            return None
        except self._killed as error:
            self._names[error.last_worker.address] = str(error.last_worker.name)
            return self._lose(future.key, error.last_worker.address)
        except CancelledError as error:
            reason = f"dask gave it up: {' '.join(str(error).split())}"
            outcome = Outcome(running.job, error=reason, lost=True)
        except Exception as error:  # noqa: BLE001 - told by the outcome, with its traceback
            outcome = failure(running.job, error)
        del self._running[future.key]
        return outcome

    def _lose(self, key: str, address: str | None = None) -> Outcome:
        running = self._running.pop(key)
        address = address or running.address or ""
        self.client.cancel([running.future])
        return Outcome(
            running.job,
            error=self._explain(self._name_of(address)),
            lost=True,
            seconds=time.perf_counter() - running.began,
            worker=address,
        )

    def _name_of(self, address: str | None) -> str:
        return self._names.get(address or "", address or "")

    def _lose_all(self, reason: str) -> list[Outcome]:
        outcomes = [
            Outcome(running.job, error=reason, lost=True) for running in self._running.values()
        ]
        self._running.clear()
        return outcomes + self.give_up(reason)


class RemoteExecutor(ABC):
    """An executor whose workers a dask client reaches, as long as its block lasts."""

    _jobs: RemoteJobs | None = None

    @abstractmethod
    def _open(self, stack: ExitStack) -> RemoteJobs:
        """Start, or find, the workers; what has to end with the block goes onto the stack."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._jobs = self._open(stack)
            stack.callback(self._jobs.cancel)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *raised: object) -> None:
        self._jobs = None
        self._stack.close()

    def submit(self, job: Job) -> None:
        """Take a job; `wait` sees to it that there are workers for it.

        Raises
        ------
        BoldstreamError
            Outside the block.
        """
        self._inside().submit(job)

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Jobs that ended since the last call; waits for one, at most `timeout` seconds.

        Workers are watched meanwhile, and those of our own asked for and replaced.
        """
        return self._inside().wait(timeout)

    def _inside(self) -> RemoteJobs:
        if self._jobs is None:
            raise BoldstreamError("jobs can be given only inside the block of an executor")
        return self._jobs


@contextmanager
def private_dask(folder: Path) -> Iterator[None]:
    """Have clusters that are made in this block serve no pages, and keep their files in a folder.

    Their workers have one thread each for numerical libraries.
    """
    changed: dict[str, Any] = {
        "temporary-directory": str(folder),
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.nanny.pre-spawn-environ": thread_variables(1),
    }
    with import_dask("dask").config.set(changed):
        yield


def import_dask(module: str) -> Any:
    """Import a module of dask.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    return import_optional(module, extra="cluster", purpose="dask and SLURM clusters")
