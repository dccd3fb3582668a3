"""`CacheConfig`: where what is read more than once is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass

from boldstream.core.budget import parse_bytes
from boldstream.memory.store import Store


@dataclass(frozen=True, kw_only=True)
class CacheConfig:
    """Where results that are read again are kept, and how much room they may take.

    Parameters
    ----------
    folder : path, optional
        By default ``MEMMAP_TEMP_DIR``, ``BOLDSTREAM_CACHE``, ``SLURM_TMPDIR``,
        ``TMPDIR`` or the user's cache folder, whichever is set first.
    max_bytes : str or int, optional
        Such as ``"20GB"``; beyond it what was used longest ago is removed. No
        limit by default.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(CacheConfig(folder=folder, max_bytes="1GB").open_store().entries())
    0
    """

    folder: str | os.PathLike[str] | None = None
    max_bytes: str | int | None = None

    def __post_init__(self) -> None:
        if self.max_bytes is not None:
            parse_bytes(self.max_bytes, name="max_bytes")

    def open_store(self) -> Store:
        """Open the store that these settings describe."""
        return Store(self.folder, max_bytes=self.max_bytes)
