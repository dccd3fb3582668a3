"""A study on a real SLURM of two nodes gives what it gives here, whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from boldstream.study.studies import run_study
from tests.study.executors.cluster import queued, run_script, slurm, telling
from tests.study.executors.processes import variables_of, wait_until
from tests.study.runs import UNITS, done_units, running, write_study

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]

_SLURM = '{partition: main, time: "00:10:00", interface: lo, memory: 1200MiB}'


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with slurm(tmp_path_factory.mktemp("slurm")) as folder:
        yield folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def study(folder: Path) -> Path:
    return write_study(folder, kind="slurm", retries=3, slurm=_SLURM)


@pytest.fixture(scope="module")
def expected(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    here = write_study(folder, kind="serial")
    return run_study(here, output_dir=tmp_path_factory.mktemp("here")).table


def check(study: Path, output: Path, expected: pd.DataFrame) -> pd.DataFrame:
    """Results are whole, and those of a local run."""
    result = run_study(study.with_name("serial.yaml"), output_dir=output)
    pd.testing.assert_frame_equal(result.table, expected)
    return result.status


def test_results_are_those_of_a_local_run(
    study: Path, expected: pd.DataFrame, tmp_path: Path
) -> None:
    result = run_study(study, output_dir=tmp_path, n_jobs=2)
    assert not len(result.failed), result.failed["traceback"].tolist()
    pd.testing.assert_frame_equal(result.table, expected)
    assert set(check(study, tmp_path, expected)["state"]) == {"cached"}
    assert queued() == []


def test_a_lost_job_and_a_lost_worker_are_replaced(
    cluster: Path, study: Path, expected: pd.DataFrame, tmp_path: Path
) -> None:
    with telling(cluster), running(study, tmp_path) as process:
        wait_until(lambda: len(queued()) == 2 and len(done_units(tmp_path)) >= 1, seconds=120)
        # None of the two is left.
        cancelled, other = queued()
        wait_until(lambda: workers_of(other))
        subprocess.run(["scancel", cancelled], check=True)
        os.kill(workers_of(other)[0], signal.SIGKILL)
        assert process.wait(200) == 0
    assert set(check(study, tmp_path, expected)["state"]) == {"cached"}


def workers_of(job: str) -> list[int]:
    """Processes that work for us in a job of this SLURM: others may use dask here too."""
    listed = subprocess.run(
        ["pgrep", "-f", "distributed.cli.dask_worker"], capture_output=True, text=True, check=False
    )
    ours = {f"SLURM_JOB_ID={job}", f"SLURM_CONF={os.environ['SLURM_CONF']}"}
    return [pid for pid in map(int, listed.stdout.split()) if ours <= variables_of(pid)]


def test_a_driver_that_is_killed_goes_on_where_it_was(
    cluster: Path, study: Path, expected: pd.DataFrame, tmp_path: Path
) -> None:
    with telling(cluster), running(study, tmp_path) as process:
        wait_until(lambda: len(done_units(tmp_path)) >= 1, seconds=120)
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(lambda: queued() == [], seconds=120)
    before = done_units(tmp_path)
    status = check(study, tmp_path, expected).set_index("unit")["state"]
    assert {unit for unit, state in status.items() if state == "cached"} == set(before)
    after = done_units(tmp_path)
    assert {unit: after[unit] for unit in before} == before
    assert set(UNITS) <= set(after)


def test_a_job_over_its_memory_is_told(folder: Path, tmp_path: Path) -> None:
    tight = _SLURM.replace("1200MiB", "150MiB")
    study = write_study(folder, kind="slurm", retries=0, slurm=tight)
    result = run_study(study, output_dir=tmp_path, n_jobs=1)
    errors = " ".join(result.failed["error"])
    assert len(result.failed)
    assert "memory" in errors
    assert queued() == []


def test_the_script_runs_the_whole_study_in_one_job(
    folder: Path, expected: pd.DataFrame, tmp_path: Path
) -> None:
    local = write_study(folder)
    script = tmp_path / "study.sbatch"
    command = [sys.executable, "-m", "boldstream", "slurm-script", str(local), "--n-jobs", "1"]
    subprocess.run([*command, "-o", str(script)], check=True, capture_output=True)
    ended = run_script(script)
    log = " ".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert ended == "COMPLETED 0:0", log
    output = folder / "data/derivatives/boldstream"
    assert set(check(local, output, expected)["state"]) == {"cached"}
