"""Groups in processes of their own: what fails or is ended loses nothing of the others."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks.harness import REPOSITORY
from benchmarks.registry import Planned
from benchmarks.results import FULL, QUICK, Results, ResultsError
from benchmarks.runner import Run, take_all
from benchmarks.settings import Settings

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc for memory of processes"
)
pytestmark = pytest.mark.timeout(120)


def toy(name: str) -> Planned:
    return Planned("toy", name, "tests.benchmarks.toy_suite", 1.0)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    output = tmp_path / "results.json"
    return Run([toy("good")], Settings(tmp_path, repeats=2), output, Results(False))


def _states(path: Path) -> dict[str, str]:
    return {name: taken.state for name, taken in Results.read(path).groups.items()}


def test_what_fails_does_not_lose_the_others(run: Run) -> None:
    told: list[str] = []
    groups = [toy("failing"), toy("good"), toy("dying")]
    assert take_all(replace(run, groups=groups), told.append) is False
    results = Results.read(run.output)
    assert _states(run.output) == {
        "toy.failing": "failed",
        "toy.good": "done",
        "toy.dying": "failed",
    }
    assert [(row.what, row.value, row.passed) for row in results.rows] == [
        ("met", 2.0, True),
        ("missed", 11.0, False),
    ]
    assert results.groups["toy.failing"].why == "OSError: no room in …"
    assert any(line.startswith("[2/3]") and "toy.good" in line for line in told)
    assert any("toy / met: 2.00 s" in line for line in told)
    assert not list(run.settings.folder.glob("scratch-*"))


def test_done_groups_are_not_taken_again(run: Run) -> None:
    def taken() -> int:
        return len((run.settings.folder / "taken").read_text())

    assert take_all(run, lambda _: None)
    again = replace(run, results=Results.read(run.output))
    assert again.missing == []
    assert take_all(again, lambda _: None)
    assert taken() == 1
    # Unless they are asked for, or of other code.
    assert take_all(replace(again, also=frozenset({"toy.good"})), lambda _: None)
    assert taken() == 2
    found = again.results.groups["toy.good"]
    again.results.groups["toy.good"] = replace(found, revision="another")
    assert [group.key for group in again.missing] == ["toy.good"]


def test_a_figure_of_two_groups_is_an_error(run: Run) -> None:
    assert not take_all(replace(run, groups=[toy("good"), toy("twice")]), lambda _: None)
    assert _states(run.output) == {"toy.good": "done", "toy.twice": "failed"}
    assert (
        Results.read(run.output).groups["toy.twice"].why == "two figures have the key 'toy / met'"
    )


_PROGRAM = """
import sys
from pathlib import Path
from benchmarks import __main__ as program, registry
from tests.benchmarks import toy_suite
registry.SUITES = (toy_suite,)
registry.MINUTES = {f"toy.{name}": 1.0 for name in toy_suite.GROUPS}
registry.GIGABYTES["toy"] = 0.0
sys.exit(program.main())
"""


def _start(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _PROGRAM, "--folder", str(folder)]
    return subprocess.Popen(
        [*command, "--output", str(folder / "out.json"), *options],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _only(*names: str) -> list[str]:
    return [part for name in names for part in ("--only", f"toy.{name}")]


def _wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_misses_are_told_and_are_no_failure(tmp_path: Path) -> None:
    process = _start(tmp_path, *_only("good"))
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "1 pass, 1 miss, 0 with nothing asked" in output
    assert "miss: toy / missed: 11.0 s, asked ≤ 10 s. No sentence says what bounds it." in output
    assert "about 1 min on a quiet machine; 0.0 GB needed" in errors


def test_a_figure_that_could_not_be_taken_is_a_failure(tmp_path: Path) -> None:
    process = _start(tmp_path, *_only("good", "failing"))
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "failed: toy.failing: OSError: no room in …" in output


@needs_proc
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_an_interrupted_run_keeps_what_was_taken(tmp_path: Path, number: int, code: int) -> None:
    process = _start(tmp_path, *_only("good", "slow"))
    child = tmp_path / "child"
    _wait(lambda: child.exists() and child.read_text().isdigit())
    os.kill(process.pid, number)
    output, _ = process.communicate()
    assert process.returncode == code
    assert _states(tmp_path / "out.json") == {"toy.good": "done", "toy.slow": "interrupted"}
    assert "interrupted: toy.slow" in output
    _wait(lambda: not _is_alive(int(child.read_text())))
    assert not list(tmp_path.glob("scratch-*"))

    process = _start(tmp_path, *_only("good"), "--resume")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert (tmp_path / "taken").read_text() == "x"


@needs_proc
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which tells children of it")
def test_a_killed_run_leaves_nobody_at_work(tmp_path: Path) -> None:
    process = _start(tmp_path, *_only("good", "slow"))
    child = tmp_path / "child"
    _wait(lambda: child.exists() and child.read_text().isdigit())
    process.kill()
    process.communicate()
    _wait(lambda: not _is_alive(int(child.read_text())))
    assert _states(tmp_path / "out.json") == {"toy.good": "done"}


def _is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_results_of_another_machine_are_not_mixed(tmp_path: Path) -> None:
    results = Results(False)
    results.machine["cpu"] = "another"
    results.write(tmp_path / "out.json")
    process = _start(tmp_path, *_only("good"), "--resume")
    _, errors = process.communicate()
    assert process.returncode == 2
    assert "out.json is of another machine" in errors
    assert json.loads((tmp_path / "out.json").read_text())["machine"]["cpu"] == "another"


def _options(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"quick": False, "only": None, "output": None, **given})


def test_full_results_are_only_written_by_full_runs(tmp_path: Path) -> None:
    assert program.output_of(_options()) == FULL
    assert program.output_of(_options(quick=True)) == QUICK
    assert program.output_of(_options(only=["glm"])) == QUICK
    other = tmp_path / "mine.json"
    assert program.output_of(_options(quick=True, output=other)) == other
    for partly in ({"quick": True}, {"only": ["glm"]}):
        with pytest.raises(ResultsError, match="holds full results"):
            program.output_of(_options(output=FULL, **partly))
