"""What a run leaves of earlier results."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import boldstream as bs
from tests.study.runs import write_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path, kind="serial", retries=0)


def test_what_fails_leaves_no_results_of_other_parameters(study: Path) -> None:
    found = bs.run_study(study)
    folder = found.output_dir / "sub-01" / "light"
    assert (folder / "unit.json").exists()
    events = sorted((study.parent / "data").rglob("sub-01*_events.tsv"))[0]
    events.write_text("onset\tduration\tpicture\n1\t1\tonly\n")
    found = bs.run_study(study)
    states = found.status.set_index("unit")["state"]
    assert states["sub-01/betas"] == "failed" or states["sub-01/light"] == "failed"
    for unit in states.index[states == "failed"]:
        assert not (found.output_dir / unit).exists()
    assert states["sub-02/light"] == "cached"


def test_results_that_are_removed_during_a_run_do_not_stop_it(study: Path) -> None:
    results = study.parent / "data" / "derivatives" / "boldstream"
    light = results / "sub-01" / "light"

    def remove(done: int, total: int) -> None:
        shutil.rmtree(light, ignore_errors=True)

    found = bs.run_study(study, progress=remove)
    assert not light.exists()
    assert found.status.set_index("unit").loc["sub-01/light", "state"] == "done"
    assert (results / "status.tsv").exists()
