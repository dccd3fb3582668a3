"""Commands run from the repository's folder, measured as `boldstream benchmark` measures."""

from __future__ import annotations

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

__all__ = ["MIB", "REPOSITORY", "Finished", "Times", "boldstream", "python", "run_process"]


def run_process(command: Sequence[str | Path], *, sample_memory: bool = False) -> Finished:
    """Run a command from the repository's folder to its end.

    Raises
    ------
    RuntimeError
        It ended with another exit code than 0.
    """
    done = watch_process(command, cwd=REPOSITORY, sample_memory=sample_memory)
    if done.code != 0:
        raise RuntimeError(f"{command} ended with {done.code}:\n{done.errors}")
    return done
