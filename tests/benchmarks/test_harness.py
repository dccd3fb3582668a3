"""The harness of the benchmarks, and the quick form of some of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import glm, maskers, searchlight
from benchmarks.harness import REPOSITORY, python, run_process, told
from benchmarks.rows import Row
from tests.benchmarks.groups import groups

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc for memory of processes"
)


def test_a_failure_is_told() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        run_process(python("-c", "raise SystemExit(3)"))


def test_a_command_is_told_in_a_line_without_folders() -> None:
    assert told(python("-c", "print(1)\nprint(2)")).endswith(" -c print(1) print(2)")
    assert told(python("-m", "benchmarks.ways", "read", "/data/some/bold.nii.gz")) == (
        "benchmarks.ways read bold.nii.gz"
    )


# Runs of the quick form of single groups, and figures that these must hold.
GROUPS = {
    "seed_scale.start_up": ["import boldstream", "boldstream --help"],
    "seed_scale.int16": [
        "4 masks, command line: peak",
        "labels, moments and 4 masks at once: predicted peak",
    ],
    "store.1.2_gib": [
        "store made: time",
        "last volume of .nii.gz, second time",
        "region of 10000 voxels, from the store: time",
        "8 processes on one store: PSS of each more",
    ],
    "study_scale.50000_subjects": ["plan", "driver, a job", "driver: peak"],
    "models.geometry": ["crossnobis: from rsatoolbox", "crossnobis, Spearman, a sphere: time"],
    "searchlight.neighbourhoods": ["neighbourhoods: time", "neighbourhoods: unlike a k-d tree's"],
    "models.behaviour": ["discounting: log-likelihood below scipy's"],
}
# These hold at any size.
_EQUAL = ("from rsatoolbox", "below scipy's", "unlike a k-d tree's")


@needs_proc
@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", groups(GROUPS))
def test_quick_groups_run(tmp_path: Path, group: str) -> None:
    suite, _, name = group.partition(".")
    table = tmp_path / "table.json"
    options = ["--quick", "--only", name, "--folder", str(tmp_path), "--json", str(table)]
    command = [sys.executable, "-m", f"benchmarks.{suite}", *options]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    rows = [Row.of(row) for row in json.loads(table.read_text())]
    assert {*GROUPS[group]} <= {row.what for row in rows}
    assert len({row.key for row in rows}) == len(rows)
    assert all(row.suite == suite for row in rows)
    assert all(row.passed for row in rows if row.what.endswith(_EQUAL))


@pytest.mark.parametrize("suite", [glm, maskers, searchlight])
def test_the_command_line_of_a_suite_takes_its_groups(suite: ModuleType) -> None:
    command = [sys.executable, "-m", suite.__name__, "--quick", "--only", "none of these"]
    done = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"usage: python -m {suite.__name__} ")
    choices = done.stderr.rpartition("(choose from ")[2].rstrip().removesuffix(")")
    assert [name.strip("' ") for name in choices.split(",")] == [*suite.GROUPS]
