"""``boldstream demo``: finds what was planted, and says so by its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from boldstream.simulate import demo as simulated
from boldstream.simulate.study import StudyDesign
from tests.cli.conftest import Command


@pytest.fixture(autouse=True)
def small_study(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = simulated.run_demo
    design = StudyDesign(n_subjects=1, shape=(20, 20, 20))
    monkeypatch.setattr(simulated, "run_demo", lambda folder: whole(folder, design))


def test_it_finds_the_plant_and_keeps_the_study(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "study"
    done = command("demo", folder)
    assert (done.code, done.err) == (0, "")
    planted = json.loads((folder / "truth.json").read_text())["planted"]
    found = [line for line in done.out.splitlines() if line.startswith("found")]
    assert len(found) == len(planted) > 0
    assert all(name in line for name, line in zip(planted, found, strict=True))
    assert "predicted" in done.out
    assert "measured" in done.out
    assert [path.name for path in folder.parent.iterdir()] == ["study"]


def test_it_fails_when_the_plant_is_not_recovered(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated.DemoResult, "recovered", property(lambda self: False))
    done = command("demo")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1


def test_a_folder_with_something_in_it_is_left_alone(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = command("demo", tmp_path)
    assert done.code == 1
    assert str(tmp_path) in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_interrupted_demo_leaves_nothing(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(folder: Path) -> None:
        folder.mkdir()
        (folder / "half.txt").touch()
        raise SystemExit(130)

    monkeypatch.setattr(simulated, "run_demo", stop)
    for folder in (tmp_path / "study", tmp_path / "new" / "study"):
        assert command("demo", folder).code == 130
        assert list(tmp_path.iterdir()) == []


def test_a_link_to_an_empty_folder(command: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    assert command("demo", tmp_path / "link").code == 0
    assert (tmp_path / "empty" / "truth.json").is_file()
    assert (tmp_path / "link").is_symlink()
