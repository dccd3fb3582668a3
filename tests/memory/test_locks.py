"""Locks: one writer, many readers, and nothing that outlives its owner."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from boldstream.core.errors import StorageError
from boldstream.memory.locks import (
    is_read,
    lock_path,
    owner_lock,
    read_lock,
    reap,
    try_writer_lock,
    unread_lock,
    writer_lock,
)

HOLD = """
import sys
from pathlib import Path
from boldstream.memory.locks import owner_lock
folder = Path(sys.argv[1])
lock = owner_lock(folder)
folder.mkdir()
(folder / "map").write_bytes(b"1")
print("ready", flush=True)
sys.stdin.read()
"""


def owner_of(folder: Path) -> subprocess.Popen[str]:
    """A process that owns a folder until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_writer_keeps_others_out_until_it_is_done(tmp_path: Path) -> None:
    path = tmp_path / "x.boldstream-lock"
    with writer_lock(path) as lock:
        assert lock.held
        assert path.stat().st_mode & 0o777 == 0o600
        assert try_writer_lock(path) is None
        began = time.monotonic()
        with pytest.raises(
            StorageError, match=f"held for more than 0.1 s by process {os.getpid()}"
        ):
            writer_lock(path, timeout=0.1)
        assert 0.1 <= time.monotonic() - began < 5
    assert not lock.held
    assert list(tmp_path.iterdir()) == []


def test_writers_take_turns(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(20):
            with writer_lock(tmp_path / "x.boldstream-lock"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 160
    assert max(most) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be locked"):
        writer_lock(tmp_path / "missing" / "x.boldstream-lock")


def test_readers_share_and_keep_a_remover_out(tmp_path: Path) -> None:
    path = tmp_path / "data"
    assert read_lock(path) is None
    path.touch()
    first, second = read_lock(path), read_lock(path)
    assert first is not None
    assert second is not None
    first.close()
    first.close()
    assert is_read(path)
    assert unread_lock(path) is None
    second.close()
    assert not is_read(path)
    remover = unread_lock(path)
    assert remover is not None
    waiting: list[object] = []
    thread = threading.Thread(target=lambda: waiting.append(read_lock(path)))
    thread.start()
    path.unlink()
    remover.close()
    thread.join()
    # What it waited for is gone.
    assert waiting == [None]


def test_the_dead_are_reaped_and_the_living_are_not(tmp_path: Path) -> None:
    dead, living = tmp_path / "dead.part", tmp_path / "living.part"
    owners = [owner_of(dead), owner_of(living)]
    try:
        reap(tmp_path, ".part")
        assert {path.name for path in tmp_path.glob("*.part")} == {
            "dead.part",
            "living.part",
        }
        end(owners[0])
        reap(tmp_path, ".part")
        assert {path.name for path in tmp_path.iterdir()} == {
            "living.part",
            "living.part.boldstream-lock",
        }
        with pytest.raises(StorageError, match=f"by process {owners[1].pid}"):
            owner_lock(living)
    finally:
        for owner in owners:
            end(owner)


def test_an_owner_waits_for_who_reaps(tmp_path: Path) -> None:
    folder = tmp_path / "new.part"
    reaper = try_writer_lock(lock_path(folder))
    assert reaper is not None
    timer = threading.Timer(0.1, reaper.close)
    timer.start()
    with owner_lock(folder) as lock:
        assert lock.held
        assert try_writer_lock(lock_path(folder)) is None
    timer.join()


def test_a_recycled_process_id_keeps_nothing(tmp_path: Path) -> None:
    left = tmp_path / "left.part"
    left.mkdir()
    # The process with the dead owner's id lives: it is this one.
    (tmp_path / "left.part.boldstream-lock").write_text(f"process {os.getpid()} on this machine\n")
    reap(tmp_path, ".part")
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").touch()
    (tmp_path / "mine.part").mkdir()
    reap(tmp_path, ".part")
    assert {path.name for path in tmp_path.iterdir()} == {"uv.lock", "mine.part"}


def test_a_full_disk_keeps_no_one_from_a_lock(small_disk: Path) -> None:
    path = small_disk / "x.boldstream-lock"
    with (small_disk / "other").open("wb") as other:
        other.write(b"1" * (os.statvfs(small_disk).f_bavail * 4096))
    for _ in range(2):
        with writer_lock(path, timeout=1):
            assert try_writer_lock(path) is None


def test_a_lock_that_was_let_go_is_not_held_on_by_children(tmp_path: Path) -> None:
    """They have its file open, as what a process forks while it holds the lock has."""
    path, data = tmp_path / "x.boldstream-lock", tmp_path / "data"
    data.touch()
    writer, remover = writer_lock(path), unread_lock(data)
    assert remover is not None
    descriptors = [writer.descriptor, remover.descriptor]
    child = subprocess.Popen(["sleep", "60"], pass_fds=descriptors)
    try:
        taken = threading.Event()

        def wait_for_it() -> None:
            with writer_lock(path):
                taken.set()

        waiter = threading.Thread(target=wait_for_it, daemon=True)
        waiter.start()
        # Until it has the file open that goes away.
        time.sleep(0.2)
        writer.close()
        remover.close()
        assert taken.wait(5)
        waiter.join()
        assert not is_read(data)
    finally:
        child.kill()
        child.wait()


FORK = """
import os, sys
from pathlib import Path
from boldstream.memory.locks import try_writer_lock, writer_lock
path = Path(sys.argv[1])
lock = writer_lock(path)
child = os.fork()
if not child:
    lock.close()
    os._exit(0)
os.waitpid(child, 0)
assert path.exists()
assert try_writer_lock(path) is None
lock.close()
assert not path.exists()
"""


def test_a_forked_child_does_not_let_go_of_its_parents_lock(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FORK, str(tmp_path / "x.boldstream-lock")], check=True)


@pytest.mark.parametrize("years", [-60, 60], ids=["the past", "the future"])
def test_the_age_of_files_means_nothing(tmp_path: Path, years: float) -> None:
    """A clock that jumps makes no folder of the living old, nor one of the dead young."""
    then = time.time() + years * 365 * 86400
    alive, dead = tmp_path / "a.tmp", tmp_path / "b.tmp"
    lock = owner_lock(alive)
    lock_path(dead).touch()
    for folder in (alive, dead):
        folder.mkdir()
        for path in (folder, lock_path(folder)):
            os.utime(path, (then, then))
    reap(tmp_path, ".tmp")
    assert (alive.exists(), dead.exists()) == (True, False)
    lock.close()
