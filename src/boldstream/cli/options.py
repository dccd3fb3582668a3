"""Arguments and options that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from boldstream.core.budget import parse_bytes
from boldstream.core.errors import ParameterError


def _checked_size(size: str | None) -> str | None:
    if size is not None:
        try:
            parse_bytes(size, name="--memory-limit")
        except ParameterError as error:
            raise typer.BadParameter(str(error)) from error
    return size


Bold = Annotated[
    list[Path],
    typer.Argument(
        metavar="BOLD...",
        help="4-D images, the runs of one series in order; or 3-D images, the volumes of one run.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="DIR", help="Folder for the results.", show_default=False
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")]
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        callback=_checked_size,
        help="Most memory to take, as 500MiB; by default what the machine or the job allows.",
    ),
]
Progress = Annotated[
    bool,
    typer.Option(
        "--progress/--no-progress", help="Show a bar, where standard error is a terminal."
    ),
]


def show_progress(asked: bool) -> bool:
    """Whether to draw a bar: never into a file or a pipe."""
    return asked and sys.stderr.isatty()
