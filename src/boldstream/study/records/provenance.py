"""What a result was made with: versions, revision, memory over time."""

from __future__ import annotations

import platform
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from boldstream._version import __version__
from boldstream.core.limits import Limit, memory_limits, process_memory

_PACKAGES = ("numpy", "scipy", "nibabel", "nilearn", "scikit-learn", "pandas", "numba", "isal")
_EVERY_SECONDS = 0.1
_SYSTEM_EVERY_SECONDS = 0.5
# A look at the system takes 0.7 ms, at this process 0.05 ms, and either many times as much where
# /proc is slow: each waits until it costs no more than this share of a core.
_MOST_OF_CORE = 1 / 500
_MOST_POINTS = 200

Find: TypeAlias = Callable[[], Sequence[Limit]]


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
            encoding="utf-8",
            errors="replace",
            timeout=20,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


class MemoryTimeline:
    """Samples the memory of this process and of the system while the block runs.

    Parameters
    ----------
    limit_bytes : int, optional
        Most that this process may hold; noted, not enforced.
    find_limits : callable, optional
        Gives limits of the system in place of those of this machine.

    Attributes
    ----------
    points : list of (seconds, process_bytes, used_bytes)
        At most 200, evenly thinned. What everybody uses, of the machine's RAM or of
        the cgroup that is nearer to its end, is looked at every half second, or less
        often where looking costs more than 0.2 % of a core.

    Examples
    --------
    >>> with MemoryTimeline(2 << 30) as timeline:
    ...     values = bytearray(1000)
    >>> len(timeline.points) >= 2, min(timeline.points[0]) >= 0
    (True, True)
    >>> timeline.note()["memory_limit_bytes"] >> 30
    2
    """

    def __init__(
        self,
        limit_bytes: int | None = None,
        find_limits: Find | None = None,
    ) -> None:
        self.points: list[tuple[float, int, int]] = []
        self._limit_bytes = limit_bytes
        # SLURM's variables are limits of jobs, and tell nothing of the system.
        self._find_limits = find_limits or partial(memory_limits, environ={})
        self._least = self._every = _EVERY_SECONDS
        self._system_every = _SYSTEM_EVERY_SECONDS
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._began, self._started = time.time(), time.perf_counter()
        self._system = min(_of_system(self._find_limits()), key=lambda one: one.headroom_bytes)
        self._looked = 0.0
        self._sample()
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
        self._sample()

    def note(self) -> dict[str, Any]:
        """What is kept of it with results.

        Returns
        -------
        dict
            ``memory_timeline``, the points; ``memory_started``, when they
            begin, in seconds since 1970 (UTC), so that those of several workers
            can be laid side by side; ``memory_limit_bytes`` of the worker, or
            None; ``memory_system``, the ``source`` (RAM or a cgroup) and
            ``limit_bytes`` of what everybody uses.
        """
        return {
            "memory_timeline": self.points,
            "memory_started": round(self._began, 3),
            "memory_limit_bytes": self._limit_bytes,
            "memory_system": {
                "source": self._system.source,
                "limit_bytes": self._system.limit_bytes,
            },
        }

    def _watch(self) -> None:
        while not self._end.wait(self._every):
            self._sample()

    def _sample(self) -> None:
        seconds = round(time.perf_counter() - self._started, 3)
        if seconds - self._looked >= self._system_every:
            self._looked = seconds
            self._system_every = max(_SYSTEM_EVERY_SECONDS, _pause(self._look_at_system))
        pause = _pause(partial(self._look, seconds))
        if len(self.points) > _MOST_POINTS:
            # Half as many, and half as often from now on.
            self.points = self.points[::2]
            self._least *= 2
        self._every = max(self._least, pause)

    def _look_at_system(self) -> None:
        for one in _of_system(self._find_limits()):
            if one.source == self._system.source:
                self._system = one

    def _look(self, seconds: float) -> None:
        self.points.append((seconds, process_memory().rss_bytes, self._system.used_bytes))


def _pause(look: Callable[[], None]) -> float:
    """Look, and tell the seconds after which another look costs no more than its share."""
    began = time.thread_time()
    look()
    return (time.thread_time() - began) / _MOST_OF_CORE


def _of_system(limits: Sequence[Limit]) -> list[Limit]:
    """Those that others use too."""
    return [one for one in limits if one.source == "RAM" or one.source.startswith("cgroup")]


def provenance(study: Path) -> dict[str, Any]:
    """What all results of one run have in common."""
    return {"versions": versions(), "revision": revision(study), "host": platform.node()}
