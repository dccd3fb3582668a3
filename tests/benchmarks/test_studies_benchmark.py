"""The benchmark of whole studies compares what it says, and its limit is one that holds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness import REPOSITORY
from benchmarks.study_limit import FULL, same_scores_row
from tests.benchmarks.test_searchlight_benchmark import needs_affinity, needs_proc

PEAK = "peak of all processes (PSS) under the limit"


def test_scores_that_differ_are_counted() -> None:
    free = np.array([0.5, 0.75, 0.0, 1.0])
    assert same_scores_row("image", free.copy(), free).passed is True
    row = same_scores_row("image", np.array([0.5, 0.5, 0.0, 1.0]), free)
    assert (row.told, row.passed) == ("1 values (of 3 differ, by 0.25 at most)", False)
    # A score on one side only is no equal one.
    row = same_scores_row("image", np.array([0.5, 0.75, np.nan, 1.0]), free)
    assert (row.told, row.passed) == ("1 values (of 4 differ, by nan at most)", False)
    with pytest.raises(RuntimeError, match="there are 3 scores under the limit, else 4"):
        same_scores_row("image", free[:3], free)


def test_runs_are_larger_than_what_two_workers_are_given() -> None:
    """Were they loaded whole, the full benchmark would exceed its limit."""
    n_voxels = np.prod(FULL.shape)
    betas = 4 * n_voxels * FULL.n_trials
    limit = (256 << 20) + 2 * ((512 << 20) + betas)
    assert 2 * 8 * n_voxels * FULL.n_volumes > 1.2 * limit


@pytest.mark.benchmark
@pytest.mark.timeout(120)
@needs_proc
@needs_affinity
def test_a_small_study_under_a_limit(tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    command = [sys.executable, "-m", "benchmarks.studies", "--quick", "--only", "limit"]
    subprocess.run([*command, "--json", str(table)], cwd=REPOSITORY, check=True)
    rows = {row["what"]: row for row in json.loads(table.read_text())}
    assert rows["workers that fit under the limit"]["value"] == 2
    assert rows["scores unlike those without a limit"]["passed"] is True
    # A worker with its libraries is some 200 MiB: less is no measurement.
    assert rows[PEAK]["passed"] is True
    assert rows[PEAK]["value"] > 200
