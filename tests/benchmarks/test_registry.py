"""All suites are found, and what they take is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.registry import (
    GIGABYTES,
    MINUTES,
    OPTIONAL,
    SUITES,
    Planned,
    all_groups,
    wanted_groups,
)
from benchmarks.results import ResultsError
from benchmarks.runner import check_room
from benchmarks.settings import Settings

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


def test_every_suite_is_in_the_registry() -> None:
    """A module that can be run by itself is one of them, and all have a name of their own."""
    files = {path.stem for path in FOLDER.glob("*.py") if "run_suite(SUITE" in path.read_text()}
    assert {module.SUITE for module in SUITES} == files
    assert len(SUITES) == len(files)


def test_minutes_and_gigabytes_are_known_of_all() -> None:
    keys = [group.key for group in all_groups()]
    assert len(set(keys)) == len(keys)
    assert set(keys) == set(MINUTES)
    assert {group.suite for group in all_groups()} == set(GIGABYTES)
    assert set(keys) > OPTIONAL


def test_a_full_run_is_no_longer_than_it_may_be() -> None:
    assert sum(group.minutes for group in wanted_groups(None, None)) <= 75


def test_groups_are_chosen_by_suite_or_key() -> None:
    chosen = wanted_groups(["glm.betas", "store"], None)
    assert [group.key for group in chosen] == [
        "store.1.2_gib",
        "store.2.4_gib",
        "store.4.8_gib",
        "glm.betas",
    ]
    assert OPTIONAL.isdisjoint(group.key for group in wanted_groups(None, None))
    fresh = "first_minutes.fresh"
    assert fresh in {group.key for group in wanted_groups(None, [fresh])}
    with pytest.raises(ValueError, match="no suite or group 'gml'"):
        wanted_groups(["gml"], None)


def test_room_is_asked_for_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = [Planned("glm", "betas", "benchmarks.glm", 1.0)]
    needed, free = check_room(groups, Settings(tmp_path / "images"))
    assert needed == GIGABYTES["glm"]
    assert free == pytest.approx(shutil.disk_usage(tmp_path).free / 1e9, rel=0.2)
    # What is there already needs no room.
    (tmp_path / "images" / "bold.nii").write_bytes(bytes(50_000_000))
    assert check_room(groups, Settings(tmp_path / "images"))[0] == pytest.approx(needed - 0.05)
    monkeypatch.setitem(GIGABYTES, "glm", 1e6)
    with pytest.raises(ResultsError, match=r"need 1000000\.0 GB more.*--folder"):
        check_room(groups, Settings(tmp_path / "other"))
