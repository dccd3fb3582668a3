"""`ProcessExecutor`: what it does, what its workers look like, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from boldstream.core.errors import BoldstreamError, ParameterError
from boldstream.core.jobs import resolve_n_jobs
from boldstream.study.executors.base import Executor, Job, Outcome
from boldstream.study.executors.fitting import THREAD_VARIABLES
from boldstream.study.executors.processes import ProcessExecutor
from tests.study.executors.processes import family_of, lives, start_program, wait_until
from tests.study.executors.work import act, job_of


def all_of(executor: Executor, n_jobs: int) -> list[Outcome]:
    ended: list[Outcome] = []
    while len(ended) < n_jobs:
        found = executor.wait(60)
        assert found
        ended += found
    return ended


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return tmp_path / "plan"


@pytest.fixture(autouse=True)
def _nothing_stays_behind() -> Iterator[None]:
    processes = family_of(os.getpid())
    files = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert family_of(os.getpid()) <= processes
    assert len(list(Path("/proc/self/fd").iterdir())) <= files


def facts_of(plan: Path, executor: Executor, n_jobs: int = 1) -> list[dict[str, Any]]:
    for number in range(n_jobs):
        executor.submit(job_of(number, plan, f"describe facts-{number}", "sleep 0.3"))
    all_of(executor, n_jobs)
    return [json.loads(plan.with_name(f"facts-{n}").read_text()) for n in range(n_jobs)]


def test_workers_work_side_by_side_and_stay(plan: Path) -> None:
    executor: Executor = ProcessExecutor(act, 2)
    with executor:
        for number in range(6):
            # Each waits for the one beside it, which one worker could not begin.
            executor.submit(job_of(number, plan, f"write {number}", f"await {number ^ 1}"))
        ended = all_of(executor, 6)
        assert executor.wait() == []
    assert {outcome.job.id for outcome in ended} == {f"job-{n}" for n in range(6)}
    assert all(outcome.done == outcome.job.units for outcome in ended)
    assert len({plan.with_name(str(n)).read_text() for n in range(6)}) == 2
    assert executor.n_workers == 2


@pytest.mark.parametrize(
    ("unit", "error"),
    [
        ("kill SIGKILL", r"worker \d+ was killed by signal 9 \(SIGKILL\), .* memory runs out"),
        ("kill SIGSEGV", r"worker \d+ was killed by signal 11 \(SIGSEGV\)$"),
        ("exit 3", r"worker \d+ ended in the middle of a job, with exit status 3"),
        ("hang-up", r"worker \d+ was killed by signal 9"),
    ],
)
def test_a_worker_that_dies_ends_its_job_alone(plan: Path, unit: str, error: str) -> None:
    with ProcessExecutor(act, 2) as executor:
        executor.submit(job_of(0, plan, unit))
        for number in range(1, 5):
            executor.submit(job_of(number, plan, "sleep 0.05"))
        ended = {outcome.job.id: outcome for outcome in all_of(executor, 5)}
    lost = ended.pop("job-0")
    assert lost.lost
    assert re.match(error, lost.error)
    assert (lost.done, lost.failed, lost.traceback) == ((), "", "")
    assert all(outcome.done for outcome in ended.values())


def test_a_job_that_was_lost_can_be_given_again(plan: Path) -> None:
    with ProcessExecutor(act, 1) as executor:
        executor.submit(job_of(0, plan, "once 60"))
        wait_until(plan.with_name("once").exists)
        (worker,) = plan.parent.glob("pid-*")
        os.kill(int(worker.name.removeprefix("pid-")), signal.SIGKILL)
        (lost,) = executor.wait(60)
        assert lost.lost
        executor.submit(lost.job)
        (done,) = executor.wait(60)
    assert done.done == ("once 60",)


def test_a_worker_that_dies_idle_is_not_missed(plan: Path) -> None:
    with ProcessExecutor(act, 1) as executor:
        (facts,) = facts_of(plan, executor)
        (idle,) = family_of(os.getpid()) - {facts["parent"]} - _others(facts["parent"])
        os.kill(idle, signal.SIGKILL)
        wait_until(lambda: not lives(idle), 30)
        executor.submit(job_of(1, plan, "write x"))
        (outcome,) = executor.wait(60)
    assert outcome.done == ("write x",)
    assert not outcome.lost


def _others(server: int) -> set[int]:
    """Processes of this one that are not of the executor."""
    return family_of(os.getpid()) - family_of(server) - {server}


def test_all_workers_and_who_forks_them_can_die(plan: Path) -> None:
    with ProcessExecutor(act, 2) as executor:
        (facts,) = facts_of(plan, executor)
        for number in range(2):
            executor.submit(job_of(number, plan, "once 60"))
        os.kill(facts["parent"], signal.SIGKILL)
        ended = {outcome.job.id: outcome for outcome in all_of(executor, 2)}
        assert any(outcome.lost for outcome in ended.values())
        executor.submit(job_of(2, plan, "write x"))
        assert executor.wait(60)[0].done == ("write x",)


def test_time_runs_out_and_a_job_is_told_later(plan: Path) -> None:
    with ProcessExecutor(act, 1) as executor:
        executor.submit(job_of(0, plan, "sleep 0.5"))
        assert executor.wait(0) == []
        assert executor.wait(0.05) == []
        assert executor.wait(60)[0].done


def test_what_work_lets_out_is_told(plan: Path) -> None:
    with ProcessExecutor(act, 1) as executor:
        executor.submit(job_of(0, plan, "fail on purpose"))
        (outcome,) = executor.wait(60)
    assert not outcome.lost
    assert outcome.error == "ValueError: on purpose"
    assert "in _fail" in outcome.traceback


def test_numerical_libraries_get_their_share_of_the_cores(plan: Path) -> None:
    with ProcessExecutor(act, 2, preload=["numpy"]) as executor:
        (facts,) = facts_of(plan, executor)
    share = max(1, resolve_n_jobs(-1) // 2)
    assert {facts["environ"][name] for name in THREAD_VARIABLES} == {str(share)}
    assert "numpy" in facts["modules"]


def test_a_worker_loads_nothing_that_is_not_asked_for(plan: Path) -> None:
    with ProcessExecutor(act, 1) as executor:
        (facts,) = facts_of(plan, executor)
    assert not {"numpy", "nibabel", "sklearn", "pandas"} & set(facts["modules"])


def test_pinned_workers_stay_on_a_core_each(plan: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.fail("needs two cores")
    with ProcessExecutor(act, 2, pin=True) as executor:
        facts = facts_of(plan, executor, 2)
    assert sorted(fact["cores"] for fact in facts) == [[cores[0]], [cores[1]]]
    assert {fact["environ"]["OMP_NUM_THREADS"] for fact in facts} == {"1"}


def test_a_job_gets_to_know_the_limit_unless_it_brings_one() -> None:
    with ProcessExecutor(Outcome, 1, memory_limit_per_worker=1000) as executor:
        executor.submit(Job("1", "plan", ()))
        executor.submit(Job("2", "plan", (), memory=10))
        memory = {outcome.job.id: outcome.job.memory for outcome in all_of(executor, 2)}
    assert memory == {"1": 1000, "2": 10}


def test_work_that_no_worker_can_find_is_refused() -> None:
    def local(job: Job) -> Outcome:
        return Outcome(job)

    with pytest.raises(ParameterError, match="`work` must be a function at the top of a module"):
        ProcessExecutor(local, 1)
    with pytest.raises(ParameterError, match="`n_workers` must be an integer of at least 1"):
        ProcessExecutor(act, 0)


def test_a_job_outside_the_block_is_refused(plan: Path) -> None:
    executor = ProcessExecutor(act, 1)
    with pytest.raises(BoldstreamError, match="only inside the block"):
        executor.submit(job_of(0, plan))


def test_what_cannot_be_loaded_is_an_error(plan: Path, capfd: pytest.CaptureFixture[str]) -> None:
    executor = ProcessExecutor(act, 1, preload=["no_such_package"])
    with executor, pytest.raises(BoldstreamError, match=r"no worker can be started.*exit status 1"):
        executor.submit(job_of(0, plan))
    assert "No module named 'no_such_package'" in capfd.readouterr().err


def test_a_round_trip_is_short() -> None:
    with ProcessExecutor(Outcome, 1) as executor:
        seconds = []
        for number in range(200):
            began = time.perf_counter()
            executor.submit(Job(str(number), "plan", ("sub-01/betas",)))
            assert executor.wait(60)
            seconds.append(time.perf_counter() - began)
    # The shortest: others may keep the cores busy.
    assert min(seconds) < 0.005


def test_an_error_in_the_block_ends_workers_so_that_they_can_tidy_up(plan: Path) -> None:
    temporary = plan.with_name("temporary")
    began = time.monotonic()

    def interrupted() -> None:
        with ProcessExecutor(act, 2) as executor:
            executor.submit(job_of(0, plan, "tidy 60", "write late"))
            executor.submit(job_of(1, plan, "stubborn 60"))
            wait_until(lambda: temporary.exists() and len(list(plan.parent.glob("pid-*"))) == 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - began < 45
    assert not temporary.exists()
    assert not plan.with_name("late").exists()


PROGRAM = """
import sys
from pathlib import Path
from boldstream.study.executors.processes import ProcessExecutor
from tests.study.executors.work import act, job_of

plan = Path(sys.argv[1])
with ProcessExecutor(act, 2) as executor:
    executor.submit(job_of(0, plan, "tidy 60"))
    executor.submit(job_of(1, plan, "stubborn 60"))
    executor.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_the_program(plan: Path, number: signal.Signals) -> None:
    temporary = plan.parent / "tmp"
    temporary.mkdir()
    program = start_program(PROGRAM, plan, TMPDIR=str(temporary))
    wait_until(lambda: len(list(plan.parent.glob("pid-*"))) == 2)
    family = family_of(program.pid)
    assert len(family) == 3
    # No semaphores and no shared memory, so that none can be left.
    for pid in {program.pid, *family}:
        assert "/dev/shm" not in Path(f"/proc/{pid}/maps").read_text()
    if number == signal.SIGINT:
        # As a terminal does: to all of them.
        os.killpg(program.pid, number)
    else:
        program.send_signal(number)
    program.wait(30)
    wait_until(lambda: not any(map(lives, family)), 30)
    assert not plan.with_name("temporary").exists()
    assert not list(temporary.iterdir())


def test_a_script_needs_no_guard_and_is_run_once(plan: Path) -> None:
    script = plan.with_name("script.py")
    script.write_text(f"print('once')\n{PROGRAM.replace('tidy 60', 'write x').replace('60', '0')}")
    command = [sys.executable, str(script), str(plan)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("once\n", "")
