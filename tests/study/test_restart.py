"""A run that is killed, whatever of it, goes on where it was, and gives the same."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pandas as pd
import pytest

from boldstream.study.studies import run_study
from tests.study.executors.processes import family_of, lives, wait_until
from tests.study.runs import done_units, running, write_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def here(study: Path) -> Path:
    """The same study, done in this process."""
    return write_study(study.parent, kind="serial")


@pytest.fixture(scope="module")
def expected(here: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return run_study(here, output_dir=tmp_path_factory.mktemp("whole")).table


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_driver_that_is_killed_goes_on_where_it_was(
    study: Path, here: Path, expected: pd.DataFrame, tmp_path: Path, number: signal.Signals
) -> None:
    with running(study, tmp_path) as process:
        wait_until(lambda: len(done_units(tmp_path)) >= 1)
        workers = family_of(process.pid)
        process.send_signal(number)
        process.wait(60)
        assert process.returncode != 0
    wait_until(lambda: not any(lives(pid) for pid in workers), 30)
    before = done_units(tmp_path)
    # Once as it began; who goes on is the same to what is left behind.
    again, n_jobs = (study, 2) if number == signal.SIGKILL else (here, 1)
    result = run_study(again, output_dir=tmp_path, n_jobs=n_jobs)
    assert not len(result.failed)
    pd.testing.assert_frame_equal(result.table, expected)
    assert {unit: time for unit, time in done_units(tmp_path).items() if unit in before} == before
    states = result.status.set_index("unit")["state"]
    assert {unit for unit, state in states.items() if state == "cached"} >= set(before)
    assert not [path for path in (tmp_path / ".boldstream").iterdir() if "tmp" in path.name]


def test_a_worker_that_is_killed_is_replaced(
    study: Path, expected: pd.DataFrame, tmp_path: Path
) -> None:
    with running(study, tmp_path) as process:
        wait_until(lambda: len(done_units(tmp_path)) >= 1)
        # The youngest are workers; the server that makes them is older.
        os.kill(max(family_of(process.pid)), signal.SIGKILL)
        assert process.wait(120) == 0
    result = run_study(study, output_dir=tmp_path, n_jobs=1)
    assert set(result.status["state"]) == {"cached"}
    pd.testing.assert_frame_equal(result.table, expected)


def test_results_of_other_parameters_or_inputs_are_made_again(here: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_study(here, output_dir=output)
    text = here.read_text()
    changed = here.with_name("changed.yaml")
    changed.write_text(text.replace("radius: 8", "radius: 7"))
    states = run_study(changed, output_dir=output).status.set_index("unit")["state"]
    assert {unit for unit, state in states.items() if state == "done"} == {
        "sub-01/light",
        "sub-02/light",
    }
    changed.write_text(text.replace("method: lsa", "method: lss"))
    states = run_study(changed, output_dir=output).status.set_index("unit")["state"]
    assert set(states) == {"done"}
