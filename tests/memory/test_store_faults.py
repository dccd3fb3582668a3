"""What goes wrong around the store: no one ever sees half an entry, and nothing is left."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boldstream.core.errors import CorruptImageError, MemoryBudgetError, StorageError
from boldstream.memory.store import Store, StoredVoxels
from boldstream.memory.store.entries import remove_entry, require_entry
from boldstream.streaming.plan import Plan, make_plan
from tests.memory.images import make_mask, save_bold, series_of

SHAPE = (24, 24, 20)

# Notes every pass over the image in a file named by the process, and says what it read.
# Small blocks and a pause at each make the pass most of what the process does.
MAKE = """
import os, sys, hashlib, pathlib, time
import numpy as np
import boldstream.streaming.plan
from boldstream.memory.store import Store
boldstream.streaming.plan._BLOCK_BYTES = 100_000
bold, mask, folder, notes = sys.argv[1:]
notes = pathlib.Path(notes)
def note(done, total):
    time.sleep(0.002)
    if done == total:
        (notes / f"pass-{os.getpid()}").touch()
print("ready", flush=True)
sys.stdin.readline()
with Store(folder).voxels(bold, np.load(mask), progress=note) as voxels:
    values = voxels.read()
print(hashlib.sha256(values.tobytes()).hexdigest(), flush=True)
"""


class Work:
    """An image, a mask, and processes that store the one's voxels within the other."""

    def __init__(self, folder: Path) -> None:
        self.bold = save_bold(folder / "bold.nii.gz", 60, shape=SHAPE)
        self.mask = make_mask(0.6, shape=SHAPE)
        self.folder, self.notes = folder / "store", folder / "notes"
        self.notes.mkdir()
        np.save(folder / "mask.npy", self.mask)
        self._arguments = [self.bold, folder / "mask.npy", self.folder, self.notes]

    def start(self) -> subprocess.Popen[str]:
        """A process that is ready to begin when a line is written to it."""
        process = subprocess.Popen(
            [sys.executable, "-c", MAKE, *map(str, self._arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def check(self) -> None:
        """Read it here, and compare with what nibabel reads."""
        with Store(self.folder).voxels(self.bold, self.mask) as voxels:
            np.testing.assert_array_equal(voxels.read(), series_of(self.bold, self.mask))

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.parametrize("n_processes", [2, 8])
def test_processes_that_ask_at_once_share_one_decode(work: Work, n_processes: int) -> None:
    processes = [work.start() for _ in range(n_processes)]
    for process in processes:
        go(process)
    hashes = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * n_processes
    assert len(hashes) == 1
    assert len(list(work.notes.iterdir())) == 1
    work.check()
    (entry,) = work.names()
    assert entry.endswith(".boldstream")


def test_threads_that_ask_at_once_share_one_decode(work: Work) -> None:
    passes: list[int] = []
    together = threading.Barrier(4)

    def ask(_: int) -> Path:
        together.wait()
        store = Store(work.folder)
        with store.voxels(
            work.bold, work.mask, progress=lambda done, total: passes.append(done)
        ) as voxels:
            np.testing.assert_array_equal(voxels.read(), series_of(work.bold, work.mask))
            return voxels.path

    with ThreadPoolExecutor(4) as pool:
        (path,) = set(pool.map(ask, range(4)))
    assert passes.count(60) == 1
    assert work.names() == [path.name]


def test_a_writer_killed_at_any_moment_leaves_nothing_that_anyone_sees(work: Work) -> None:
    process = work.start()
    began = time.monotonic()
    go(process)
    process.communicate()
    longest = time.monotonic() - began
    Store(work.folder).clear()
    draw = random.Random(1)
    cut = 0
    killed = set()
    for _ in range(30):
        process = work.start()
        go(process)
        time.sleep(draw.uniform(0, longest))
        assert "/dev/shm" not in Path(f"/proc/{process.pid}/maps").read_text()
        process.kill()
        process.communicate()
        killed.add(str(process.pid))
        left = work.names() if work.folder.exists() else []
        cut += any(name.endswith(".part") for name in left)
        # What is there is whole; what was in the making is gone with the next opening.
        store = Store(work.folder)
        assert not [name for name in work.names() if not name.endswith(".boldstream")]
        assert store.stats()["damaged"] == 0
        store.clear()
        assert work.names() == []
    assert cut >= 5
    work.check()
    # Other programs and tests share memory meanwhile; names bear the id of who made them as a
    # word of its own (their random parts may hold the same digits somewhere).
    shared = [path.name for path in Path("/dev/shm").iterdir()]
    assert [name for name in shared if killed & set(re.split("[-_.]", name))] == []


def test_a_writer_at_work_is_left_alone(work: Work) -> None:
    seen: list[list[str]] = []

    def look(done: int, total: int) -> None:
        Store(work.folder)
        seen.append(work.names())

    with Store(work.folder).voxels(work.bold, work.mask, progress=look) as voxels:
        np.testing.assert_array_equal(voxels.read(), series_of(work.bold, work.mask))
        key = voxels.path.stem
    assert {tuple(names) for names in seen} == {(f"{key}.part", f"{key}.part.boldstream-lock")}


def test_a_full_disk_is_said_and_nothing_is_left(work: Work, small_disk: Path) -> None:
    store = Store(small_disk)
    with pytest.raises(StorageError, match=r"disk of .* free, .* needed; free some, or name"):
        store.volumes([work.bold, work.bold])
    assert list(small_disk.iterdir()) == []
    few = work.mask & make_mask(0.1, seed=9, shape=SHAPE)
    with store.voxels(work.bold, few) as voxels:
        np.testing.assert_array_equal(voxels.read(), series_of(work.bold, few))


def test_a_disk_that_fills_up_meanwhile_kills_no_one(work: Work, small_disk: Path) -> None:
    few = work.mask & make_mask(0.1, seed=9, shape=SHAPE)

    def fill(done: int, total: int) -> None:
        with (small_disk / "other").open("ab") as other:
            other.write(b"1" * (os.statvfs(small_disk).f_bavail * 4096))

    # The room for the values was taken before; only the manifest finds none.
    with pytest.raises(StorageError, match=r"cannot be written: No space left on device"):
        Store(small_disk).voxels(work.bold, few, progress=fill)
    assert [path.name for path in small_disk.iterdir()] == ["other"]


def test_files_in_a_tmpfs_count_as_memory(
    work: Work, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = work.mask & make_mask(0.1, seed=9, shape=SHAPE)
    peaks = {}
    for folder in (work.folder, small_disk):

        def keep(*args: Any, folder: Path = folder, **kwargs: Any) -> Plan:
            peaks[folder] = made = make_plan(*args, **kwargs)
            return made

        monkeypatch.setattr("boldstream.streaming.once.make_plan", keep)
        with Store(folder).voxels(work.bold, few) as voxels:
            stored = (voxels.path / "data.npy").stat().st_size
    (on_disk,), (in_memory,) = peaks[work.folder].needs, peaks[small_disk].needs
    assert in_memory.state - on_disk.state == stored


@pytest.mark.parametrize("change", ["rewritten", "replaced", "touched"])
def test_a_changed_source_is_stored_anew(work: Work, change: str) -> None:
    work.check()
    (old,) = work.names()
    status = work.bold.stat()
    if change == "touched":
        os.utime(work.bold)
    else:
        new = save_bold(work.bold.with_name("new.nii.gz"), 60, shape=SHAPE, seed=7)
        if change == "replaced":
            # By a file of the same times, as some copying keeps them.
            os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
            new.rename(work.bold)
        else:
            work.bold.write_bytes(new.read_bytes())
    assert Store(work.folder).stats()["outdated"] == 1
    work.check()
    (entry,) = work.names()
    assert entry != old


def test_a_change_that_only_the_content_shows(work: Work) -> None:
    """Size, times and inode kept, ends of the file too: only hashing everything tells."""
    path = save_bold(work.bold.with_name("plain.nii"), 60, shape=SHAPE)
    entries = []
    for i, hash_content in enumerate((True, True, False, False)):
        status = path.stat()
        with Store(work.folder, hash_content=hash_content).voxels(path, work.mask) as voxels:
            entries.append(voxels.path)
            same = (voxels.read() == series_of(path, work.mask)).all()
        assert same or not hash_content
        with path.open("r+b") as file:
            file.seek(status.st_size // 2)
            file.write(bytes([i]) * 4096)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(set(entries)) == 3


def test_a_source_changed_while_it_is_read_is_not_stored(work: Work) -> None:
    def touch(done: int, total: int) -> None:
        os.utime(work.bold)

    with pytest.raises(StorageError, match=r"bold\.nii\.gz was changed while it was read"):
        Store(work.folder).voxels(work.bold, work.mask, progress=touch)
    assert work.names() == []


def test_a_truncated_source_is_not_stored(work: Work) -> None:
    work.bold.write_bytes(work.bold.read_bytes()[:-20])
    store = Store(work.folder)
    with pytest.raises(CorruptImageError):
        store.voxels(work.bold, work.mask)
    with pytest.raises(CorruptImageError):
        store.volumes(work.bold)
    assert work.names() == []


def truncate(path: Path, keep: float) -> None:
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * keep))


def edit(path: Path, **changes: object) -> None:
    """Change what a manifest says, as if it had been written so."""
    said = json.loads(path.read_text()) | changes
    del said["crc32"]
    checksum = zlib.crc32(json.dumps(said, sort_keys=True).encode())
    path.write_text(json.dumps(said | {"crc32": checksum}))


def spoil(path: Path, old: str, new: str) -> None:
    whole = path.read_text()
    assert old in whole
    path.write_text(whole.replace(old, new, 1))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "data cut": lambda entry: truncate(entry / "data.npy", 0.9),
    "data emptied": lambda entry: truncate(entry / "data.npy", 0),
    "data missing": lambda entry: (entry / "data.npy").unlink(),
    "header spoiled": lambda entry: (entry / "data.npy").open("r+b").write(b"x" * 16),
    "voxels cut": lambda entry: truncate(entry / "voxels.npy", 0.5),
    "voxels missing": lambda entry: (entry / "voxels.npy").unlink(),
    "manifest cut": lambda entry: truncate(entry / "manifest.json", 0.5),
    "manifest emptied": lambda entry: truncate(entry / "manifest.json", 0),
    "manifest missing": lambda entry: (entry / "manifest.json").unlink(),
    "manifest no object": lambda entry: (entry / "manifest.json").write_text("[1]"),
    "manifest too deep": lambda entry: (entry / "manifest.json").write_text("[" * 100_000),
    "manifest of another shape": lambda entry: edit(entry / "manifest.json", shape=[1, 2, 3]),
    "manifest of another version": lambda entry: edit(entry / "manifest.json", version=0),
    "manifest with a strange type": lambda entry: edit(entry / "manifest.json", dtype="?!"),
    "manifest with a digit changed": lambda entry: spoil(entry / "manifest.json", "1.0", "2.0"),
    "manifest that is a number": lambda entry: (entry / "manifest.json").write_text("1"),
    "manifest without files": lambda entry: edit(entry / "manifest.json", file_bytes={}),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_damaged_entry_is_noticed_and_made_anew(work: Work, damage: str) -> None:
    work.check()
    (key,) = work.names()
    DAMAGES[damage](work.folder / key)
    store = Store(work.folder)
    assert store.entries()[0].layout == "damaged"
    assert store.stats()["damaged"] == 1
    work.check()
    assert work.names() == [key]
    assert store.stats()["damaged"] == 0


def test_a_damaged_entry_can_be_cleared(work: Work) -> None:
    work.check()
    (key,) = work.names()
    (work.folder / key / "data.npy").unlink()
    assert Store(work.folder).clear() > 0
    assert work.names() == []


def test_a_stop_by_the_user_leaves_nothing(work: Work) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store(work.folder).voxels(work.bold, work.mask, progress=stop)
    assert work.names() == []


def test_what_an_interrupted_removal_left_without_a_lock_goes_with_the_next_opening(
    work: Work,
) -> None:
    with Store(work.folder).voxels(work.bold, work.mask) as voxels:
        path = voxels.path
    path.rename(path.with_suffix(".part"))
    Store(work.folder)
    assert work.names() == []


def test_what_someone_else_removed_meanwhile_is_no_error(work: Work) -> None:
    work.check()
    store = Store(work.folder)
    (entry,) = store.entries()
    assert store.clear() == entry.n_bytes
    # A process that listed it before finds it gone.
    assert remove_entry(entry.path) == 0
    assert work.names() == []


def test_what_is_removed_or_cut_while_it_is_opened_is_said(work: Work) -> None:
    store = Store(work.folder)
    with store.voxels(work.bold, work.mask) as voxels:
        truncate(voxels.path / "data.npy", 0.5)
        with pytest.raises(StorageError, match="cannot be mapped"):
            voxels.read()
    work.check()
    (entry,) = store.entries()
    opened = require_entry(entry.path)
    store.clear(unused_only=False)
    with pytest.raises(StorageError, match="was removed or damaged; make it again"):
        StoredVoxels(opened)
    assert not opened.lock.held


def test_what_does_not_fit_takes_no_disk(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a tmpfs it would be memory that is taken before the plan is refused."""
    taken: list[int] = []
    monkeypatch.setattr(
        "boldstream.memory.store.npy.reserve", lambda descriptor, n_bytes: taken.append(n_bytes)
    )
    with pytest.raises(MemoryBudgetError, match="the store's volumes"):
        Store(work.folder).volumes(work.bold, memory_limit="1MiB")
    assert taken == []
    assert work.names() == []
