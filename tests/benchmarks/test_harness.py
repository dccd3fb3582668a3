"""The harness of the benchmarks, and the quick form of one of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import REPOSITORY, python, run_process

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc for memory of processes"
)


def test_a_failure_is_told() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        run_process(python("-c", "raise SystemExit(3)"))


@needs_proc
def test_the_quick_benchmark_runs(tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    command = [sys.executable, "-m", "benchmarks.seed_scale", "--quick", "--no-rivals"]
    options = [
        "--repeats",
        "1",
        "--dtype",
        "int16",
        "--folder",
        str(tmp_path),
        "--json",
        str(table),
    ]
    subprocess.run([*command, *options], cwd=REPOSITORY, check=True, capture_output=True)
    got = {row["what"]: row["got"] for row in json.loads(table.read_text())}
    assert "4 masks, command line: peak" in got
    assert "labels, moments and 4 masks at once: predicted peak" in got
