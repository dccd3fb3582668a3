"""`compare_ways`: all that `boldstream benchmark` does but print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

from boldstream.benchmark.cases import Row
from boldstream.benchmark.inputs import Asked, Inputs
from boldstream.benchmark.machine import describe_machine, describe_versions
from boldstream.benchmark.results import Comparison
from boldstream.benchmark.room import check_room
from boldstream.benchmark.running import run_cases
from boldstream.benchmark.seeds import SEEDS
from boldstream.core.checks import integer_in, one_of
from boldstream.memory.folders import find_folder
from boldstream.memory.temporary import TemporaryFolder

Report: TypeAlias = Callable[[str, str, int, int], None]
"""Called with the comparison, what comes next in it, how many runs are done and are to do."""


def compare_ways(
    asked: Asked,
    seeds: Sequence[str] = tuple(SEEDS),
    *,
    repeats: int = 1,
    report: Report | None = None,
) -> Comparison:
    """Run the ways of comparisons, each in a process of its own, and compare what they made.

    Images are made in the folder for large files (`Store`), and removed at
    the end, however that comes.

    Parameters
    ----------
    asked : Asked
    seeds : sequence of {"masks", "loading", "memory", "searchlight"}
    repeats : int
        How often each way is run, in turn.
    report : callable, optional

    Returns
    -------
    Comparison

    Raises
    ------
    ParameterError
        If a comparison is none of these, or repeats are no positive integer.
    StorageError, MemoryBudgetError
        Before anything is made, if the disk or memory cannot take it.
    BoldstreamError
        If an image, mask or table cannot be used.
    """
    seeds = [one_of("seeds", seed, SEEDS) for seed in seeds]
    repeats = integer_in("repeats", repeats, 1)
    integer_in("subjects", min(asked.subjects, default=1), 1)
    parent = find_folder().path
    check_room(asked, seeds, parent)
    rows: list[Row] = []
    with closing(TemporaryFolder(parent)) as folder:
        inputs = Inputs(asked, folder.path)
        for seed in seeds:
            tell = None if report is None else partial(report, seed)
            if tell is not None:
                tell("images and masks", 0, 1)
            cases = SEEDS[seed](inputs)
            rows += run_cases(cases, folder.path, repeats=repeats, report=tell)
    return Comparison(rows, _facts(asked, seeds, repeats))


def _facts(asked: Asked, seeds: Sequence[str], repeats: int) -> dict[str, Any]:
    settings = asdict(asked)
    settings |= {"seeds": list(seeds), "repeats": repeats}
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "versions": describe_versions(),
        "settings": {name: _plain(value) for name, value in settings.items()},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, (str, int, float, list, type(None))) else str(value)
