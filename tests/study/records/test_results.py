from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from boldstream.core.errors import StorageError, TableError
from boldstream.io.manifests import MANIFEST
from boldstream.study.planning.unit import Unit
from boldstream.study.records.keys import key_of
from boldstream.study.records.provenance import revision
from boldstream.study.records.results import Results


def write(results: Results, name: str, key: str, text: str = "whole") -> None:
    with results.writing(name, {"key": key}) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "a.txt").write_text(text)


def left_over(results: Results) -> list[str]:
    return [path.name for path in results.private.iterdir()]


def test_results_are_found_by_their_key_alone(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert results.find("sub-01/betas", "one") is None
    write(results, "sub-01/betas", "one")
    found = results.find("sub-01/betas", "one")
    assert found is not None
    assert found["files"] == {"sub/a.txt": 5}
    assert results.find("sub-01/betas", "two") is None
    assert left_over(results) == []


@pytest.mark.parametrize("change", ["shorter", "gone", "folder"])
def test_results_that_are_not_whole_are_not_found(tmp_path: Path, change: str) -> None:
    results = Results(tmp_path)
    write(results, "sub-01/betas", "one")
    file = tmp_path / "sub-01/betas/sub/a.txt"
    if change == "folder":
        file.unlink()
        file.parent.rmdir()
        file.parent.touch()
    elif change == "gone":
        file.unlink()
    else:
        file.write_text("who")
    assert results.find("sub-01/betas", "one") is None


def test_results_replace_older_ones_as_a_whole(tmp_path: Path) -> None:
    results = Results(tmp_path)
    write(results, "sub-01/betas", "one")
    with results.writing("sub-01/betas", {"key": "two"}) as folder:
        (folder / "b.txt").write_text("new")
    names = sorted(path.name for path in (tmp_path / "sub-01/betas").iterdir())
    assert names == ["b.txt", MANIFEST]
    assert left_over(results) == []


def test_two_workers_that_do_one_unit_both_end_well(tmp_path: Path) -> None:
    results, n_each = Results(tmp_path), 40
    with ThreadPoolExecutor(4) as threads:
        done = [
            threads.submit(write, results, "sub-01/betas", f"{worker}")
            for worker in range(4)
            for _ in range(n_each)
        ]
    for one in done:
        one.result()
    note = results.read("sub-01/betas")
    assert note is not None
    assert results.find("sub-01/betas", note["key"]) is not None
    assert left_over(results) == []


def fail_half_way(results: Results) -> None:
    with results.writing("sub-01/betas", {"key": "two"}) as folder:
        (folder / "b.txt").write_text("half")
        raise RuntimeError


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    results = Results(tmp_path)
    write(results, "sub-01/betas", "one")
    with pytest.raises(RuntimeError):
        fail_half_way(results)
    assert results.find("sub-01/betas", "one") is not None
    assert left_over(results) == []


@pytest.mark.parametrize("text", ["{", "", "[]", "{}", '{"key": "one", "files": 3}'])
def test_a_damaged_note_is_named(tmp_path: Path, text: str) -> None:
    results = Results(tmp_path)
    write(results, "sub-01/betas", "one")
    (tmp_path / "sub-01/betas" / MANIFEST).write_text(text)
    with pytest.raises(TableError, match=r"unit\.json is damaged"):
        results.find("sub-01/betas", "one")


def test_what_a_killed_worker_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        from pathlib import Path
        from boldstream.study.records.results import Results
        with Results(Path(sys.argv[1])).writing("sub-01/betas", {"key": "one"}) as folder:
            (folder / "a.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    results = Results(tmp_path)
    assert results.read("sub-01/betas") is None
    assert left_over(results) != []
    write(results, "sub-01/betas", "one")
    assert left_over(results) == []


def test_a_file_in_place_of_a_folder_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "sub-01").touch()
    results = Results(tmp_path)
    assert results.read("sub-01/betas") is None
    with pytest.raises(StorageError, match=r"sub-01/betas cannot be written: "):
        write(results, "sub-01/betas", "one")
    assert left_over(results) == []


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.remove("sub-01/betas")
    (tmp_path / "sub-01").mkdir()
    (tmp_path / "sub-01/betas").touch()
    with pytest.raises(StorageError, match=r"betas cannot be removed: Not a directory"):
        results.remove("sub-01/betas")


def test_nothing_that_a_data_set_says_is_run_for_its_revision(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, "-C", str(tmp_path), *words], check=True)

    hook, mark = tmp_path / "hook", tmp_path / "ran"
    hook.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    hook.chmod(0o755)
    git("init", "--quiet")
    (tmp_path / "a.txt").write_text("a")
    git("add", "a.txt")
    git("commit", "--quiet", "--message=a")
    git("config", "core.fsmonitor", str(hook))
    found = revision(tmp_path)
    assert len(found) == 40
    assert not mark.exists()
    (tmp_path / "a.txt").write_text("b")
    revision.cache_clear()
    assert revision(tmp_path) == f"{found}-dirty"


def make_unit(folder: Path, **changes: object) -> Unit:
    path = folder / "bold.nii"
    if not path.exists():
        path.write_bytes(b"abc")
    given: dict[str, object] = {"parameters": {"a": 1}, "inputs": (str(path),)}
    return Unit("betas", "betas", "01", **{**given, **changes})  # type: ignore[arg-type]


def test_a_key_changes_with_all_that_changes_results(tmp_path: Path) -> None:
    def key(version: int = 1, **changes: object) -> str:
        return key_of(make_unit(tmp_path, **changes), version, tmp_path, {})

    keys = [
        key(),
        key(version=2),
        key(parameters={"a": 2}),
        key(parameters={"a": 1, "b": None}),
        key(inputs=()),
    ]
    needing = make_unit(tmp_path, needs=("sub-01/behaviour",))
    keys += [key_of(needing, 1, tmp_path, {"sub-01/behaviour": one}) for one in ("k", "l")]
    (tmp_path / "bold.nii").write_bytes(b"abcd")
    keys.append(key())
    os.utime(tmp_path / "bold.nii", ns=(1, 1))
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_a_key_stays_where_the_study_is_moved(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    first = key_of(make_unit(before), 1, before, {})
    before.rename(after)
    unit = make_unit(after, inputs=(str(after / "bold.nii"),))
    assert key_of(unit, 1, after, {}) == first


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    unit = make_unit(tmp_path, inputs=(str(tmp_path / "none.nii"),))
    with pytest.raises(StorageError, match=r"none\.nii cannot be read"):
        key_of(unit, 1, tmp_path, {})


def test_manifests_are_plain_json(tmp_path: Path) -> None:
    results = Results(tmp_path)
    write(results, "sub-01/betas", "one")
    assert json.loads((tmp_path / "sub-01/betas" / MANIFEST).read_text())["key"] == "one"
