"""``boldstream tune``: what it measures is what happens at each threshold."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import pytest

import boldstream as bs
from boldstream.memory.tuning import Trial, _in_a_new_process, recommend
from tests.cli.conftest import Command, Study

GB = 1024**3


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_every_threshold_and_streaming_are_measured(
    command: Command, study: Study, folder: Path
) -> None:
    masks = ["--mask", study.mask] * 2
    done = command("tune", "--json", study.bold, *masks, "--threshold", 0, "--threshold", 1)
    facts = json.loads(done.out)
    assert [(one["threshold_gb"], one["way"]) for one in facts["trials"]] == [
        (0.0, "stored once"),
        (1.0, "read for each region"),
        (None, "one pass for all"),
    ]
    for one in facts["trials"]:
        assert 0 < one["first_seconds"] <= one["seconds"]
        # An interpreter with numpy at least, and not this process' peak.
        assert 20 << 20 < one["peak_bytes"] < 300 << 20
    assert facts["recommended"]
    assert not list(folder.iterdir())


def test_the_table(command: Command, study: Study) -> None:
    done = command("tune", study.bold, "--mask", study.mask, "--threshold", 0.5)
    header, half, streaming, recommended = done.out.splitlines()
    assert header.split("  ")[0] == "threshold"
    assert half.startswith("0.5 GB ")
    assert streaming.startswith("streaming ")
    assert recommended.startswith("recommended  ")


def trial(threshold: float | None, way: str, seconds: float, peak: int) -> Trial:
    return Trial(threshold, way, seconds, seconds, peak)  # type: ignore[arg-type]


def test_the_fastest_way_is_recommended_with_all_its_thresholds() -> None:
    trials = [
        trial(0.5, "stored once", 2.0, 50),
        trial(1.0, "stored once", 2.1, 50),
        trial(2.0, "read for each region", 9.0, 40),
        trial(None, "one pass for all", 4.0, 60),
    ]
    wanted = "a threshold of 0.5 GB or a threshold of 1 GB: stored once, the fastest"
    assert recommend(trials) == wanted


def test_of_ways_as_fast_the_one_with_least_memory() -> None:
    trials = [trial(0.5, "stored once", 2.0, 50), trial(None, "one pass for all", 2.1, 40)]
    assert recommend(trials) == (
        "streaming (`boldstream extract`): one pass for all, "
        "as fast as any within a tenth, in least memory"
    )


def test_what_cannot_be_measured(command: Command, study: Study, tmp_path: Path) -> None:
    done = command("tune", tmp_path / "absent.nii", "--mask", study.mask)
    assert (done.code, "absent.nii does not exist" in done.err) == (1, True)
    done = command("tune", study.bold, "--mask", study.mask, "--threshold", -1)
    assert (done.code, "must be a number of at least 0 GB, got -1" in done.err) == (2, True)
    assert command("tune", study.bold).code == 2


def test_a_trial_that_is_killed_is_an_error() -> None:
    with pytest.raises(bs.MemoryBudgetError, match="ended by the system"):
        _in_a_new_process(partial(os._exit, 9))


def test_an_error_of_a_trial_is_the_errors_own(study: Study, command: Command) -> None:
    done = command("tune", study.bold, "--mask", study.atlas, "--threshold", 1)
    assert done.code == 1
    assert "must hold 0 and one other value" in done.err
    with pytest.raises(bs.MaskError):
        bs.load_mask(study.atlas)


def test_a_trial_takes_no_semaphore_that_a_kill_could_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*asked: object) -> None:
        raise AssertionError("its file would stay in /dev/shm")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)
    trial = partial(Trial, None, "one pass for all", 1, 2, 3)
    assert _in_a_new_process(trial) == trial()
