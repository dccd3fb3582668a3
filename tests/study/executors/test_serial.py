"""`SerialExecutor`, and what `do` tells of a job."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from boldstream.study.executors.base import Executor, Job, Outcome
from boldstream.study.executors.doing import do
from boldstream.study.executors.serial import SerialExecutor
from tests.study.executors.work import act, job_of

MIB = 2**20


def test_jobs_are_done_here_and_in_order(tmp_path: Path) -> None:
    executor: Executor = SerialExecutor(act)
    with executor:
        for number in range(3):
            executor.submit(job_of(number, tmp_path / "plan", f"write {number}"))
        assert not list(tmp_path.iterdir())
        ended = [executor.wait()[0] for _ in range(3)]
        assert executor.wait() == []
    assert [outcome.job.id for outcome in ended] == ["job-0", "job-1", "job-2"]
    assert (tmp_path / "1").read_text() == f"{os.getpid()}\n"
    assert executor.n_workers == 1


def test_an_error_that_work_let_out_is_told_with_its_traceback(tmp_path: Path) -> None:
    outcome = do(act, job_of(1, tmp_path / "plan", "fail no such file", "write x"))
    assert (outcome.failed, outcome.lost) == ("fail no such file", False)
    assert outcome.error == "ValueError: no such file"
    assert "in _fail" in outcome.traceback
    assert not (tmp_path / "x").exists()


def test_ctrl_c_goes_through() -> None:
    def interrupted(job: Job) -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        do(interrupted, Job("1", "plan", ()))


def test_time_peak_and_worker_are_filled_in_and_what_work_says_stays(tmp_path: Path) -> None:
    outcome = do(act, job_of(1, tmp_path / "plan", "sleep 0.05"))
    assert 0.05 <= outcome.seconds < 5
    assert outcome.worker == f"{socket.gethostname()}:{os.getpid()}"
    told = do(lambda job: Outcome(job, seconds=7, peak_bytes=8, worker="me"), outcome.job)
    assert (told.seconds, told.peak_bytes, told.worker) == (7, 8, "me")


def test_the_peak_is_that_of_this_job_alone() -> None:
    def fill(job: Job) -> Outcome:
        return Outcome(job, done=(str(len(b"x" * (300 * MIB))),))

    job = Job("1", "plan", ())
    large, small = do(fill, job), do(Outcome, job)
    assert large.peak_bytes - small.peak_bytes > 250 * MIB
