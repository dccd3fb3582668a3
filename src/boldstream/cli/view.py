"""``boldstream view``: a map as a page to click on."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from boldstream.cli.console import say, say_cost
from boldstream.cli.options import Overwrite, finite


def _page(path: Path | None) -> Path | None:
    if path is not None and path.suffix != ".html":
        raise typer.BadParameter(f"must end in .html, got {str(path)!r}")
    return path


def _all_finite(values: list[float] | None) -> list[float] | None:
    for value in values or ():
        finite(value)
    return values


def view(
    image: Annotated[
        Path,
        typer.Argument(
            metavar="MAP",
            help="One volume, such as scores of a searchlight or a map of t.",
            show_default=False,
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="HTML",
            callback=_page,
            help="The page; by default MAP.html beside the map.",
        ),
    ] = None,
    background: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="One volume to see the map on, as the mean image; else black."
        ),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Outside of it nothing is shown.")
    ] = None,
    threshold: Annotated[
        list[float] | None,
        typer.Option(
            metavar="VALUE",
            callback=_all_finite,
            help="Show what lies above, in the unit of the map; may be repeated, and the page "
            "offers each. By default some that suit the map.",
        ),
    ] = None,
    chance: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE",
            callback=finite,
            help="Score of guessing: what lies below is not shown.",
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="By default the name of the map's file.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a map as an interactive page: slices, a crosshair, the value there.

    It is one file that opens in any browser without a network.

    Example: boldstream view tsnr.nii.gz --background mean.nii.gz -o tsnr.html
    """
    started = perf_counter()
    from boldstream.report.viewer import view_map

    stem = image.name.removesuffix(".gz").removesuffix(".nii")
    page = view_map(
        image,
        image.with_name(f"{stem}.html") if output is None else output,
        title=title,
        background=background,
        mask=mask,
        thresholds=threshold,
        chance=chance,
        overwrite=overwrite,
    )
    say("page", str(page))
    say_cost(started)
