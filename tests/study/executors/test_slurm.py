"""`SlurmExecutor` and `slurm_script` on a real SLURM of two nodes with one core each."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from boldstream.core.errors import ParameterError
from boldstream.study.executors.base import Executor, Outcome
from boldstream.study.executors.slurm import SlurmExecutor
from boldstream.study.executors.slurm_script import slurm_script
from boldstream.study.settings.execution import SlurmSettings
from tests.study.executors.cluster import queued, run_script, said, slurm
from tests.study.executors.processes import lives, start_program, wait_until
from tests.study.executors.work import act, job_of

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]
MIB = 2**20
SETTINGS = SlurmSettings(partition="main", time="00:10:00", interface="lo")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with slurm(tmp_path_factory.mktemp("slurm")) as folder:
        yield folder


@pytest.fixture
def plan(tmp_path: Path, cluster: Path) -> Path:
    # Names may hold anything.
    folder = tmp_path / "a study's 100%"
    folder.mkdir()
    return folder / "plan"


def executor_in(plan: Path, n_workers: int = 2, *, memory: int = 300 * MIB) -> SlurmExecutor:
    logs = plan.parent / "logs"
    return SlurmExecutor(act, n_workers, SETTINGS, memory=memory, log_folder=logs)


def ended(executor: Executor, n_jobs: int, seconds: float = 90) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    deadline = time.monotonic() + seconds
    while len(found) < n_jobs:
        assert time.monotonic() < deadline
        found |= {outcome.job.id: outcome for outcome in executor.wait(1)}
    return found


def job_with(executor: Executor, mark: Path) -> None:
    """Wait until a file says that a job has begun; workers are seen to meanwhile."""
    wait_until(lambda: executor.wait(0.05) == [] and mark.exists())


# Each tells its process, and goes on when it may.
TOGETHER = ("sleep 0", "await go")


def let_two_go(executor: Executor, plan: Path) -> None:
    """Wait until two jobs run side by side, each in its worker, and have them go on."""
    wait_until(lambda: executor.wait(0.05) == [] and len(pids_of(plan)) == 2)
    plan.with_name("go").touch()


def pids_of(plan: Path) -> list[int]:
    return [int(mark.name.removeprefix("pid-")) for mark in plan.parent.glob("pid-*")]


def test_two_jobs_run_side_by_side_and_nothing_stays(plan: Path) -> None:
    with executor_in(plan) as executor:
        for number in range(2):
            executor.submit(job_of(number, plan, *TOGETHER, f"describe facts-{number}"))
        let_two_go(executor, plan)
        (private,) = (plan.parent / "logs").glob("*.boldstream-tmp")
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert stat.S_IMODE((private / "key.pem").stat().st_mode) == 0o600
        done = ended(executor, 2)
        assert executor.wait() == []
    assert queued() == []
    assert not private.exists()
    assert all(outcome.done == outcome.job.units for outcome in done.values())
    assert len({outcome.worker for outcome in done.values()}) == 2
    assert sorted(log.suffix for log in (plan.parent / "logs").iterdir()) == [".log", ".log"]
    environ = json.loads(plan.with_name("facts-0").read_text())["environ"]
    assert environ["SLURM_MEM_PER_NODE"] == "300"
    assert environ["SLURM_CPUS_PER_TASK"] == environ["OMP_NUM_THREADS"] == "1"


def test_a_job_that_is_cancelled_is_replaced_and_its_work_told(plan: Path) -> None:
    with executor_in(plan, 1) as executor:
        executor.submit(job_of(0, plan, "once 120"))
        job_with(executor, plan.with_name("once"))
        (first,) = queued()
        subprocess.run(["scancel", first], check=True)
        lost = ended(executor, 1)["job-0"]
        assert lost.lost
        assert lost.error.startswith(f"SLURM job {first} (")
        assert "CANCELLED" in lost.error
        executor.submit(lost.job)
        assert ended(executor, 1)["job-0"].done == ("once 120",)
        assert queued() != [first]
    assert queued() == []


def test_a_worker_that_is_killed_takes_only_its_own_work_with_it(plan: Path) -> None:
    with executor_in(plan) as executor:
        executor.submit(job_of(0, plan, "once 120"))
        job_with(executor, plan.with_name("once"))
        executor.submit(job_of(1, plan, "write other"))
        (worker,) = pids_of(plan)
        os.kill(worker, signal.SIGKILL)
        found = ended(executor, 2)
        assert found["job-0"].lost
        assert "(FAILED, exit code 0:9)" in found["job-0"].error
        assert found["job-1"].done == ("write other",)
        executor.submit(found["job-0"].job)
        assert ended(executor, 1)["job-0"].done


def test_a_job_over_its_memory_is_told_so(plan: Path) -> None:
    with executor_in(plan, 1) as executor:
        executor.submit(job_of(0, plan, "fill 500", memory=7))
        (lost,) = ended(executor, 1).values()
        executor.submit(job_of(1, plan, "write later"))
        assert ended(executor, 1)["job-1"].done
    assert lost.lost
    assert "exceeded memory limit" in lost.error
    assert lost.job.memory == 7


def test_jobs_without_work_are_given_back_and_asked_for_again(plan: Path) -> None:
    logs = plan.parent / "logs"
    with SlurmExecutor(
        act, 2, SETTINGS, memory=300 * MIB, log_folder=logs, idle_seconds=1
    ) as executor:
        for number in range(2):
            executor.submit(job_of(number, plan, *TOGETHER))
        let_two_go(executor, plan)
        ended(executor, 2)
        assert len(queued()) == 2
        executor.submit(job_of(2, plan, "await other", "write long"))
        wait_until(lambda: executor.wait(0.05) == [] and len(queued()) == 1)
        executor.submit(job_of(3, plan, "write other"))
        found = ended(executor, 2)
    assert found["job-2"].done == ("await other", "write long")
    assert found["job-3"].done == ("write other",)
    assert len(list(logs.glob("*.log"))) == 3


def test_an_error_in_the_block_ends_all_jobs(plan: Path) -> None:
    def interrupted() -> None:
        with executor_in(plan) as executor:
            for number in range(4):
                executor.submit(job_of(number, plan, "sleep 120"))
            wait_until(lambda: executor.wait(0.05) == [] and list(plan.parent.glob("pid-*")))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert queued() == []
    assert not any(lives(pid) for pid in pids_of(plan))


PROGRAM = """
import sys
from pathlib import Path
from boldstream.study.executors.slurm import SlurmExecutor
from boldstream.study.settings.execution import SlurmSettings
from tests.study.executors.work import act, job_of

plan = Path(sys.argv[1])
settings = SlurmSettings(partition="main", interface="lo")
with SlurmExecutor(act, 1, settings, memory=300 << 20, log_folder=plan.parent / "logs") as executor:
    executor.submit(job_of(0, plan, "sleep 120"))
    executor.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_jobs_end_with_the_program(plan: Path, number: signal.Signals) -> None:
    program = start_program(PROGRAM, plan)
    wait_until(lambda: list(plan.parent.glob("pid-*")))
    os.killpg(program.pid, number)
    program.wait(30)
    if number == signal.SIGINT:
        assert queued() == []
        assert not list((plan.parent / "logs").glob("*.boldstream-tmp"))
    wait_until(lambda: queued() == [], 60)
    assert not any(lives(pid) for pid in pids_of(plan))
    with executor_in(plan, 1) as executor:
        executor.submit(job_of(1, plan, "write again"))
        assert ended(executor, 1)["job-1"].done
    assert not list((plan.parent / "logs").glob("*.boldstream-tmp"))


def test_what_sbatch_refuses_is_an_error_at_once(plan: Path) -> None:
    settings = SlurmSettings(partition="mian", interface="lo")
    executor = SlurmExecutor(act, 1, settings, memory=300 * MIB, log_folder=plan.parent)
    with pytest.raises(ParameterError, match=r"`slurm` must be .* invalid partition"), executor:
        pass


def test_workers_that_never_come_are_told(plan: Path) -> None:
    settings = SETTINGS.model_copy(update={"prologue": ("echo no module here >&2; exit 7",)})
    executor = SlurmExecutor(act, 1, settings, memory=300 * MIB, log_folder=plan.parent / "logs")
    with executor:
        executor.submit(job_of(0, plan, "write x"))
        (lost,) = ended(executor, 1).values()
    assert lost.lost
    assert lost.error.startswith("no worker can be had from SLURM: SLURM job ")
    assert "exit code 7:0" in lost.error
    assert lost.error.endswith("no module here")


def test_a_job_that_a_node_could_not_start_is_replaced(
    plan: Path, cluster: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SLURM puts it back into its queue, where it stays for good."""
    broken = plan.with_name("broken")
    broken.touch()
    prolog = cluster / "prolog"
    # The first job alone finds the node broken.
    prolog.write_text(f"#!/bin/sh\n! rm {shlex.quote(str(broken))} 2>&-\n")
    prolog.chmod(0o755)
    with (cluster / "slurm.conf").open("a") as conf:
        conf.write(f"Prolog={prolog}\n")
    said("scontrol", "reconfigure")
    try:
        with executor_in(plan, 1) as executor:
            executor.submit(job_of(0, plan, "write x"))
            assert ended(executor, 1)["job-0"].done
    finally:
        prolog.write_text("#!/bin/sh\n")
        drained = said("sinfo", "--noheader", "--Node", "--states=drain", "--format=%N").split()
        said("scontrol", "update", f"nodename={','.join(drained)}", "state=resume")
    assert len(drained) == 1
    assert "could not be started: launch failed requeued held" in caplog.text


def test_a_job_that_slurm_took_without_an_answer_does_not_stay(
    plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its controller was busy; such jobs would have both nodes, and nobody any work for them."""
    folder, sbatch = plan.with_name("bin"), shutil.which("sbatch")
    folder.mkdir()
    silent = folder / "sbatch"
    left = [folder / "first", folder / "second"]
    for mark in left:
        mark.touch()
    removed = " || ".join(f"rm {shlex.quote(str(mark))} 2>&-" for mark in left)
    silent.write_text(
        f'#!/bin/sh\n{sbatch} "$@" || exit $?\n[ "$1" = --parsable ] || exit 0\n'
        f"{removed} || exit 0\necho Socket timed out on send/recv operation >&2\nexit 1\n"
    )
    silent.chmod(0o755)
    with executor_in(plan) as executor:
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        executor.submit(job_of(0, plan, *TOGETHER))
        executor.submit(job_of(1, plan, *TOGETHER))
        wait_until(lambda: executor.wait(0.05) == [] and not any(map(Path.exists, left)))
        let_two_go(executor, plan)
        assert all(outcome.done for outcome in ended(executor, 2).values())
    assert queued() == []


def test_jobs_of_a_program_that_is_a_job_do_not_get_its_limits(
    plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "1")
    with executor_in(plan, 1) as executor:
        executor.submit(job_of(0, plan, "describe facts"))
        ended(executor, 1)
    environ = json.loads(plan.with_name("facts").read_text())["environ"]
    assert "SLURM_MEM_PER_CPU" not in environ


def test_the_script_of_a_study_is_taken_and_runs(plan: Path) -> None:
    study = plan.with_name("it's; touch $HOME.yaml")
    # Two nodes of one core: a node has room for one worker.
    script = slurm_script(
        study,
        SETTINGS.model_copy(update={"prologue": ('env > "$SLURM_SUBMIT_DIR/environ"',)}),
        workers=1,
        memory_bytes=200 * MIB,
        seconds=60,
        command=["printf", "%s\\n"],
    )
    folder = plan.parent
    file = folder / "study.sh"
    file.write_text(script)
    subprocess.run(["bash", "-n", file], check=True)
    subprocess.run(["sbatch", "--test-only", file], check=True, cwd=folder, capture_output=True)
    assert run_script(file) == "COMPLETED 0:0"
    (log,) = folder.glob("boldstream-*.log")
    assert log.read_text().splitlines() == [
        "run",
        str(study),
        "--memory-efficient",
        "--parallel-subjects",
        *("--n-jobs", "1", "--memmap-threshold", "0.5"),
    ]
    environ = dict(line.split("=", 1) for line in (folder / "environ").read_text().splitlines())
    assert environ["SLURM_MEM_PER_NODE"] == "220"
    assert environ["SLURM_NTASKS_PER_NODE"] == "1"


def test_more_jobs_than_workers_are_done_by_the_same_workers(plan: Path) -> None:
    with executor_in(plan) as executor:
        for number in range(8):
            executor.submit(job_of(number, plan, f"write {number}", "sleep 0.1"))
        found = ended(executor, 8)
    assert all(outcome.done for outcome in found.values())
    assert len({outcome.worker for outcome in found.values()}) <= 2
