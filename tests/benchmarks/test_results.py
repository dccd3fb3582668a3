"""What was taken is kept, and taken up again only where it can stand beside what is new."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks.results import Results, ResultsError, Taken
from benchmarks.rows import Row, figure, most
from benchmarks.tree import changes, revision


def _taken(*rows: Row, state: str = "done", changed: str = "") -> Taken:
    return Taken(
        state=state,
        revision="0123456789ab",
        changes=changed,
        began="2026-01-02T03:04:05+00:00",
        ended="2026-01-02T03:05:05+00:00",
        rows=rows,
    )


ROW = figure("glm", "857", "fit: time", 2.0, "s", ask=most(1, "s"), n=3)
OTHER = figure("store", "", "made: time", 2.0, "s", ask=most(3, "s"))


def test_results_come_back_from_their_file(tmp_path: Path) -> None:
    results = Results(False)
    results.put("store.a", _taken(OTHER), ["glm.b", "store.a"])
    results.put("glm.b", _taken(ROW, state="failed", changed="abc"), ["glm.b", "store.a"])
    path = tmp_path / "results.json"
    results.write(path)
    again = Results.read(path)
    assert again == results
    assert [*again.groups] == ["glm.b", "store.a"]
    assert [row.key for row in again.misses] == ["glm / 857 / fit: time"]
    content = json.loads(path.read_text())
    assert content["groups"]["glm.b"]["clean"] is False
    assert content["groups"]["store.a"]["clean"] is True
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_no_two_figures_have_one_key() -> None:
    results = Results(False)
    results.put("glm.a", _taken(ROW), [])
    assert (
        results.clash("glm.b", [OTHER, ROW]) == "two figures have the key 'glm / 857 / fit: time'"
    )
    assert results.clash("glm.b", [OTHER, OTHER]) == "two figures have the key 'store / made: time'"
    # A group that is taken anew takes its own place.
    assert results.clash("glm.a", [ROW, OTHER]) == ""
    results.put("glm.a", _taken(ROW, OTHER), [])
    assert len(list(results.rows)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no results.json; make it with: make benchmark"),
        ("{", "cannot be read as results"),
        ('{"schema": 99}', "has the schema 99"),
        ('{"schema": 1, "quick": false}', "cannot be read as results"),
    ],
)
def test_files_that_hold_no_results(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ResultsError, match=said):
        Results.read(path)


def test_what_is_taken_elsewhere_stands_apart() -> None:
    results = Results(False)
    assert results.is_of_this_machine(quick=False)
    assert not results.is_of_this_machine(quick=True)
    # Memory that is free is another at any time.
    results.machine["memory_bytes"] = 1
    assert results.is_of_this_machine(quick=False)
    results.machine["cpu"] = "another"
    assert not results.is_of_this_machine(quick=False)
    other = Results(False)
    other.versions = {**other.versions, "numpy": "0.1"}
    assert not other.is_of_this_machine(quick=False)


def test_a_group_counts_for_its_very_code() -> None:
    results = Results(False)
    results.put("glm.a", _taken(ROW, changed="abc"), [])
    assert results.has("glm.a", "0123456789ab", "abc")
    assert not results.has("glm.a", "0123456789ab", "")
    assert not results.has("glm.a", "ba9876543210", "abc")
    assert not results.has("glm.b", "0123456789ab", "abc")
    results.put("glm.a", _taken(state="failed", changed="abc"), [])
    assert not results.has("glm.a", "0123456789ab", "abc")


def test_a_machine_has_no_name_here() -> None:
    found = Results(False).machine
    assert sorted(found) == ["cores", "cpu", "memory_bytes", "memory_source", "system"]
    assert found["system"].split(" ")[0] in ("Linux", "Darwin")


def test_changes_are_those_of_measured_files(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *name, *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "src").mkdir()
    code, readme = tmp_path / "src/code.py", tmp_path / "README.md"
    code.write_text("x = 1\n")
    readme.write_text("old")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    first = revision(tmp_path)
    assert len(first) == 12
    assert changes(tmp_path) == ""
    readme.write_text("new")
    (tmp_path / "notes.txt").touch()
    assert changes(tmp_path) == ""
    code.write_text("x = 2\n")
    changed = changes(tmp_path)
    assert len(changed) == 12
    (tmp_path / "src/new.py").write_text("y = 1\n")
    assert changes(tmp_path) not in ("", changed)
    git("add", ".")
    git("commit", "--quiet", "-m", "second")
    assert (changes(tmp_path), revision(tmp_path) == first) == ("", False)


def test_outside_of_a_checkout(tmp_path: Path) -> None:
    assert (revision(tmp_path), changes(tmp_path)) == ("unknown", "")
