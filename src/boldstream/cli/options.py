"""Arguments and options that several commands share."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from boldstream.core.budget import parse_bytes
from boldstream.core.errors import ParameterError
from boldstream.core.jobs import resolve_n_jobs

CLEANING = "Cleaning"
# Endings of what options take, and of no image.
_TABLES = (".tsv", ".csv", ".txt", ".json", ".npy")
_OF_RUNS = {"confounds": "--confounds", "events": "--events", "sample_mask": "--sample-mask"}
# Written out, as importing it from where it belongs would import numpy for every --help.
Denoising = Literal["simple", "scrubbing", "compcor", "ica_aroma"]


@contextmanager
def refused_as_usage(option: str | None = None) -> Iterator[None]:
    """Refuse as wrong usage of an option what the library refuses as a parameter."""
    try:
        yield
    except ParameterError as error:
        said = re.sub(r"^`\w+` ", "", str(error))
        raise typer.BadParameter(said, param_hint=option) from error


def checked_size(size: str | None) -> str | None:
    """Refuse what is no size, and a number without a unit that no program can do with."""
    if size is not None:
        with refused_as_usage():
            n_bytes = parse_bytes(size)
        if size.strip().isdecimal() and n_bytes < 1 << 20:
            raise typer.BadParameter(
                f"must have a unit, got {size}, which is so many bytes; did you mean {n_bytes}MiB?"
            )
    return size


def checked_jobs(n_jobs: int | None) -> int | None:
    """Refuse what is no number of jobs."""
    if n_jobs is not None:
        with refused_as_usage():
            resolve_n_jobs(n_jobs)
    return n_jobs


def positive(value: float | None) -> float | None:
    """Refuse what is not above 0."""
    if value is not None and not 0 < value < math.inf:
        raise typer.BadParameter(f"must be a positive number, got {value:g}")
    return value


def finite(value: float | None) -> float | None:
    """Refuse NaN and infinity."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"must be a finite number, got {value:g}")
    return value


def images_only(ctx: typer.Context, given: list[Path]) -> list[Path]:
    """Refuse tables among images, as a shell puts them there that expands ``--confounds *.tsv``."""
    table = next((path for path in given if path.suffix.lower() in _TABLES), None)
    # One alone is a file of the wrong kind, which reading tells.
    if table is not None and len(given) > 1:
        # Options were read before arguments.
        hint = repeat_hint([option for name, option in _OF_RUNS.items() if ctx.params.get(name)])
        raise typer.BadParameter(f"must be images, got {table}{hint}")
    return given


def repeat_hint(options: Sequence[str]) -> str:
    """How several files are given to options, to end a message with; empty without options."""
    return f"; repeat {' and '.join(options)} before each file" if options else ""


Bold = Annotated[
    list[Path],
    typer.Argument(
        metavar="BOLD...",
        callback=images_only,
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
AtlasNames = Annotated[
    Path | None,
    typer.Option(
        metavar="TSV",
        help="Names of the labels: columns index and name. By default the table beside the "
        "atlas, if there is one.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")]
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        callback=checked_size,
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
        "--smoothing-fwhm",
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
        "run. fmriprep takes what fMRIPrep wrote beside each image; --strategy says what of it.",
        rich_help_panel=CLEANING,
    ),
]
ConfoundColumns = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,C",
        help="Columns to take of the tables, as 'trans_*,csf'; by default all.",
        rich_help_panel=CLEANING,
    ),
]
Strategy = Annotated[
    Denoising | None,
    typer.Option(
        help="Which of the confounds of fMRIPrep; by default simple.", rich_help_panel=CLEANING
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


def listed(text: str | None) -> list[str] | None:
    """Names between commas; None for all."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def named(text: str | None) -> str | None:
    """Refuse a list of names that holds none."""
    if listed(text) == []:
        raise typer.BadParameter(f"must be names with commas between, got {text!r}")
    return text


def show_progress(asked: bool) -> bool:
    """Whether to draw a bar: never into a file or a pipe."""
    return asked and sys.stderr.isatty()
