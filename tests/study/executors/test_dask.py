"""`DaskExecutor`: a cluster of our own, one that runs already, and none at all."""

from __future__ import annotations

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
from boldstream.study.executors.base import Executor, Outcome
from boldstream.study.executors.dask import DaskExecutor
from tests.study.executors.processes import family_of, lives, start_program, wait_until
from tests.study.executors.work import act, job_of

distributed = pytest.importorskip("distributed")


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "caches"
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(folder))
    return folder


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return tmp_path / "plan"


def ended(executor: Executor, n_jobs: int) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    while len(found) < n_jobs:
        outcomes = executor.wait(60)
        assert outcomes
        found |= {outcome.job.id: outcome for outcome in outcomes}
    return found


def test_a_cluster_of_our_own_works_and_leaves_nothing(
    plan: Path, caches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = plan.parent / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    processes = family_of(os.getpid())
    with DaskExecutor(act, n_workers=2) as executor:
        ours = family_of(os.getpid()) - processes
        for number in range(6):
            executor.submit(job_of(number, plan, "sleep 0.2", f"write {number}"))
        found = ended(executor, 6)
        assert executor.wait() == []
    assert all(outcome.done == outcome.job.units for outcome in found.values())
    assert len({plan.with_name(str(number)).read_text() for number in range(6)}) == 2
    assert executor.n_workers == 2
    # The tracker of `multiprocessing` stays with the program that has used it.
    assert len([pid for pid in ours if lives(pid)]) <= 1
    assert list(caches.iterdir()) == list(temporary.iterdir()) == []


def test_a_worker_that_dies_takes_its_own_job_alone_with_it(plan: Path) -> None:
    with DaskExecutor(act, n_workers=2) as executor:
        for number, unit in enumerate(("kill SIGKILL", "exit 3", "fail on purpose", "sleep 0.1")):
            executor.submit(job_of(number, plan, unit))
        found = ended(executor, 4)
        assert [found[f"job-{n}"].lost for n in range(4)] == [True, True, False, False]
        assert re.fullmatch(r"worker \d died, as when memory runs out", found["job-0"].error)
        assert found["job-2"].error == "ValueError: on purpose"
        assert "in _fail" in found["job-2"].traceback
        executor.submit(job_of(5, plan, "write again"))
        assert ended(executor, 1)["job-5"].done


def test_it_is_encrypted_and_shows_no_pages(plan: Path) -> None:
    with DaskExecutor(act, n_workers=1) as executor:
        executor.submit(job_of(0, plan, "describe facts"))
        ended(executor, 1)
        client = executor._inside().client
        address = client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        with pytest.raises(OSError, match=r"reset|Timed out"):
            distributed.Client(address.replace("tls", "tcp"), timeout=1, set_as_default=False)
        routes = client.cluster.scheduler.http_application.wildcard_router.rules
        assert [rule for rule in routes if "status" in str(rule.matcher)] == []


def test_an_error_in_the_block_ends_workers(plan: Path) -> None:
    def interrupted() -> None:
        with DaskExecutor(act, n_workers=1) as executor:
            executor.submit(job_of(0, plan, "sleep 120"))
            wait_until(lambda: executor.wait(0.05) == [] and list(plan.parent.glob("pid-*")))
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - began < 20
    (mark,) = plan.parent.glob("pid-*")
    assert not lives(int(mark.name.removeprefix("pid-")))


PROGRAM = """
import sys
from pathlib import Path
from boldstream.study.executors.dask import DaskExecutor
from tests.study.executors.work import act, job_of

if __name__ == "__main__":
    plan = Path(sys.argv[1])
    with DaskExecutor(act, n_workers=1) as executor:
        executor.submit(job_of(0, plan, "sleep 120"))
        executor.wait()
"""


def test_workers_end_with_the_program_and_the_next_one_tidies_up(plan: Path, caches: Path) -> None:
    program = start_program(PROGRAM, plan)
    wait_until(lambda: list(plan.parent.glob("pid-*")))
    family = family_of(program.pid)
    program.kill()
    program.wait(30)
    wait_until(lambda: not any(map(lives, family)), 60)
    assert list(caches.iterdir())
    with DaskExecutor(act, n_workers=1):
        pass
    assert list(caches.iterdir()) == []


@pytest.fixture
def cluster() -> Iterator[Any]:
    """One of somebody else, with two workers, not encrypted."""
    options = {"dashboard_address": ":0", "processes": True, "memory_limit": 0}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster:
        yield cluster


@pytest.mark.parametrize("as_client", [False, True])
def test_a_scheduler_that_runs_already_is_used_and_stays(
    plan: Path, cluster: Any, as_client: bool
) -> None:
    address = cluster.scheduler_address
    scheduler = distributed.Client(address, set_as_default=False) if as_client else address
    with DaskExecutor(act, scheduler) as executor:
        assert executor.n_workers == 2
        executor.submit(job_of(0, plan, "write x"))
        executor.submit(job_of(1, plan, "fail oh"))
        found = ended(executor, 2)
        # By itself: a scheduler of somebody else may send it others for company, who die with it.
        executor.submit(job_of(2, plan, "kill SIGKILL"))
        found |= ended(executor, 1)
        executor.submit(job_of(3, plan, "sleep 0.1"))
        found |= ended(executor, 1)
    assert found["job-0"].done == ("write x",)
    assert found["job-1"].error == "ValueError: oh"
    # After so many workers as that scheduler is set to risk.
    assert found["job-2"].lost
    assert found["job-3"].done
    with distributed.Client(address, set_as_default=False) as client:
        assert client.submit(sum, [1, 2]).result() == 3
    if as_client:
        assert scheduler.status == "running"
        scheduler.close()


def test_a_job_that_somebody_cancels_is_told(plan: Path, cluster: Any) -> None:
    with (
        distributed.Client(cluster.scheduler_address, set_as_default=False) as client,
        DaskExecutor(act, client) as executor,
    ):
        executor.submit(job_of(0, plan, "sleep 1"))
        wait_until(lambda: executor.wait(0.05) == [] and list(plan.parent.glob("pid-*")))
        client.cancel([distributed.Future(key, client) for key in client.futures])
        (outcome,) = ended(executor, 1).values()
    assert outcome.lost
    assert outcome.error.startswith("dask gave it up: ")


def test_a_scheduler_that_goes_is_told(plan: Path) -> None:
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0"]
    file = plan.with_name("scheduler.json")
    command += ["--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--host", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--scheduler-file", str(file)], stderr=subprocess.DEVNULL
    ) as scheduler:
        try:
            wait_until(file.exists)
            client = distributed.Client(scheduler_file=str(file), timeout=10, set_as_default=False)
            with client, DaskExecutor(act, client) as executor:
                executor.submit(job_of(0, plan, "write never"))
                assert executor.wait(0.2) == []
                with _patience(1):
                    scheduler.send_signal(signal.SIGKILL)
                    (outcome,) = ended(executor, 1).values()
                assert outcome.lost
                assert re.search("lost the connection|is gone", outcome.error)
        finally:
            scheduler.kill()


def _patience(seconds: float) -> Any:
    import dask

    return dask.config.set({"distributed.comm.timeouts.connect": seconds})


def test_what_does_not_go_together_is_refused(plan: Path) -> None:
    with pytest.raises(ParameterError, match="`n_workers` must be None beside a scheduler"):
        DaskExecutor(act, "tcp://127.0.0.1:1", n_workers=2)
    with pytest.raises(BoldstreamError, match="only inside the block"):
        DaskExecutor(act).submit(job_of(0, plan))


def test_no_scheduler_there_is_an_error_that_names_it() -> None:
    message = "`scheduler` must be the address of a dask scheduler that answers, got 'tcp://127.0"
    with _patience(1), pytest.raises(ParameterError, match=message):
        DaskExecutor(act, "tcp://127.0.0.1:1").__enter__()


def test_without_dask_it_says_what_to_install_and_nothing_loads_dask(tmp_path: Path) -> None:
    program = """
import sys
from boldstream.study.executors.base import Outcome
from boldstream.study.executors.opening import open_executor
from boldstream.study.settings.execution import ExecutionSettings

assert not {"dask", "distributed", "dask_jobqueue"} & set(sys.modules)
sys.modules.update({"distributed": None, "dask_jobqueue": None})
for kind in ("dask", "slurm"):
    settings = ExecutionSettings(kind=kind)
    executor = open_executor(settings, Outcome, n_workers=1, memory=1, log_folder=sys.argv[1])
    try:
        executor.__enter__()
    except ImportError as error:
        print(type(error).__name__, error)
"""
    # Where there is no SLURM either, that is told first.
    sbatch = tmp_path / "sbatch"
    sbatch.write_text("#!/bin/sh\nexit 1\n")
    sbatch.chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("MissingDependencyError dask and SLURM clusters need the package")
        assert "pip install 'boldstream[cluster]'" in line
