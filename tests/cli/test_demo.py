"""``boldstream demo``: finds what was planted, and says so by its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from boldstream.cli import demo_job
from boldstream.simulate.choice_study import read_choice_truth
from tests.cli.conftest import Command


def test_it_finds_the_plant_and_keeps_the_study(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "study"
    done = command("demo", folder, "--no-progress")
    assert (done.code, done.err) == (0, "")
    truth = read_choice_truth(folder)
    found = [line for line in done.out.splitlines() if line.startswith("found")]
    assert len(found) == 2
    assert f"choice in {truth.choice[0]}" in found[0]
    assert f"value in {truth.value[0]}" in found[1]
    assert [path.name for path in folder.parent.iterdir()] == ["study"]
    again = command("run", folder / "study.yaml", "--no-progress", "--cache-stats")
    assert again.code == 0
    assert "0 done now" in again.out


def test_it_fails_when_the_plant_is_not_recovered(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_job.DemoResult, "recovered", property(lambda self: False))
    done = command("demo", "--no-progress")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1


def test_a_folder_with_something_in_it_is_left_alone(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = command("demo", tmp_path)
    assert done.code == 1
    assert str(tmp_path) in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
