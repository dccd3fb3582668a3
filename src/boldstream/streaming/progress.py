"""Progress of a pass: volumes done, volumes per second, time remaining; of spheres too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Report: TypeAlias = Callable[[int, int], None]
"""Called with the volumes done and the volumes in all."""


@contextmanager
def open_progress(progress: bool | Report, name: str, *, unit: str = "volumes") -> Iterator[Report]:
    """Give a function to report to: the caller's own, a bar on standard error, or none."""
    if callable(progress):
        yield progress
    elif progress:
        with _bar(name, unit) as report:
            yield report
    else:
        yield _ignore


def _ignore(done: int, total: int) -> None:
    """Report nothing."""


@contextmanager
def _bar(name: str, unit: str) -> Iterator[Report]:
    # Imported here: rich costs 50 ms and 8 MiB that a silent pass need not pay.
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            seconds = task.finished_time or task.elapsed
            return Text(f"{task.completed / seconds:.0f} {unit}/s" if seconds else "")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        task = bar.add_task(escape(name), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
