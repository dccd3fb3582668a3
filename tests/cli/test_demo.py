"""``boldstream demo``: finds what was planted, and says so by its exit code."""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from boldstream.cli import demo_job
from boldstream.simulate.choice_study import ChoiceStudyDesign, read_choice_truth
from tests.cli.conftest import Command
from tests.memory.conftest import small_disk as small_disk


def test_it_finds_the_plant_and_what_it_says_next_works(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "boldstream", "demo"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["boldstream-demo"]
    truth = read_choice_truth(tmp_path / "boldstream-demo")
    lines = done.stdout.splitlines()
    found = [line for line in lines if line.startswith("found")]
    assert len(found) == 2
    assert f"choice in {truth.choice[0]}" in found[0]
    assert f"value in {truth.value[0]}" in found[1]
    (report,) = (line.split(maxsplit=1)[1] for line in lines if line.startswith("report"))
    assert "<html" in (tmp_path / report).read_text(encoding="utf-8")

    extract, run, init = (after for line, after in itertools.pairwise(lines) if "#" in line)
    texts = (
        extract,
        f"{run} --no-progress --cache-stats",
        f"{init.replace('MY-DATASET', 'boldstream-demo')} -o mine.yaml",
    )
    started = [
        subprocess.Popen(
            shlex.split(text),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        for text in texts
    ]
    said = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert (tmp_path / "boldstream-demo" / "courses" / f"{truth.choice[0]}.npy").is_file()
    assert "0 done now" in said[1][0]


def test_a_disk_without_room_is_named_before_anything_is_made(
    command: Command, small_disk: Path
) -> None:
    done = command("demo", small_disk / "study", "--no-progress")
    assert done.code == 1
    assert done.err.startswith(f"Error: the disk of {small_disk} has 4 MiB free, 48 MiB needed")
    assert "boldstream demo DIR" in done.err
    assert not list(small_disk.iterdir())


def test_it_fails_when_the_plant_is_not_recovered(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "boldstream-demo").mkdir()
    monkeypatch.chdir(tmp_path)
    # Too few trials of too few subjects.
    design = ChoiceStudyDesign(n_subjects=2, n_trials=20, shape=(16, 18, 16))
    monkeypatch.setattr(demo_job, "run_demo", partial(demo_job.run_demo, design=design))
    done = command("demo", "--no-progress")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    assert "did not find what was planted" in done.err
    # The one that is there was another demo, as far as we know.
    assert list((tmp_path / "boldstream-demo").iterdir()) == []
    assert (tmp_path / "boldstream-demo-2" / "study.yaml").is_file()


def test_a_folder_with_something_in_it_is_left_alone(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = command("demo", tmp_path)
    assert done.code == 1
    assert str(tmp_path) in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_told(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.chdir(tmp_path)
    done = command("demo")
    tmp_path.chmod(0o700)
    assert done.code == 1
    assert "boldstream demo DIR" in done.err
