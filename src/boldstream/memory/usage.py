"""What processes hold: each page once, however many of them share it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from boldstream.core.limits import process_memory

_PROC = Path("/proc")


def held_bytes(*, children: bool = False) -> int:
    """Memory of this process, and of all that descend from it if asked, in bytes.

    The proportional share (PSS): a page that n processes map counts for an nth
    in each, where the resident size would count it n times. Where the system
    does not tell, it is the resident size.

    Examples
    --------
    >>> 0 < held_bytes() <= held_bytes(children=True) * 1.1
    True
    """
    pids = _family(os.getpid()) if children else [os.getpid()]
    return sum(map(_share_of, pids)) or process_memory().rss_bytes


def _family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    for children in _PROC.glob(f"{pid}/task/*/children"):
        for child in _text(children).split():
            yield from _family(int(child))


def _share_of(pid: int) -> int:
    """Bytes of one process; 0 once it is gone."""
    found = re.search(r"^Pss:\s+(\d+) kB$", _text(_PROC / f"{pid}/smaps_rollup"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _text(path: Path) -> str:
    """A file of the kernel, empty once its process is gone or where it may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
