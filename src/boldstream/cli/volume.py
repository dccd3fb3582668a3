"""``boldstream volume``: one volume of a series."""

from __future__ import annotations

import re
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from boldstream.cli.console import say_cost
from boldstream.cli.images import write_images
from boldstream.cli.options import MemoryLimit, Overwrite, Progress
from boldstream.core.checks import integer_in


class CountingBack(TyperCommand):
    """A command whose last argument may be a negative number, which is no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        numbers = [arg for arg in args if re.fullmatch(r"-\d+", arg)]
        if numbers and "--" not in args:
            args = [*(arg for arg in args if arg not in numbers), "--", *numbers]
        return super().parse_args(ctx, args)


def _checked_image(path: Path) -> Path:
    if not path.name.endswith((".nii", ".nii.gz")):
        raise typer.BadParameter(f"must end in .nii or .nii.gz, got {str(path)!r}")
    return path


def volume(
    bold: Annotated[Path, typer.Argument(metavar="BOLD", help="4-D image.", show_default=False)],
    index: Annotated[
        int,
        typer.Argument(
            metavar="T", help="Which volume, from 0; -1 is the last.", show_default=False
        ),
    ],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            callback=_checked_image,
            help="Image to write, .nii or .nii.gz.",
            show_default=False,
        ),
    ],
    memory_limit: MemoryLimit = None,
    progress: Progress = True,
    overwrite: Overwrite = False,
) -> None:
    """Write one volume of a 4-D image; a negative T counts from the end.

    Example: boldstream volume bold.nii.gz 9 --output tenth.nii.gz

    Example: boldstream volume bold.nii.gz -1 --output last.nii.gz
    """
    started = perf_counter()
    from boldstream.io.opening import open_image
    from boldstream.streaming.reductions import Volumes

    n = open_image(bold).series.n_volumes
    integer_in("T", index, -n, n - 1)
    write_images(
        [bold],
        {output.name: Volumes([index])},
        output.parent,
        overwrite=overwrite,
        memory_limit=memory_limit,
        progress=progress,
    )
    say_cost(started)
