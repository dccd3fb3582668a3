"""``boldstream tune``: which threshold for mapping serves an image, measured."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from boldstream.cli.console import say
from boldstream.cli.images import open_runs
from boldstream.cli.options import Bold
from boldstream.core.budget import format_bytes

if TYPE_CHECKING:
    from boldstream.memory.tuning import Trial

_THRESHOLDS_GB = (0.5, 1.0, 1.5, 2.0)


def _sizes(given: list[float] | None) -> list[float] | None:
    for size in given or ():
        if not 0 <= size < math.inf:
            raise typer.BadParameter(f"must be a number of at least 0 GB, got {size:g}")
    return given


def tune(
    bold: Bold,
    *,
    mask: Annotated[
        list[Path],
        typer.Option("--mask", metavar="FILE", help="Mask of a region; may be repeated."),
    ],
    threshold: Annotated[
        list[float] | None,
        typer.Option(
            "--threshold",
            metavar="GB",
            callback=_sizes,
            help="Try this one, in 1024³ bytes; may be repeated. By default 0.5, 1, 1.5 and 2.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, for other programs.")
    ] = False,
) -> None:
    """Measure how fast regions are read at several thresholds, and by streaming.

    Each trial runs in a process of its own and stores nothing for good. Give
    as many masks as the analysis has regions: storing an image pays from the
    second region on.

    Example: boldstream tune bold.nii.gz --mask V1.nii.gz --mask V2.nii.gz
    """
    from boldstream.memory.tuning import recommend, run_trials

    open_runs(bold, mask)
    trials = []
    for trial in run_trials(bold, mask, threshold or _THRESHOLDS_GB):
        trials.append(trial)
        if not as_json:
            _show(trial, first=len(trials) == 1)
    if as_json:
        facts = {"trials": [asdict(one) for one in trials], "recommended": recommend(trials)}
        typer.echo(json.dumps(facts, indent=2))
    else:
        say("recommended", recommend(trials))


def _show(trial: Trial, *, first: bool) -> None:
    if first:
        say(_row("threshold", "first region", "all regions", "peak memory", "way"))
    threshold = "streaming" if trial.threshold_gb is None else f"{trial.threshold_gb:g} GB"
    first_region, all_regions = f"{trial.first_seconds:.2f} s", f"{trial.seconds:.2f} s"
    peak = format_bytes(trial.peak_bytes)
    typer.echo(_row(threshold, first_region, all_regions, peak, trial.way))


def _row(threshold: str, first: str, whole: str, peak: str, way: str) -> str:
    return f"{threshold:<10} {first:>12} {whole:>12} {peak:>12}  {way}"
