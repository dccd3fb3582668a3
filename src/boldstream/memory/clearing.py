"""What lies in the folder for large files beside the store's entries, and its removal."""

from __future__ import annotations

import shutil
from pathlib import Path

from boldstream.memory.locks import lock_path, reap, try_writer_lock
from boldstream.memory.store import Store
from boldstream.memory.store.entries import folder_bytes
from boldstream.memory.temporary import KEPT, TEMPORARY

# Where processes share what is kept only as long as it is used.
UNKEPT = "boldstream-unkept"


def kept_folders(folder: Path) -> tuple[Path, ...]:
    """Folders of loaders, alive or not, that are to outlive them."""
    return tuple(sorted(folder.glob(f"*{KEPT}")))


def clear_folder(store: Store, *, unused_only: bool = True) -> int:
    """Remove what a store and loaders keep in a folder; bytes freed.

    Parameters
    ----------
    store : Store
    unused_only : bool
        Whether images that someone has open stay. What belongs to a loader
        that lives stays in any case.
    """
    folder = store.folder.path
    freed = store.clear(unused_only=unused_only)
    if (folder / UNKEPT).exists():
        freed += Store(folder / UNKEPT).clear(unused_only=unused_only)
    reap(folder, TEMPORARY)
    for kept in kept_folders(folder):
        lock = try_writer_lock(lock_path(kept))
        if lock is not None:
            with lock:
                freed += folder_bytes(kept)
                shutil.rmtree(kept, ignore_errors=True)
    return freed
