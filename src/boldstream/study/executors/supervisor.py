"""`Supervisor`: has as many SLURM jobs as there is work for, and replaces those that end."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Set
from dataclasses import dataclass

from boldstream.core.errors import ParameterError
from boldstream.study.executors.slurm_queue import SlurmQueue

# What SLURM has put back in its queue for good, as where a node's prolog fails.
_NOT_STARTED = re.compile("launch.failed.requeued.held")
_logger = logging.getLogger(__name__)

# A job that waits in the queue is asked after often at first, to see early what cannot start.
_EARLY_SECONDS, _ASK_EARLY, _ASK_LATER = 60.0, 2.0, 30.0


@dataclass
class _SlurmJob:
    submitted: float
    joined: bool = False


class Supervisor:
    """Watches the workers of an executor, each of which is a job of SLURM.

    A worker that has joined and is gone has lost its job, and another one is
    submitted at once. Of those that have not joined yet, SLURM is asked: the log
    says why they wait. When jobs end again and again before their workers join,
    or cannot be started, no more are submitted.
    Those that there is no work for are given back after a while.

    Parameters
    ----------
    queue : SlurmQueue
    script : str
        What is submitted. Its worker is named by the id of the job.
    n_workers : int
        Jobs at a time, at most.
    idle_seconds : float
        How long there must be more of them than work before some are given
        back; the next step of a study may bring more.
    """

    def __init__(
        self, queue: SlurmQueue, script: str, n_workers: int, *, idle_seconds: float
    ) -> None:
        self._queue = queue
        self._script = script
        self._n_workers = n_workers
        self._jobs: dict[str, _SlurmJob] = {}
        self._attempts_left = self._attempts = 2 * n_workers + 1
        self._next_question = self._next_attempt = 0.0
        self._trouble = self._reason = ""
        self._idle_seconds = idle_seconds
        self._needed_at = time.monotonic()

    @property
    def workers(self) -> Set[str]:
        """Names of those that are to work, here or not."""
        return self._jobs.keys()

    def tend(self, workers: Set[str], busy: Set[str], n_open: int) -> str:
        """See to it that there are workers.

        Parameters
        ----------
        workers : set of str
            Names of those that have joined and are here.
        busy : set of str
            Names of those that have work.
        n_open : int
            Jobs of the executor that did not end.

        Returns
        -------
        str
            Why there is no hope of one; empty while there is.
        """
        self._note_who_joined(workers)
        gone = {name for name, job in self._jobs.items() if job.joined} - workers
        self._queue.cancel(sorted(gone))
        for name in gone:
            del self._jobs[name]
        self._ask_after_others()
        self._give_back(busy, n_open)
        while len(self._jobs) < min(self._n_workers, n_open) and self._may_submit():
            self._submit()
        if self._jobs or self._attempts_left or not n_open:
            return ""
        self._attempts_left = self._attempts
        return f"no worker can be had from SLURM: {self._trouble}"

    def close(self) -> None:
        """End all jobs."""
        self._queue.cancel_all()
        self._jobs.clear()

    def _note_who_joined(self, workers: Set[str]) -> None:
        for name in workers & self._jobs.keys():
            if not self._jobs[name].joined:
                self._jobs[name].joined = True
                self._attempts_left = self._attempts

    def _ask_after_others(self) -> None:
        now = time.monotonic()
        waiting = [name for name, job in self._jobs.items() if not job.joined]
        if not waiting or now < self._next_question:
            return
        youngest = min(now - self._jobs[name].submitted for name in waiting)
        self._next_question = now + (_ASK_EARLY if youngest < _EARLY_SECONDS else _ASK_LATER)
        reasons = self._queue.reasons()
        if reasons is not None:
            # Jobs too that SLURM took although it did not answer: nobody would give them work.
            self._queue.cancel(sorted(reasons.keys() - self._jobs.keys()))
            for name in waiting:
                self._look_at(name, reasons.get(name))

    def _look_at(self, name: str, reason: str | None) -> None:
        """At a job whose worker has not joined; `reason` is why it waits, None if it is gone."""
        if reason is None:
            del self._jobs[name]
            self._fail(self._queue.how_it_ended(name))
        elif _NOT_STARTED.search(reason):
            self._queue.cancel([name])
            del self._jobs[name]
            self._fail(f"SLURM job {name} could not be started: {reason}")
        elif reason not in ("None", self._reason):
            self._reason = reason
            _logger.info("SLURM lets job %s wait: %s", name, reason)

    def _give_back(self, busy: Set[str], n_open: int) -> None:
        now = time.monotonic()
        n_idle = len(self._jobs) - n_open
        if n_idle <= 0:
            self._needed_at = now
        elif now - self._needed_at > self._idle_seconds:
            idle = self._jobs.keys() - busy
            # First those that still wait in the queue.
            chosen = sorted(idle, key=lambda name: self._jobs[name].joined)[:n_idle]
            self._queue.cancel(chosen)
            for name in chosen:
                del self._jobs[name]

    def _may_submit(self) -> bool:
        return self._attempts_left > 0 and time.monotonic() >= self._next_attempt

    def _submit(self) -> None:
        try:
            name = self._queue.submit(self._script)
        except ParameterError as error:
            # It took the script when the block was entered: its controller may be busy.
            self._next_attempt = time.monotonic() + _ASK_EARLY
            self._fail(str(error))
            return
        self._jobs[name] = _SlurmJob(time.monotonic())

    def _fail(self, trouble: str) -> None:
        self._attempts_left = max(0, self._attempts_left - 1)
        self._trouble = trouble
        _logger.warning("%s", trouble)
