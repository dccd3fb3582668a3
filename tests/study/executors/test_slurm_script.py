"""The sbatch file of a study, and settings that would break out of it; no SLURM is needed."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream.core.errors import ParameterError
from boldstream.study.executors.base import Outcome
from boldstream.study.executors.dask import DaskExecutor
from boldstream.study.executors.opening import open_executor
from boldstream.study.executors.processes import ProcessExecutor
from boldstream.study.executors.serial import SerialExecutor
from boldstream.study.executors.slurm import SlurmExecutor
from boldstream.study.executors.slurm_script import slurm_script
from boldstream.study.settings.execution import ExecutionSettings, SlurmSettings

GIB = 2**30


def directives(script: str) -> dict[str, str]:
    lines = [line for line in script.splitlines() if line.startswith("#SBATCH --")]
    return dict(line.removeprefix("#SBATCH --").split("=", 1) for line in lines)


def test_it_is_the_documented_script_with_numbers_that_fit() -> None:
    script = slurm_script(
        "study.yaml", SlurmSettings(), workers=16, memory_bytes=20 * GIB, seconds=3 * 3600
    )
    assert directives(script) == {
        "job-name": "boldstream",
        "nodes": "1",
        "ntasks-per-node": "16",
        "cpus-per-task": "1",
        "mem": f"{22 * 1024}M",
        "time": "06:00:00",
        "output": "boldstream-%j.log",
    }
    for line in (
        "export MVPA_USE_MEMMAP=1",
        "export MVPA_MEMMAP_THRESHOLD_GB=0.5",
        "export MVPA_SHARED_MEMORY=1",
        "export OMP_NUM_THREADS=1",
    ):
        assert line in script.splitlines()
    assert script.endswith(
        " run study.yaml --memory-efficient --parallel-subjects --n-jobs 16 "
        "--memmap-threshold 0.5\n"
    )


def test_what_the_settings_name_stays() -> None:
    settings = SlurmSettings(
        partition="long",
        account="lab",
        time="1-00:00:00",
        memory="3GB",
        cores=2,
        directives=("--qos=long",),
        prologue=("module load python",),
    )
    script = slurm_script("s.yaml", settings, workers=2, memory_bytes=20 * GIB, seconds=60)
    found = directives(script)
    assert (found["time"], found["mem"]) == ("1-00:00:00", "3072M")
    assert (found["partition"], found["account"], found["qos"]) == ("long", "lab", "long")
    assert found["cpus-per-task"] == "2"
    assert "export OMP_NUM_THREADS=2" in script
    assert script.index("module load python") < script.index(" run s.yaml")


def test_time_is_ten_minutes_at_least_and_the_default_without_a_prediction() -> None:
    short = slurm_script("s.yaml", SlurmSettings(), workers=1, memory_bytes=GIB, seconds=1)
    unknown = slurm_script("s.yaml", SlurmSettings(), workers=1, memory_bytes=GIB)
    assert directives(short)["time"] == "00:10:00"
    assert directives(unknown)["time"] == "04:00:00"


NAMES = st.text(min_size=1).filter(
    lambda text: text.isprintable() and "/" not in text and text[0] not in "-." and "\0" not in text
)


@given(name=NAMES)
def test_any_printable_name_reaches_the_program_as_it_is(name: str) -> None:
    script = slurm_script(
        name, SlurmSettings(), workers=1, memory_bytes=GIB, command=["printf", "%s\\0"]
    )
    done = subprocess.run(["bash"], input=script.encode(), capture_output=True, check=True)
    words = done.stdout.decode().split("\0")
    assert words[:3] == ["run", name, "--memory-efficient"]
    assert shlex.split(script.splitlines()[-1])[-1] == "0.5"


@pytest.mark.parametrize("name", ["a\n#SBATCH --uid=0", "--help", "", "a\0b"])
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="`study` must be the path of a study file"):
        slurm_script(name, SlurmSettings(), workers=1, memory_bytes=GIB)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("partition", "main; touch x"),
        ("partition", "main\ntouch x"),
        ("account", "$(id)"),
        ("account", ""),
        ("time", "1:00:00\n"),
        ("interface", "lo --nanny"),
        ("directives", ("--qos=x\ntouch x",)),
        ("directives", ("touch x",)),
    ],
)
def test_settings_that_break_out_are_refused(field: str, value: Any, tmp_path: Path) -> None:
    settings = SlurmSettings(**{field: value})
    with pytest.raises(ParameterError, match=rf"`slurm.{field}` must be"):
        slurm_script("s.yaml", settings, workers=1, memory_bytes=GIB)
    with pytest.raises(ParameterError, match=rf"`slurm.{field}` must be"):
        SlurmExecutor(Outcome, 1, settings, memory=GIB, log_folder=tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"workers": 0}, "`workers` must be an integer of at least 1"),
        ({"memory_bytes": 0}, "`memory_bytes` must be an integer of at least 1"),
        ({"threshold_gb": -1}, "`threshold_gb` must be a positive number of GB"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        slurm_script("s", SlurmSettings(), **{"workers": 1, "memory_bytes": 1, **changed})


@pytest.mark.parametrize(
    ("kind", "scheduler", "expected", "n_workers"),
    [
        ("serial", None, SerialExecutor, 1),
        ("processes", None, ProcessExecutor, 3),
        ("dask", None, DaskExecutor, 3),
        ("slurm", None, SlurmExecutor, 3),
    ],
)
def test_settings_choose_the_executor(
    kind: Any, scheduler: str | None, expected: type, n_workers: int, tmp_path: Path
) -> None:
    settings = ExecutionSettings(kind=kind, scheduler=scheduler)
    executor = open_executor(settings, Outcome, n_workers=3, memory=GIB, log_folder=tmp_path)
    assert type(executor) is expected
    assert executor.n_workers == n_workers


def test_a_scheduler_that_runs_has_its_own_number_of_workers(tmp_path: Path) -> None:
    settings = ExecutionSettings(kind="dask", scheduler="tls://cluster:8786")
    executor = open_executor(settings, Outcome, n_workers=3, memory=GIB, log_folder=tmp_path)
    assert isinstance(executor, DaskExecutor)


def test_a_slurm_job_must_know_its_memory(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="`memory` must be a positive number of bytes, got 0"):
        SlurmExecutor(Outcome, 1, SlurmSettings(), memory=0, log_folder=tmp_path)
    SlurmExecutor(Outcome, 1, SlurmSettings(memory="1GB"), memory=0, log_folder=tmp_path)


def test_without_slurm_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    logs = tmp_path / "logs"
    executor = SlurmExecutor(Outcome, 1, SlurmSettings(), memory=GIB, log_folder=logs)
    with pytest.raises(ParameterError, match="there is no command sbatch"):
        executor.__enter__()
    assert not logs.exists()
