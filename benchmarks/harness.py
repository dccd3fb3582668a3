"""Commands run from the repository's folder, measured as `boldstream benchmark` measures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from boldstream.benchmark.harness import (
    MIB,
    Finished,
    Times,
    boldstream,
    python,
    watch_process,
)

REPOSITORY = Path(__file__).resolve().parents[1]
_LONGEST_TOLD = 100

__all__ = ["MIB", "REPOSITORY", "Finished", "Times", "boldstream", "python", "run_process"]

_log = logging.getLogger(__name__)


def run_process(command: Sequence[str | Path], *, sample_memory: bool = False) -> Finished:
    """Run a command from the repository's folder to its end.

    Raises
    ------
    RuntimeError
        It ended with another exit code than 0.
    """
    _log.info("runs %s", told(command))
    return checked(command, watch_process(command, cwd=REPOSITORY, sample_memory=sample_memory))


def checked(command: Sequence[str | Path], done: Finished) -> Finished:
    """What a command did, unless it failed.

    Raises
    ------
    RuntimeError
        It ended with another exit code than 0.
    """
    if done.code != 0:
        raise RuntimeError(f"{told(command)} ended with {done.code}:\n{done.errors}")
    return done


def told(command: Sequence[str | Path]) -> str:
    """A command in a line, by the names of its files.

    Examples
    --------
    >>> told([Path("/opt/bin/python3"), "-m", "benchmarks.ways", "read"])
    'benchmarks.ways read'
    """
    words = [Path(part).name if str(part).startswith("/") else str(part) for part in command]
    if words[1:2] == ["-m"]:
        words = words[2:]
    line = " ".join(" ".join(words).split())
    return line if len(line) <= _LONGEST_TOLD else f"{line[:_LONGEST_TOLD]}…"
