"""Processes that are forked off a server are as those that are started, but for what is loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.forking import forked, run_way
from benchmarks.glm_pairs import one_cpu
from tests.benchmarks.test_searchlight_benchmark import needs_affinity, needs_proc

pytestmark = needs_affinity
MODULE = "tests.benchmarks.toy_ways"


def run(way: str = "tell", library: str = "this", **options: Any) -> dict[str, Any]:
    done = run_way(MODULE, way, library, '{"what": "mask"}', **options)
    found: dict[str, Any] = json.loads(done.output)
    return found


@pytest.fixture
def servers() -> Iterator[None]:
    with forked():
        yield


@pytest.mark.usefixtures("servers")
def test_what_was_loaded_is_there_in_processes_of_their_own() -> None:
    first, second, other = run(), run(), run(library="that")
    ((library, server),) = first["loaded"]
    assert library == "this"
    assert first["loaded"] == second["loaded"]
    assert len({os.getpid(), server, first["pid"], second["pid"]}) == 4
    assert other["loaded"][0][0] == "that"
    assert other["loaded"][0][1] != server


@needs_proc
@pytest.mark.usefixtures("servers")
def test_where_memory_is_sampled_each_loads_for_itself() -> None:
    # No part of it must be a server's.
    found = run(sample_memory=True)
    assert found["loaded"] == [["this", found["pid"]]]


def test_without_servers_each_loads_for_itself() -> None:
    found = run()
    assert found["loaded"] == [["this", found["pid"]]]


@pytest.mark.usefixtures("servers")
def test_variables_and_cpus_are_those_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (run()["variable"], run()["cpus"]) == (None, len(os.sched_getaffinity(0)))
    monkeypatch.setenv("A_VARIABLE", "then")
    with one_cpu():
        found = run()
    assert (found["variable"], found["cpus"], found["input"]) == ("then", 1, "")
    # Where compiled kernels are found is settled when numba is loaded.
    monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")
    assert run()["loaded"] != found["loaded"]


@pytest.mark.parametrize(("way", "says"), [("fail", "1:\n(.|\n)*no such mask"), ("kill", "-9:")])
@pytest.mark.usefixtures("servers")
def test_a_failure_is_told_and_is_not_that_of_the_next(way: str, says: str) -> None:
    loaded = run()["loaded"]
    with pytest.raises(RuntimeError, match=f"toy_ways {way} this .* ended with {says}"):
        run(way)
    assert run()["loaded"] == loaded


@pytest.mark.usefixtures("servers")
def test_a_library_that_cannot_be_loaded_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match=r"benchmarks.forking .*toy_ways none ended with 1"):
        run(library="none")
    assert "no such library" in capfd.readouterr().err


def test_servers_end() -> None:
    with forked():
        ((_, server),) = run()["loaded"]
        assert Path(f"/proc/{server}").exists()
    assert not Path(f"/proc/{server}").exists()
