"""``boldstream report``, and the report that ``boldstream run`` writes at its end."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.study.made import atlas_of, make_inputs

STUDY = """\
data: {{root: {root}, task: demo, mask: "{mask}"}}
rois: {{atlas: {{image: {atlas}, regions: [region_01]}}}}
quality: false
analyses:
  - {{kind: extraction, name: courses}}
execution: {{kind: serial}}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study file beside its data, with little to do."""
    root = tmp_path / "data"
    mask = make_inputs(root).subjects["01"].mask
    assert mask is not None
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(root=root, atlas=atlas_of(root), mask=mask.relative_to(root)))
    return path


def test_a_run_writes_a_report_once(command: Command, study: Path) -> None:
    folder = study.parent / "data" / "derivatives" / "boldstream"
    done = command("run", study, "--no-progress")
    assert (done.code, done.err) == (0, "")
    (line,) = [line for line in done.out.splitlines() if line.startswith("report")]
    assert line == f"report  {folder / 'report' / 'index.html'}"
    before = (folder / "report" / "index.html").stat().st_mtime_ns
    again = command("run", study, "--no-progress")
    assert again.code == 0
    assert "index.html, as it was" in again.out
    assert (folder / "report" / "index.html").stat().st_mtime_ns == before
    # What clocks say does not matter: that of a cluster's disk may be wrong.
    for note in folder.glob("sub-*/*/unit.json"):
        os.utime(note, (4e9, 4e9))
    # A part that was done before changes nothing either; what is done anew does.
    assert "as it was" in command("run", study, "--no-progress", "--subjects", "02").out
    anew = command("run", study, "--no-progress", "--subjects", "02", "--clear-cache")
    assert "as it was" not in anew.out
    assert (folder / "report" / "sub-01.html").exists()
    assert (folder / "report" / "index.html").stat().st_mtime_ns > before


def test_a_report_follows_subjects_that_come_fail_and_go(command: Command, study: Path) -> None:
    data = study.parent / "data"
    pages = data / "derivatives" / "boldstream" / "report"
    assert command("run", study, "--no-progress").code == 0
    # An image without events, and then an empty one too: nothing that is done, and news.
    image = data / "sub-03" / "func" / "sub-03_task-demo_run-1_bold.nii.gz"
    image.parent.mkdir(parents=True)
    image.touch()
    done = command("run", study, "--no-progress")
    assert done.code == 1
    assert "as it was" not in done.out
    assert (pages / "sub-03.html").exists()
    assert "as it was" in command("run", study, "--no-progress").out
    shutil.rmtree(data / "sub-03")
    shutil.rmtree(data / "sub-02")
    assert "as it was" not in command("run", study, "--no-progress").out
    assert sorted(path.name for path in pages.glob("sub-*.html")) == ["sub-01.html"]


def test_a_report_that_is_not_ours_does_not_stop_a_run(command: Command, study: Path) -> None:
    folder = study.parent / "data" / "derivatives" / "boldstream"
    assert command("run", study, "--no-progress").code == 0
    (folder / "report" / "report.json").unlink()
    (folder / "report" / "report.json").mkdir()
    done = command("run", study, "--no-progress")
    assert done.code == 0
    assert "the report was not written" in done.err


def test_a_report_is_not_written_where_it_is_not_wanted(command: Command, study: Path) -> None:
    done = command("run", study, "--no-progress", "--no-report")
    assert done.code == 0
    assert not any(line.startswith("report") for line in done.out.splitlines())
    assert not (study.parent / "data" / "derivatives" / "boldstream" / "report").exists()


def test_a_report_that_cannot_be_written_is_told_and_the_run_is_done(
    command: Command, study: Path
) -> None:
    folder = study.parent / "data" / "derivatives" / "boldstream"
    (folder / "report").mkdir(parents=True)
    (folder / "report" / "mine.txt").write_text("mine")
    done = command("run", study, "--no-progress")
    assert done.code == 0
    assert "2 done" in done.out
    assert "the report was not written: `output` must be a new folder" in done.err
    assert f"boldstream report {folder}" in done.err
    assert (folder / "report" / "mine.txt").read_text() == "mine"


def test_the_command_writes_where_it_is_told(command: Command, study: Path, tmp_path: Path) -> None:
    folder = study.parent / "data" / "derivatives" / "boldstream"
    assert command("run", study, "--no-progress", "--no-report").code == 0
    out = tmp_path / "out"
    options = ["-o", out, "--subjects", "sub-02", "--title", "Courses", "--no-progress"]
    done = command("report", folder, *options)
    assert (done.code, done.err) == (0, "")
    assert f"report  {out / 'index.html'}" in done.out
    assert {path.name for path in out.glob("*.html")} == {"index.html", "sub-02.html"}
    assert "<title>Courses</title>" in (out / "index.html").read_text()


def test_a_folder_without_results_is_refused(command: Command, tmp_path: Path) -> None:
    done = command("report", tmp_path)
    assert done.code == 1
    assert "RUN_DIR must be the output folder of a study" in done.err
    assert list(tmp_path.iterdir()) == []
