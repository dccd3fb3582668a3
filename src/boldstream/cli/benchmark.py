"""``boldstream benchmark``: this library beside nilearn and numpy, measured here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from boldstream.cli.console import complain, say
from boldstream.cli.names import name_masks
from boldstream.cli.options import (
    Overwrite,
    Progress,
    checked_jobs,
    checked_size,
    listed,
    show_progress,
)
from boldstream.core.budget import parse_bytes
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError

if TYPE_CHECKING:
    from boldstream.benchmark.compare import Report
    from boldstream.benchmark.inputs import Asked
    from boldstream.benchmark.results import Comparison

IMAGE, LABELS = "Your image", "Labels of the searchlight"
# Written out, as importing them from where they belong would import numpy for every --help.
SEEDS = ("masks", "loading", "memory", "searchlight")
_ALL = "all"


def _seeds(names: list[str]) -> list[str]:
    for name in names:
        if name not in (*SEEDS, _ALL):
            known = (*SEEDS, _ALL)
            raise typer.BadParameter(
                f"must be one of {', '.join(known)}, got {name!r}{did_you_mean(name, known)}"
            )
    return names


def _sized(text: str) -> str:
    from boldstream.benchmark.sizes import parse_size

    try:
        parse_size(text)
    except ParameterError as error:
        raise typer.BadParameter(str(error).replace("`size` ", "")) from error
    return text


def _numbers(text: str) -> str:
    if not all(part.strip().isdigit() and int(part) > 0 for part in text.split(",")):
        raise typer.BadParameter(f"must be positive integers, as 4,8, got {text!r}")
    return text


def benchmark(
    image: Annotated[
        Path | None,
        typer.Argument(
            metavar="IMAGE",
            help="A 4-D image of yours; by default made-up ones.",
            show_default=False,
        ),
    ] = None,
    *,
    seed: Annotated[
        list[str],
        typer.Option(
            "--seed",
            metavar="NAME",
            callback=_seeds,
            help="What to compare: masks (regions in parallel), loading (load, mean, one volume), "
            "memory (sizes, subjects at once, regions), searchlight, or all. May be repeated.",
        ),
    ] = [_ALL],  # noqa: B006 - typer copies it
    size: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            callback=_sized,
            help="Of made-up images: small, medium, seed (that of the documents: up to 4.8 GB), "
            "or GB of the smallest.",
        ),
    ] = "small",
    subjects: Annotated[
        str,
        typer.Option(metavar="N,N", callback=_numbers, help="Subjects at once, in --seed memory."),
    ] = "4,8",
    repeats: Annotated[
        int, typer.Option(metavar="N", min=1, help="Run each way so often; medians are shown.")
    ] = 1,
    n_jobs: Annotated[
        int | None,
        typer.Option(
            "--n-jobs",
            metavar="N",
            callback=checked_jobs,
            help="By default as in the documents: 4 for masks, 1 for the searchlight.",
        ),
    ] = None,
    memory_limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            callback=checked_size,
            help="Most address space of each process of a way, as 2GB; by default no limit.",
        ),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            "--mask",
            metavar="[NAME=]FILE",
            help="A region; may be repeated. By default four are made.",
            rich_help_panel=IMAGE,
        ),
    ] = None,
    atlas: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Take its first four labels as regions.", rich_help_panel=IMAGE
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="TSV",
            help="A row for each volume; runs are its column run or chunks.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="TSV",
            help="Columns onset, duration and trial_type, in place of --labels.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            metavar="COLUMN", help="Column of --labels that is predicted.", rich_help_panel=LABELS
        ),
    ] = "trial_type",
    conditions: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Take only these labels.", rich_help_panel=LABELS),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.")
    ] = Path("boldstream-benchmark"),
    progress: Progress = True,
    overwrite: Overwrite = False,
) -> None:
    """Compare this library with nilearn, nibabel and numpy, on this machine.

    Each way runs in a process of its own; its time, its peak memory with that
    of its children, and that it makes the same numbers are measured. A way
    that runs out of memory is a row that says so. DIR gets benchmark.json,
    with every repeat, and a bar plot (PNG, SVG) of each comparison.

    Example: boldstream benchmark --seed loading --output benchmark
    """
    started = perf_counter()
    _check(image=image, mask=mask, atlas=atlas, labels=labels, events=events)
    from boldstream.benchmark.inputs import Asked
    from boldstream.benchmark.sizes import parse_size

    asked = Asked(
        size=parse_size(size),
        image=image,
        masks=name_masks(mask or []),
        atlas=atlas,
        subjects=tuple(int(part) for part in subjects.split(",")),
        n_jobs=n_jobs,
        labels=labels,
        events=events,
        target=target,
        conditions=tuple(listed(conditions) or ()),
        memory_limit=None if memory_limit is None else parse_bytes(memory_limit),
    )
    seeds = list(SEEDS) if _ALL in seed else list(dict.fromkeys(seed))
    found = _run(asked, seeds, output, repeats=repeats, progress=progress, overwrite=overwrite)
    _show(found)
    say(str(output), f"benchmark.json and pictures, {perf_counter() - started:.0f} s")
    for problem in found.problems:
        complain(problem)
    if found.problems:
        raise typer.Exit(1)


def _check(
    *,
    image: Path | None,
    mask: list[str] | None,
    atlas: Path | None,
    labels: Path | None,
    events: Path | None,
) -> None:
    """Refuse options that do not go together."""
    given = {"--mask": mask, "--atlas": atlas, "--labels": labels, "--events": events}
    if image is None:
        for name, value in given.items():
            if value:
                raise typer.BadParameter("goes with an IMAGE of yours only", param_hint=name)
    if labels and events:
        raise typer.BadParameter("give one of both", param_hint="--labels and --events")


def _run(
    asked: Asked,
    seeds: Sequence[str],
    output: Path,
    *,
    repeats: int,
    progress: bool,
    overwrite: bool,
) -> Comparison:
    """Compare, and write the files all or none."""
    from boldstream.benchmark.compare import compare_ways
    from boldstream.benchmark.pictures import draw, picture_names
    from boldstream.io.writing import Outputs, write_json

    names = ["benchmark.json", *picture_names(seeds)]
    inputs = [path for path in (asked.image, asked.atlas, asked.labels, asked.events) if path]
    inputs += asked.masks.values()
    with Outputs(output, names, overwrite=overwrite, inputs=inputs) as outputs:
        with _shown(progress=show_progress(progress)) as report:
            found = compare_ways(asked, seeds, repeats=repeats, report=report)
        write_json(outputs["benchmark.json"], found.content)
        for seed in seeds:
            rows = [row for row in found.rows if row.case.seed == seed]
            draw(rows, [outputs[name] for name in picture_names([seed])])
    return found


@contextmanager
def _shown(*, progress: bool) -> Iterator[Report | None]:
    """A bar for each comparison, which says what runs."""
    if not progress:
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[seed]:<11}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks = {name: bar.add_task("", total=None, seed=name, visible=False) for name in SEEDS}

        def report(seed: str, title: str, done: int, total: int) -> None:
            shown = escape(title)
            bar.update(tasks[seed], description=shown, completed=done, total=total, visible=True)

        yield report


def _show(found: Comparison) -> None:
    """Print the tables, and where they come from."""
    from rich.console import Console

    from boldstream.benchmark.tables import describe, legend, tables

    console = Console(width=None if Console().is_terminal else 150)
    for table in tables(found):
        console.print(table)
    console.print(legend(), highlight=False, markup=False)
    for row in found.rows:
        if row.outcome == "out of memory":
            console.print(f"{row.case.name}: {row.why}", highlight=False, markup=False)
    apart = found.largest_difference
    same = f"{apart:.1g} of the largest value" if apart else "none"
    say("largest difference", same)
    say("measured on", describe(found.facts))
