"""How a run is prepared."""

from __future__ import annotations

from pathlib import Path

import pytest

from boldstream.core.errors import MemoryBudgetError, ParameterError
from boldstream.study.planning.opening import open_study
from boldstream.study.running.preparing import prepare
from tests.study.runs import write_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path, kind="serial", retries=0)


def test_one_job_after_another_is_no_place_for_several_workers(study: Path) -> None:
    with pytest.raises(ParameterError, match=r"`n_jobs` must be 1 with the kind 'serial'.*got 4"):
        prepare(open_study(study), n_jobs=4)
    assert prepare(open_study(study), n_jobs=-1).n_workers == 1


def test_a_limit_that_carries_no_worker_is_told_as_it_was_given(study: Path) -> None:
    study.write_text(study.read_text() + "memory: {limit: 300MB}\n")
    message = (
        r"`memory.limit` must be at least (\d+\.?\d* [MG]iB): \d+.* for a worker, 256 MiB for the "
        r"program that gives it work, and \d+% of all left free; got 300 MiB$"
    )
    with pytest.raises(MemoryBudgetError, match=message) as told:
        prepare(open_study(study))
    # What is asked for is enough.
    least = str(told.value).split("at least ")[1].split(":")[0]
    number, unit = least.split()
    enough = f"{float(number) * 1.01}{unit}"
    study.write_text(study.read_text().replace("300MB", enough))
    assert prepare(open_study(study)).n_workers == 1


@pytest.mark.parametrize("n_jobs", [0, -2])
def test_a_number_of_workers_is_a_number(study: Path, n_jobs: int) -> None:
    text = study.read_text().replace("kind: serial", f"kind: serial, n_jobs: {n_jobs}")
    study.write_text(text)
    with pytest.raises(ParameterError, match=f"n_jobs.*must be a positive integer.*got {n_jobs}"):
        open_study(study)
