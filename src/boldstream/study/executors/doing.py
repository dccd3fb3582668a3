"""One job, done by whoever is here: what goes wrong in it is told, and what it took."""

from __future__ import annotations

import os
import socket
import time
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from boldstream.core.limits import process_memory
from boldstream.study.executors.base import Job, Outcome, Work


def do(work: Work, job: Job) -> Outcome:
    """Do a job, and fill in what its outcome leaves open: time, peak and worker.

    Parameters
    ----------
    work : Work
    job : Job

    Returns
    -------
    Outcome
        Where `work` raises an error, which it should not, one that says so.

    Examples
    --------
    >>> do(lambda job: Outcome(job, done=job.units), Job("1", "plan.json", ("sub-01/betas",))).done
    ('sub-01/betas',)
    """
    forget_peak()
    began = time.perf_counter()
    try:
        outcome = work(job)
    except Exception as error:  # noqa: BLE001 - told by the outcome, with its traceback
        outcome = failure(job, error)
    return replace(
        outcome,
        seconds=outcome.seconds or time.perf_counter() - began,
        peak_bytes=outcome.peak_bytes or process_memory().peak_rss_bytes,
        worker=outcome.worker or this_worker(),
    )


def failure(job: Job, error: Exception) -> Outcome:
    """Tell of a job that nobody could do, or in which `work` let out an error."""
    return Outcome(
        job,
        failed=job.units[0] if job.units else "",
        error=f"{type(error).__name__}: {error}",
        traceback="".join(traceback.format_exception(error)),
    )


def this_worker() -> str:
    """Name this process for reports: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def forget_peak() -> None:
    """Make the kernel's record of this process' peak start anew.

    Where it cannot, the peak is that of the whole process, never too small.
    """
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
