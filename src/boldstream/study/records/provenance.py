"""What a result was made with: versions, revision, memory over time."""

from __future__ import annotations

import platform
import subprocess
import threading
import time
from functools import cache
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from boldstream._version import __version__
from boldstream.core.limits import process_memory

_PACKAGES = ("numpy", "scipy", "nibabel", "nilearn", "scikit-learn", "pandas", "numba", "isal")
_EVERY_SECONDS = 0.1
_MOST_POINTS = 200


@cache
def versions() -> dict[str, str]:
    """Versions of boldstream, Python and the packages that give numbers."""
    found = {name: metadata.version(name) for name in _PACKAGES}
    return {"boldstream": __version__, "python": platform.python_version(), **found}


@cache
def revision(folder: Path) -> str:
    """Git revision of a folder, with "-dirty" where files were changed; empty without git."""
    try:
        done = subprocess.run(
            # Whatever a data set's own settings of git say, nothing of it is run or written.
            [
                *("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder)),
                *("describe", "--always", "--dirty", "--abbrev=40"),
            ],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


class MemoryTimeline:
    """Samples the memory of this process while the block runs.

    Attributes
    ----------
    points : list of (seconds, bytes)
        At most 200, evenly thinned.

    Examples
    --------
    >>> with MemoryTimeline() as timeline:
    ...     values = bytearray(1000)
    >>> len(timeline.points) >= 2, timeline.points[0][1] > 0
    (True, True)
    """

    def __init__(self) -> None:
        self.points: list[tuple[float, int]] = []
        self._every = _EVERY_SECONDS
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        self._note()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()
        self._note()

    def _watch(self) -> None:
        while not self._end.wait(self._every):
            self._note()

    def _note(self) -> None:
        seconds = round(time.perf_counter() - self._started, 3)
        self.points.append((seconds, process_memory().rss_bytes))
        if len(self.points) > _MOST_POINTS:
            # Half as many, and half as often from now on.
            self.points = self.points[::2]
            self._every *= 2


def provenance(study: Path) -> dict[str, Any]:
    """What all results of one run have in common."""
    return {"versions": versions(), "revision": revision(study), "host": platform.node()}
