"""Progress of a pass: volumes done, volumes per second, time remaining; of spheres too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Report: TypeAlias = Callable[[int, int], None]
"""Called with the volumes done and the volumes in all."""


# Seconds without a report after which a bar says what is waited for.
_PATIENCE = 2.0


@contextmanager
def open_progress(
    progress: bool | Report, name: str, *, unit: str = "volumes", before: str = ""
) -> Iterator[Report]:
    """Give a function to report to: the caller's own, a bar on standard error, or none.

    `before` is what a bar says is done before the first report, if that takes long.
    """
    if callable(progress):
        yield progress
    elif progress:
        with _bar(name, unit, before) as report:
            yield report
    else:
        yield _ignore


def _ignore(done: int, total: int) -> None:
    """Report nothing."""


@contextmanager
def _bar(name: str, unit: str, before: str) -> Iterator[Report]:
    # Imported here: rich costs 50 ms and 8 MiB that a silent pass need not pay.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TimeRemainingColumn,
    )
    from rich.table import Column
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            seconds = task.finished_time or task.elapsed
            return Text(f"{task.completed / seconds:.0f} {unit}/s" if seconds else "")

    class Name(ProgressColumn):
        def render(self, task: Task) -> Text:
            waits = task.total is None and (task.elapsed or 0.0) >= _PATIENCE
            return Text(before if before and waits else name)

    columns = (
        Name(Column(no_wrap=True)),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
