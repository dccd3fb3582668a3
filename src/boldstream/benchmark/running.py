"""Run cases in turn, each in a process of its own, and compare what they made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.benchmark.cases import Case, Measured, Row
from boldstream.benchmark.harness import python, watch_process
from boldstream.benchmark.requests import Reply, Request, load_made

Report: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of what comes next, how many runs are done, and how many there are."""


def run_request(request: Request, *, family: bool = False) -> Measured:
    """Run one way to its end, however that is."""
    # -P: what lies in the current folder is not taken for a module.
    command = python("-P", "-m", "boldstream.benchmark.way", request.text)
    done = watch_process(command, sample_memory=family)
    reply = Reply.of(done.output, done.errors, done.code)
    peak = max(reply.peak_bytes, done.peak_bytes)
    hwm = max(reply.peak_bytes, done.largest_hwm_bytes)
    return Measured(
        reply.outcome, reply.seconds, done.seconds, peak, hwm, reply.start_bytes, reply.why
    )


def run_cases(
    cases: Sequence[Case], folder: Path, *, repeats: int = 1, report: Report | None = None
) -> list[Row]:
    """Run all cases, one after the other, so many times.

    Parameters
    ----------
    cases : sequence of Case
    folder : Path
        For what they make.
    repeats : int
    report : callable, optional

    Returns
    -------
    list of Row
        In the order of the cases.
    """
    rows = [Row(case) for case in cases]
    total = repeats * len(rows)
    for repeat in range(repeats):
        for i, row in enumerate(rows):
            if report is not None:
                report(row.case.step, repeat * len(rows) + i, total)
            output = _output(folder, i)
            output.unlink(missing_ok=True)
            row.repeats.append(run_request(row.case.request(output), family=row.case.family))
        _compare(rows, folder)
    if report is not None:
        report("", total, total)
    return rows


def _output(folder: Path, i: int) -> Path:
    return folder / f"made_{i}.npz"


def _compare(rows: Sequence[Row], folder: Path) -> None:
    """Compare what was made in the last repeat with what the reference of each task made."""
    made = [i for i, row in enumerate(rows) if row.repeats[-1].outcome == "done"]
    groups: dict[tuple[str, str, str], list[int]] = {}
    for i in made:
        groups.setdefault(rows[i].case.group, []).append(i)
    for members in groups.values():
        # Ours, or where it did not get done, the first that did.
        first = next((i for i in members if rows[i].case.ours), members[0])
        reference = load_made(_output(folder, first))
        for i in members:
            if i != first:
                found = difference(load_made(_output(folder, i)), reference)
                rows[i].largest_difference = max(found, rows[i].largest_difference or 0.0)


def difference(a: Mapping[str, NDArray[Any]], b: Mapping[str, NDArray[Any]]) -> float:
    """Largest difference of arrays by name, as a share of the largest value of `b`.

    It is infinite where names or shapes differ, or only one is finite.

    Examples
    --------
    >>> difference({"x": np.array([1.0, 3.0])}, {"x": np.array([1.0, 4.0])})
    0.25
    """
    if a.keys() != b.keys():
        return np.inf
    return max((_difference(a[name], b[name]) for name in b), default=0.0)


def _difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    if a.shape != b.shape:
        return np.inf
    x, y = a.astype(np.float64), b.astype(np.float64)
    finite = np.isfinite(y)
    if not np.array_equal(np.isfinite(x), finite):
        return np.inf
    gap = float(np.abs(x[finite] - y[finite]).max(initial=0.0))
    scale = float(np.abs(y[finite]).max(initial=0.0))
    return gap / scale if scale else (np.inf if gap else 0.0)
