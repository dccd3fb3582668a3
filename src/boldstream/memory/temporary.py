"""A folder that goes with its owner, however that ends."""

from __future__ import annotations

import secrets
import shutil
import weakref
from pathlib import Path

from boldstream.core.errors import StorageError
from boldstream.memory.locks import ExclusiveLock, owner_lock, reap

# Names that no one else uses: the folder around them may hold other programs' files.
TEMPORARY, KEPT = ".boldstream-tmp", ".boldstream-kept"


class TemporaryFolder:
    """A private folder (0700) that is removed when it is closed, or when the process ends.

    What a process leaves that is killed is removed by the next one that makes
    such a folder in the same place; what belongs to anyone alive is not.

    Parameters
    ----------
    parent : Path
        Exists.
    keep : bool
        Whether it stays for good instead.

    Attributes
    ----------
    path : Path

    Raises
    ------
    StorageError
        If it cannot be made.
    """

    def __init__(self, parent: Path, *, keep: bool = False) -> None:
        reap(parent, TEMPORARY)
        self.path = parent / f"{secrets.token_hex(8)}{KEPT if keep else TEMPORARY}"
        lock = owner_lock(self.path)
        try:
            self.path.mkdir(0o700)
        except OSError as error:
            lock.close()
            raise StorageError(f"{self.path} cannot be made: {error.strerror}") from error
        self._leave = weakref.finalize(self, _leave, self.path, lock)

    def close(self) -> None:
        """Remove the folder and all it holds, unless it is to be kept."""
        self._leave()


def _leave(path: Path, lock: ExclusiveLock) -> None:
    # A forked child has a copy of this, and is not the owner.
    if not lock.is_own:
        return
    if path.suffix == TEMPORARY:
        shutil.rmtree(path, ignore_errors=True)
    lock.close()
