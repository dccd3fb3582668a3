"""`replacing`: a whole folder or the older one, whatever happens."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from boldstream.core.errors import OutputExistsError, StorageError
from boldstream.report.folders import MARK, replacing


def write(place: Path, text: str) -> None:
    with replacing(place, {"about": text}) as folder:
        (folder / "maps").mkdir()
        (folder / "index.html").write_text(text)
        (folder / "maps" / f"{text}.html").write_text(text)


def files(place: Path) -> dict[str, str]:
    return {
        str(path.relative_to(place)): path.read_text()
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.name != MARK
    }


def test_a_folder_takes_the_place_of_an_older_one_with_all_its_files(tmp_path: Path) -> None:
    place = tmp_path / "new" / "report"
    write(place, "one")
    assert files(place) == {"index.html": "one", "maps/one.html": "one"}
    write(place, "two")
    assert files(place) == {"index.html": "two", "maps/two.html": "two"}
    assert json.loads((place / MARK).read_text())["about"] == "two"
    assert [path.name for path in place.parent.iterdir()] == ["report"]


def test_what_raises_leaves_the_older_one_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "report"
    write(place, "one")
    with pytest.raises(KeyboardInterrupt), replacing(place, {}) as folder:  # noqa: PT012
        (folder / "index.html").write_text("half")
        raise KeyboardInterrupt
    assert files(place) == {"index.html": "one", "maps/one.html": "one"}
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_process_that_is_killed_leaves_the_older_one(tmp_path: Path) -> None:
    place = tmp_path / "report"
    write(place, "one")
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from boldstream.report.folders import replacing\n"
        "with replacing(Path(sys.argv[1]), {}) as folder:\n"
        "    (folder / 'index.html').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(place)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert files(place) == {"index.html": "one", "maps/one.html": "one"}
    # The next one clears up after it.
    write(place, "two")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_files_of_others_are_never_replaced(tmp_path: Path) -> None:
    place = tmp_path / "report"
    place.mkdir()
    write(place, "one")
    (place / "notes.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"which holds notes\.txt"):
        write(place, "two")
    assert (place / "notes.txt").read_text() == "mine"
    other = tmp_path / "file"
    other.write_text("mine")
    with pytest.raises(OutputExistsError, match="must be a folder, got the file"):
        write(other, "one")


def test_files_that_come_while_it_is_written_are_seen(tmp_path: Path) -> None:
    place = tmp_path / "report"
    write(place, "one")
    with pytest.raises(OutputExistsError), replacing(place, {}):
        (place / "notes.txt").write_text("mine")
    assert (place / "notes.txt").read_text() == "mine"


def test_a_damaged_mark_makes_files_those_of_others(tmp_path: Path) -> None:
    place = tmp_path / "report"
    write(place, "one")
    for damaged in ("", "[]", '{"files": 3}'):
        (place / MARK).write_text(damaged)
        with pytest.raises(OutputExistsError):
            write(place, "two")


def test_new_files_are_for_whom_the_user_lets_and_meanwhile_for_the_user_alone(
    tmp_path: Path,
) -> None:
    place = tmp_path / "report"
    with replacing(place, {}) as folder:
        assert folder.parent.stat().st_mode & 0o777 == 0o700
    umask = os.umask(0)
    os.umask(umask)
    assert place.stat().st_mode & 0o777 == 0o777 & ~umask


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_results_that_only_can_be_read_say_where_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="cannot be written to, so the report must go else"):
            write(tmp_path / "report", "one")
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_is_told_with_the_place_and_keeps_the_older_one(tmp_path: Path) -> None:
    place = tmp_path / "report"
    write(place, "one")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(StorageError, match="report cannot be written: No space left on device"),
        replacing(place, {}),
    ):
        raise full
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert "one" in "".join(files(place).values())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made: Not a directory"):
        write(tmp_path / "file" / "below" / "report", "one")
