"""A study on dask gives what it gives here: workers of our own, or of a scheduler that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from boldstream.study.studies import run_study
from tests.study.runs import write_study

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def expected(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    local = write_study(folder, kind="serial")
    return run_study(local, output_dir=tmp_path_factory.mktemp("local")).table


def test_workers_of_our_own(folder: Path, expected: pd.DataFrame, tmp_path: Path) -> None:
    study = write_study(folder, kind="dask")
    result = run_study(study, output_dir=tmp_path, n_jobs=2)
    assert not len(result.failed), result.failed["traceback"].tolist()
    pd.testing.assert_frame_equal(result.table, expected)


def test_a_scheduler_that_runs(folder: Path, expected: pd.DataFrame, tmp_path: Path) -> None:
    study = write_study(folder, kind="dask")
    make: Any = distributed.LocalCluster
    with make(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        text = study.read_text().replace("kind: dask", f'kind: dask, scheduler: "{address}"')
        study.write_text(text)
        result = run_study(study, output_dir=tmp_path)
    assert not len(result.failed), result.failed["traceback"].tolist()
    pd.testing.assert_frame_equal(result.table, expected)
