"""Locks that end with their owner.

The kernel holds a lock (`flock`) for an open file and lets it go when the last
process that has it open ends, however it ends. Who lives is therefore never
guessed from a process id, which another process may have by now; ids in lock
files are there for people to read.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path

from boldstream.core.errors import StorageError

# No one else's files end so; a folder may hold a ``uv.lock``.
_LOCK_SUFFIX = ".boldstream-lock"
_POLL_SECONDS = 0.02
_REAPING_SECONDS = 1.0


class Lock:
    """A lock that is held, by forked children of this process too; made by this module."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def held(self) -> bool:
        return self._descriptor >= 0

    @property
    def descriptor(self) -> int:
        """Of the locked file, open; -1 once the lock is let go."""
        return self._descriptor

    def close(self) -> None:
        """Let go of the lock."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class ExclusiveLock(Lock):
    """A lock that keeps everyone else out until this process lets go, whatever its children do."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._owner = os.getpid()

    @property
    def is_own(self) -> bool:
        """Whether this process took it and holds it; a forked child has a mere copy."""
        return self.held and self._owner == os.getpid()

    def close(self) -> None:
        """Let go of the lock."""
        if self.is_own:
            # Closing alone would leave it to children that have the file open.
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        super().close()


class WriterLock(ExclusiveLock):
    """The lock of the one writer of something; its file goes when it is let go."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor)
        self._path = path

    def close(self) -> None:
        """Remove the lock's file, then let go: whoever waits for it sees that it is gone."""
        try:
            if self.is_own:
                self._path.unlink(missing_ok=True)
        finally:
            super().close()


def writer_lock(path: Path, *, timeout: float | None = None) -> WriterLock:
    """Wait until no one else holds the lock of this name, and take it.

    Parameters
    ----------
    path : Path
        Of the lock's file, in a folder that exists.
    timeout : float, optional
        Seconds to wait at most; by default as long as it takes.

    Raises
    ------
    StorageError
        If someone held it all that time, or the file cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "x.lock")
    ...     with writer_lock(path):
    ...         try_writer_lock(path) is None
    ...     path.exists()
    True
    False
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        lock = _lock_once(path, wait=deadline is None)
        if lock is not None:
            return lock
        if deadline is not None:
            if time.monotonic() >= deadline:
                raise StorageError(f"{path} is held for more than {timeout} s by {_holder(path)}")
            time.sleep(_POLL_SECONDS)


def try_writer_lock(path: Path) -> WriterLock | None:
    """Take a writer's lock, or return None at once where someone holds it."""
    return _lock_once(path, wait=False)


def _lock_once(path: Path, *, wait: bool) -> WriterLock | None:
    try:
        descriptor = _open_locked(path, os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX, wait=wait)
    except OSError as error:
        raise StorageError(f"{path} cannot be locked: {error.strerror}") from error
    if descriptor is None:
        return None
    # Only for people to read: a full disk that has no room for it keeps no one from the lock.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, _introduction())
    return WriterLock(descriptor, path)


def read_lock(path: Path) -> Lock | None:
    """Share a file with all who read it, so that no one removes it; None where it is gone.

    Raises
    ------
    StorageError
        If the file is there and cannot be opened.
    """
    try:
        # Waits only while someone removes it; then it has no name any more.
        descriptor = _open_locked(path, os.O_RDONLY, fcntl.LOCK_SH, wait=True)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path} cannot be opened: {error.strerror}") from error
    return None if descriptor is None else Lock(descriptor)


def is_read(path: Path) -> bool:
    """Whether anyone holds a `read_lock` on a file."""
    lock = unread_lock(path)
    if lock is None:
        return True
    lock.close()
    return False


def unread_lock(path: Path) -> Lock | None:
    """Keep readers away from a file that is to be removed; None where someone reads it.

    A file that is not there is read by no one.
    """
    try:
        # For writing: network file systems want that for a lock that excludes others.
        descriptor = _open_locked(path, os.O_RDWR, fcntl.LOCK_EX, wait=False)
    except FileNotFoundError:
        return Lock(-1)
    except OSError as error:
        raise StorageError(f"{path} cannot be opened: {error.strerror}") from error
    return None if descriptor is None else ExclusiveLock(descriptor)


def lock_path(folder: Path) -> Path:
    """File of the lock of a folder: beside it, so that it can be there first."""
    return folder.with_name(folder.name + _LOCK_SUFFIX)


def owner_lock(folder: Path) -> WriterLock:
    """Own a folder until the lock is let go or this process ends; to be taken before it is made.

    Parameters
    ----------
    folder : Path
        Its lock lies beside it.

    Raises
    ------
    StorageError
        If someone who lives owns it.
    """
    # Who reaps may hold the lock of a folder that is not made yet, for a moment.
    return writer_lock(lock_path(folder), timeout=_REAPING_SECONDS)


def reap(parent: Path, suffix: str) -> None:
    """Remove the folders whose owners have ended without removing them, and their locks.

    Parameters
    ----------
    parent : Path
    suffix : str
        Of the folders, with its dot. One without a lock beside it is no one's
        business here, and stays.
    """
    # A list: other processes add and remove files meanwhile.
    for path in list(parent.glob(f"*{suffix}{_LOCK_SUFFIX}")):
        lock = try_writer_lock(path)
        if lock is not None:
            with lock:
                shutil.rmtree(
                    path.with_name(path.name.removesuffix(_LOCK_SUFFIX)), ignore_errors=True
                )


def _open_locked(path: Path, flags: int, kind: int, *, wait: bool) -> int | None:
    """Open and lock a file; None where someone else holds it.

    None also where the path no longer names the file once it is locked: who
    held it removed it, and a lock on a file without a name counts for nothing.
    """
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    locked = False
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
            locked = _names_this_file(path, descriptor)
    finally:
        if not locked:
            os.close(descriptor)
    return descriptor if locked else None


def _names_this_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _introduction() -> bytes:
    return f"process {os.getpid()} on {socket.gethostname()}\n".encode()


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or "an unknown process"
    except OSError:
        return "a process that has just let go"
