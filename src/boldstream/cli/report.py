"""``boldstream report``: the results of a study as HTML that opens offline."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from boldstream.cli.console import say, say_cost
from boldstream.cli.options import Progress, listed, show_progress
from boldstream.cli.study.run import Subjects


def report(
    run_dir: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_DIR", help="Output folder of `boldstream run`.", show_default=False
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder of the report; by default RUN_DIR/report."
        ),
    ] = None,
    subjects: Subjects = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="By default the name of the data set.")
    ] = None,
    progress: Progress = True,
) -> None:
    """Write an HTML report of a study: quality, results, maps, memory, methods.

    It opens in any browser without a network. A run that has failed in part,
    or was broken off, can be reported too. An earlier report is replaced when
    the new one is whole.

    Example: boldstream report derivatives/boldstream
    """
    started = perf_counter()
    from boldstream.report.writing import write_report

    index = write_report(
        run_dir, output, subjects=listed(subjects), title=title, progress=show_progress(progress)
    )
    say("report", str(index))
    say_cost(started)
