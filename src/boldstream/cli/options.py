"""Arguments and options that several commands share."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from boldstream.core.budget import parse_bytes
from boldstream.core.errors import ParameterError
from boldstream.core.jobs import resolve_n_jobs

CLEANING = "Cleaning"


def _checked_size(size: str | None) -> str | None:
    if size is not None:
        try:
            parse_bytes(size, name="--memory-limit")
        except ParameterError as error:
            raise typer.BadParameter(str(error)) from error
    return size


def checked_jobs(n_jobs: int) -> int:
    """Refuse what is no number of jobs."""
    try:
        resolve_n_jobs(n_jobs)
    except ParameterError as error:
        raise typer.BadParameter(str(error).replace("`n_jobs` ", "")) from error
    return n_jobs


def positive(value: float | None) -> float | None:
    """Refuse what is not above 0."""
    if value is not None and not 0 < value < math.inf:
        raise typer.BadParameter(f"must be a positive number, got {value:g}")
    return value


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
Jobs = Annotated[
    int,
    typer.Option(
        "--n-jobs",
        metavar="N",
        callback=checked_jobs,
        help="Read so many files side by side; -1: one for each core.",
    ),
]
NanRule = Annotated[
    Literal["propagate", "zero", "nilearn", "raise"],
    typer.Option(
        "--nan-policy",
        help="NaN and infinity stay, count as 0, count as 0 with a warning where nilearn gives "
        "one, or are refused.",
        rich_help_panel=CLEANING,
    ),
]
Smooth = Annotated[
    float | None,
    typer.Option(
        "--smooth",
        metavar="MM",
        callback=positive,
        help="Smooth volumes first: full width at half maximum.",
        rich_help_panel=CLEANING,
    ),
]
Detrend = Annotated[
    bool,
    typer.Option("--detrend", help="Take out a straight line.", rich_help_panel=CLEANING),
]
Standardize = Annotated[
    Literal["zscore", "zscore_sample", "psc"] | None,
    typer.Option(
        help="Mean 0 and standard deviation 1 (zscore and zscore_sample are one), or percent of "
        "the mean.",
        rich_help_panel=CLEANING,
    ),
]
HighPass = Annotated[
    float | None,
    typer.Option(
        metavar="HZ",
        callback=positive,
        help="Take out what is slower.",
        rich_help_panel=CLEANING,
    ),
]
LowPass = Annotated[
    float | None,
    typer.Option(
        metavar="HZ",
        callback=positive,
        help="Take out what is faster.",
        rich_help_panel=CLEANING,
    ),
]
Filter = Annotated[
    Literal["butterworth", "cosine"] | None,
    typer.Option(
        "--filter",
        help="How; cosine is a high-pass only. By default butterworth.",
        rich_help_panel=CLEANING,
    ),
]
RepetitionTime = Annotated[
    float | None,
    typer.Option(
        "--t-r",
        metavar="SECONDS",
        callback=positive,
        help="Repetition time for filters; by default what the image says.",
        rich_help_panel=CLEANING,
    ),
]
Confounds = Annotated[
    list[str] | None,
    typer.Option(
        "--confounds",
        metavar="FILE|fmriprep",
        help="Regress the columns of a table out, one row for each volume; give one for each "
        "run. fmriprep takes what fMRIPrep wrote beside each image.",
        rich_help_panel=CLEANING,
    ),
]
ConfoundColumns = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,C",
        help="Columns to take of the tables; by default all.",
        rich_help_panel=CLEANING,
    ),
]
SampleMasks = Annotated[
    list[Path] | None,
    typer.Option(
        "--sample-mask",
        metavar="FILE",
        help="Volumes to keep, one file for each run: .npy, or text with one entry a line. "
        "Entries are volumes from 0 up, or true/false or 1/0 for every volume; as many 0 and 1 "
        "as the run has volumes are the latter.",
        rich_help_panel=CLEANING,
    ),
]


def show_progress(asked: bool) -> bool:
    """Whether to draw a bar: never into a file or a pipe."""
    return asked and sys.stderr.isatty()
