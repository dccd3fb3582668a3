"""Where files are kept: a private folder, and room on its disk."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from boldstream.core.budget import format_bytes
from boldstream.core.errors import StorageError

_PRIVATE = 0o700
_MEMORY_FILESYSTEMS = {"tmpfs", "ramfs"}
_MOUNTS = Path("/proc/self/mountinfo")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Folder:
    """A private folder for large files.

    Attributes
    ----------
    path : Path
    source : str
        What chose it: a parameter, a variable of the environment, or the
        user's cache folder.
    is_memory : bool
        Whether it lies in a tmpfs: what is kept there counts as memory.
    """

    path: Path
    source: str
    is_memory: bool


def find_folder(
    explicit: str | os.PathLike[str] | None = None,
    *,
    memmap_temp_dir: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Folder:
    """Find where large files go, and make the folder.

    The first that is given decides: `explicit`, `memmap_temp_dir`, then the
    variables ``MEMMAP_TEMP_DIR``, ``BOLDSTREAM_CACHE``, ``SLURM_TMPDIR`` and
    ``TMPDIR``, then the user's cache folder. One that exists and that others
    may enter is left as it is: files go to a folder ``boldstream-<user id>``
    inside, which only this user may enter.

    Parameters
    ----------
    explicit, memmap_temp_dir : path, optional
    environ : mapping
        The environment.

    Returns
    -------
    Folder

    Raises
    ------
    StorageError
        If the folder cannot be made, written to or locked, or is another user's.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     folder = find_folder(environ={"TMPDIR": f"{parent}/scratch"})
    ...     folder.path.name, folder.source, oct(folder.path.stat().st_mode & 0o777)
    ('scratch', 'TMPDIR', '0o700')
    """
    source, place = next(_places(explicit, memmap_temp_dir, environ))
    try:
        path = _make_private(place.expanduser().absolute())
    except (OSError, RuntimeError) as error:
        # A user without a home is a RuntimeError.
        why = error.strerror if isinstance(error, OSError) else error
        raise StorageError(
            f"{source} must name a folder that can be made, written to and locked, got {place}: "
            f"{why}"
        ) from error
    folder = Folder(path, source, _is_memory(path))
    if folder.is_memory:
        _say_that_it_is_memory(path, source)
    return folder


# Once for each folder and process: it is looked up again and again.
@cache
def _say_that_it_is_memory(path: Path, source: str) -> None:
    _logger.warning("%s (%s) is a tmpfs: files there count as memory", path, source)


def _places(
    explicit: str | os.PathLike[str] | None,
    memmap_temp_dir: str | os.PathLike[str] | None,
    environ: Mapping[str, str],
) -> Iterator[tuple[str, Path]]:
    if explicit is not None:
        yield "`folder`", Path(explicit)
    if memmap_temp_dir is not None:
        yield "`MEMMAP_TEMP_DIR`", Path(memmap_temp_dir)
    for name in ("MEMMAP_TEMP_DIR", "BOLDSTREAM_CACHE", "SLURM_TMPDIR", "TMPDIR"):
        if environ.get(name):
            yield name, Path(environ[name])
    caches = environ.get("XDG_CACHE_HOME") or "~/.cache"
    yield "the user's cache folder", Path(caches, "boldstream")


def _make_private(place: Path) -> Path:
    """Make a folder that only this user may enter: `place` itself, or one inside it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.mkdir(_PRIVATE)
    except FileExistsError:
        if not _is_private(place):
            place /= f"boldstream-{os.geteuid()}"
            place.mkdir(_PRIVATE, exist_ok=True)
            _take(place)
    # Modes do not tell all: the disk may be mounted for reading only, or without locks.
    with tempfile.TemporaryFile(dir=place) as probe:
        fcntl.flock(probe, fcntl.LOCK_EX)
    return place


def _is_private(path: Path) -> bool:
    status = path.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _take(path: Path) -> None:
    """Check that a folder in a shared place is this user's, and close it to others."""
    # Not followed: another user could have put a link to a folder of this user there.
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, f"{path} is no folder")
    if status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, f"{path} belongs to user {status.st_uid}")
    if status.st_mode & 0o077:
        path.chmod(_PRIVATE)


def _is_memory(path: Path) -> bool:
    if not _MOUNTS.exists():
        return False
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        mount, _, filesystem = line.partition(" - ")
        if mount.split()[2] == number:
            return filesystem.split()[0] in _MEMORY_FILESYSTEMS
    return False


def reserve(descriptor: int, n_bytes: int) -> None:
    """Take the disk space of an open file, so that no later write can run out of it.

    Without this, a map of a file with holes kills the process (SIGBUS) when
    the disk is full.

    Parameters
    ----------
    descriptor : int
        Of a file open for writing.
    n_bytes : int
        The length that the file gets at least.

    Raises
    ------
    StorageError
        If there is no room; the file keeps its length then.
    """
    disk = os.fstatvfs(descriptor)
    held = os.fstat(descriptor)
    free = disk.f_bavail * disk.f_frsize + held.st_blocks * 512
    if n_bytes > free:
        raise _no_room(descriptor, n_bytes, free)
    try:
        os.posix_fallocate(descriptor, 0, n_bytes)
    except OSError as error:
        os.ftruncate(descriptor, held.st_size)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _no_room(descriptor, n_bytes, free, error.strerror) from error
        raise StorageError(f"no disk space can be reserved: {error.strerror}") from error


def _no_room(descriptor: int, n_bytes: int, free: int, why: str | None = None) -> StorageError:
    name = Path(f"/proc/self/fd/{descriptor}")
    place = name.readlink().parent if name.is_symlink() else "the folder"
    return StorageError(
        f"the disk of {place} has {format_bytes(free)} free, {format_bytes(n_bytes)} needed"
        + (f" ({why})" if why else "")
        + "; free some, or name another folder with BOLDSTREAM_CACHE"
    )
