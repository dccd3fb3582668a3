"""The harness measures what a process and its children really take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import MIB, REPOSITORY, python, run_process

ALLOCATE = "import time; data = bytearray(b'1') * {size}; time.sleep(0.3)"
IN_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc for memory of processes"
)


@needs_proc
@pytest.mark.parametrize("wrapped", [False, True])
def test_peak_counts_children(wrapped: bool) -> None:
    code = ALLOCATE.format(size=200 * MIB)
    command = python("-c", IN_A_CHILD, code) if wrapped else python("-c", code)
    done = run_process(command, sample_memory=True)
    assert 200 <= done.peak_bytes / MIB <= 240
    assert 200 <= done.largest_hwm_bytes / MIB <= 240
    assert len(done.hwm_bytes) == 1 + wrapped


def test_time_and_output_are_those_of_the_process() -> None:
    done = run_process(python("-c", "import time; time.sleep(0.2); print('x' * 100_000)"))
    assert 0.2 <= done.seconds < 5
    assert done.output == "x" * 100_000 + "\n"


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
