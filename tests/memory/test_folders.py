"""Where files are kept, and that there is room for them."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from boldstream.core.errors import StorageError
from boldstream.memory.folders import find_folder, reserve

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root to act as another user")
NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


NAMES = ["MEMMAP_TEMP_DIR", "BOLDSTREAM_CACHE", "SLURM_TMPDIR", "TMPDIR"]


@pytest.mark.parametrize("first", range(len(NAMES) + 1))
def test_the_first_variable_that_is_set_decides(tmp_path: Path, first: int) -> None:
    environ = {name: str(tmp_path / name) for name in NAMES[first:]}
    environ |= dict.fromkeys(NAMES[:first], "") | {"XDG_CACHE_HOME": str(tmp_path)}
    found = find_folder(environ=environ)
    expected = NAMES[first] if first < len(NAMES) else "boldstream"
    assert found.path == tmp_path / expected
    assert found.path.stat().st_mode & 0o777 == 0o700


def test_a_parameter_comes_before_the_environment(tmp_path: Path) -> None:
    environ = {name: str(tmp_path / name) for name in NAMES}
    assert find_folder(tmp_path / "a", memmap_temp_dir="b", environ=environ).path.name == "a"
    assert find_folder(memmap_temp_dir=tmp_path / "b", environ=environ).path.name == "b"
    assert not (tmp_path / "MEMMAP_TEMP_DIR").exists()


def test_without_any_the_users_cache_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_folder(environ={}).path == tmp_path / ".cache" / "boldstream"


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o1777, 0o750])
def test_a_folder_that_others_may_enter_is_left_as_it_is(tmp_path: Path, mode: int) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)
    for _ in range(2):
        found = find_folder(shared).path
        assert found == shared / f"boldstream-{os.geteuid()}"
        assert found.stat().st_mode & 0o777 == 0o700
        # Someone opened it since: it is closed again.
        found.chmod(0o777)
    assert shared.stat().st_mode & 0o7777 == mode


def test_a_link_in_a_shared_folder_is_not_followed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "own").mkdir()
    (tmp_path / f"boldstream-{os.geteuid()}").symlink_to(tmp_path / "own")
    with pytest.raises(StorageError, match=r"`folder` must name a folder .* is no folder"):
        find_folder(tmp_path)


@as_root
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    theirs = tmp_path / f"boldstream-{os.geteuid()}"
    theirs.mkdir(0o700)
    os.chown(theirs, NOBODY, NOBODY)
    with pytest.raises(StorageError, match=f"TMPDIR must .* belongs to user {NOBODY}"):
        find_folder(environ={"TMPDIR": str(tmp_path)})


@as_root
def test_two_users_of_one_folder_get_a_folder_each(open_folder: Path) -> None:
    open_folder.chmod(0o1777)
    own = find_folder(open_folder).path
    os.seteuid(NOBODY)
    try:
        theirs = find_folder(open_folder).path
        with pytest.raises(PermissionError):
            list(own.iterdir())
    finally:
        os.seteuid(0)
    assert own != theirs
    assert theirs.stat().st_uid == NOBODY


@as_root
def test_a_read_only_folder_is_refused(open_folder: Path) -> None:
    folder = open_folder / "cache"
    folder.mkdir()
    folder.chmod(0o500)
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        with pytest.raises(StorageError, match=r"BOLDSTREAM_CACHE must name .*Permission denied"):
            find_folder(environ={"BOLDSTREAM_CACHE": str(folder)})
    finally:
        os.seteuid(0)


def test_a_disk_mounted_for_reading_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageError, match=r"`folder` must name .*Read-only file system"):
        find_folder(small_disk)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="`folder` must name a folder"):
        find_folder(tmp_path / "file" / "folder")


def test_a_tmpfs_counts_as_memory(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert find_folder(small_disk / "a b").is_memory
    # Said once, however often it is looked up.
    assert caplog.text.count("is a tmpfs: files there count as memory") == 1


def test_what_is_a_tmpfs_agrees_with_the_system(tmp_path: Path) -> None:
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", tmp_path], capture_output=True, text=True, check=True
    )
    assert find_folder(tmp_path).is_memory == (kind.stdout.strip() in ("tmpfs", "ramfs"))


def test_reserving_takes_the_disk(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        reserve(file.fileno(), 1 << 20)
        status = os.fstat(file.fileno())
    assert status.st_size == 1 << 20
    assert status.st_blocks * 512 >= 1 << 20


def test_a_full_disk_is_said_before_anything_is_written(small_disk: Path) -> None:
    with (small_disk / "file").open("wb") as file:
        with pytest.raises(StorageError, match=r"disk of .* has 4 MiB free, 5 MiB needed"):
            reserve(file.fileno(), 5 << 20)
        assert os.fstat(file.fileno()).st_blocks == 0
        reserve(file.fileno(), 3 << 20)
        # What the file holds already is not asked for again.
        reserve(file.fileno(), 4 << 20)


def test_a_file_larger_than_may_be_is_refused(tmp_path: Path) -> None:
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with (
            (tmp_path / "file").open("wb") as file,
            pytest.raises(StorageError, match="File too large"),
        ):
            reserve(file.fileno(), 2 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "file").stat().st_size == 0


def test_a_user_without_a_home_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"`folder` must name .* got ~nobody-of-this-name/x: "):
        find_folder("~nobody-of-this-name/x")


def test_a_disk_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: object, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(StorageError, match=r"and locked, got .*: Function not implemented"):
        find_folder(tmp_path / "lustre")
    assert list((tmp_path / "lustre").iterdir()) == []
