"""What is noted beside the results of a study's unit, as those who write and show them know it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

MANIFEST = "unit.json"


def mark_of(folder: Path | None, *, state: str, error: str) -> str:
    """Text that is the same as long as a report has the same to show of a unit.

    Parameters
    ----------
    folder : Path or None
        Of its results; None where there are none to show.
    state, error : str
        Why there are none.

    Raises
    ------
    OSError
        If what was noted cannot be read.

    Examples
    --------
    >>> mark_of(None, state="failed", error="no image")
    'failed: no image'
    """
    if folder is None:
        return f"{state}: {error}"
    return sha256((folder / MANIFEST).read_bytes()).hexdigest()
