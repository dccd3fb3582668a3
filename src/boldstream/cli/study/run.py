"""``boldstream run``: a whole study, from its file to its results."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from boldstream.cli.console import complain, printable, say, say_cost
from boldstream.cli.options import Progress, checked_jobs, listed, named, positive, show_progress
from boldstream.core.budget import format_bytes
from boldstream.io.manifests import mark_of

if TYPE_CHECKING:
    from boldstream.study.inputs.found import Problem
    from boldstream.study.running.preparing import Prepared
    from boldstream.study.running.result import StudyResult

MEMORY, WORKERS, RESULTS = "Memory", "Workers", "Results"
REPORT = "report"

StudyFile = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY.yaml",
        help="The study file; `boldstream init` writes one.",
        show_default=False,
    ),
]
Subjects = Annotated[
    str | None,
    typer.Option(metavar="A,B", callback=named, help="Only these subjects, as 01,02 or sub-01."),
]
Rois = Annotated[
    str | None, typer.Option(metavar="A,B", callback=named, help="Only these regions.")
]
OutputDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the results; by default that of the study file.",
        rich_help_panel=RESULTS,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what would be done, with its memory and time."),
]
MemoryEfficient = Annotated[
    bool | None,
    typer.Option(
        "--memory-efficient/--no-memory-efficient",
        help="Leave large betas in their files, or read them into memory.",
        rich_help_panel=MEMORY,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--memmap-threshold",
        metavar="GB",
        callback=positive,
        help="Betas larger than so many times 1024³ bytes stay in their files.",
        rich_help_panel=MEMORY,
    ),
]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder for what is read more than once.",
        rich_help_panel=MEMORY,
    ),
]
ClearCache = Annotated[
    bool,
    typer.Option("--clear-cache", help="Forget what earlier runs did.", rich_help_panel=RESULTS),
]
CacheStats = Annotated[
    bool,
    typer.Option(
        "--cache-stats",
        help="Say how much was done before, and the time that it saved.",
        rich_help_panel=RESULTS,
    ),
]
WriteReport = Annotated[
    bool,
    typer.Option(
        "--report/--no-report",
        help="Write an HTML report beside the results.",
        rich_help_panel=RESULTS,
    ),
]
ParallelSubjects = Annotated[
    bool,
    typer.Option(
        "--parallel-subjects",
        help="Several subjects at a time, in processes of this machine.",
        rich_help_panel=WORKERS,
    ),
]


Jobs = Annotated[
    int | None,
    typer.Option(
        "--n-jobs",
        metavar="N",
        callback=checked_jobs,
        help="Workers; -1 for one for each core, as far as memory lasts.",
        rich_help_panel=WORKERS,
    ),
]
Slurm = Annotated[
    bool,
    typer.Option("--slurm", help="Workers are SLURM jobs.", rich_help_panel=WORKERS),
]
AutoConfigure = Annotated[
    bool,
    typer.Option(
        "--auto-configure",
        help="As many workers as cores and memory carry, here or as SLURM's variables say.",
        rich_help_panel=WORKERS,
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say what each unit did, and where it failed.")
]


def run(
    study: StudyFile,
    *,
    subjects: Subjects = None,
    rois: Rois = None,
    output_dir: OutputDir = None,
    dry_run: DryRun = False,
    memory_efficient: MemoryEfficient = None,
    memmap_threshold: Threshold = None,
    cache_dir: CacheDir = None,
    clear_cache: ClearCache = False,
    cache_stats: CacheStats = False,
    parallel_subjects: ParallelSubjects = False,
    n_jobs: Jobs = None,
    slurm: Slurm = False,
    auto_configure: AutoConfigure = False,
    report: WriteReport = True,
    progress: Progress = True,
    verbose: Verbose = False,
) -> None:
    """Do what a study file asks for; what earlier runs did is not done again.

    Results are in the output folder: one folder for each subject and step,
    status.tsv with what became of each, and the tables of the whole study. A
    subject that fails does not stop the others; the exit code is 1 then. In a
    file or a pipe there is a line for each unit that is done, in place of a bar.

    Example: boldstream run study.yaml --n-jobs 4
    """
    started = perf_counter()
    if slurm and parallel_subjects:
        raise typer.BadParameter("goes without --slurm only", param_hint="--parallel-subjects")
    from boldstream.cli.study.job import StudyOptions, prepare_study
    from boldstream.study.running.run import run_study

    options = StudyOptions(
        subjects=listed(subjects),
        rois=listed(rois),
        output=output_dir,
        memory_efficient=memory_efficient,
        memmap_threshold=memmap_threshold,
        cache=cache_dir,
        n_jobs=-1 if auto_configure and n_jobs is None else n_jobs,
        kind="slurm" if slurm else "processes" if parallel_subjects else None,
        auto_configure=auto_configure,
    )
    prepared = prepare_study(study, options)
    if dry_run:
        _show_plan(prepared)
        return
    # Where a bar would be lost, as in the log of a SLURM job, a line for each unit.
    lines = progress and not verbose and not (sys.stdout.isatty() and sys.stderr.isatty())
    with _log_file(prepared.results.private / "run.log", verbose=verbose, lines=lines):
        result = run_study(prepared, progress=show_progress(progress), forget=clear_cache)
    _show(result, prepared.study.inputs.problems, verbose=verbose)
    if cache_stats:
        say("cache", str(result.statistics))
    if report:
        is_whole = prepared.study.is_whole
        _write_report(result, is_whole=is_whole, progress=show_progress(progress))
    say_cost(started)
    if len(result.failed):
        raise typer.Exit(1)


def _show_plan(prepared: Prepared) -> None:
    """Print units by step, and what they take."""
    from boldstream.study.inputs.found import told
    from boldstream.study.planning.predicting import predict_seconds
    from boldstream.study.running.schedule import unneeded_units

    units = prepared.plan.units
    done = {name for name, unit in units.items() if prepared.is_done(unit)}
    over = done | unneeded_units(units.values(), done)
    seconds = predict_seconds(prepared.plan, prepared.results)
    steps: dict[str, list[str]] = {}
    for name, unit in units.items():
        steps.setdefault(unit.name, []).append(name)
    for step, names in steps.items():
        left = [name for name in names if name not in over]
        time = sum(seconds[name] for name in left)
        n_done = len(done.intersection(names))
        say(step, f"{len(names)} units, {n_done} done, about {time:.0f} s to go")
    memory = format_bytes(prepared.memory) if prepared.memory else "their own"
    say("workers", f"{prepared.n_workers}, each with {memory} of memory")
    for line in told(prepared.study.inputs.problems):
        complain(line)


def _show(result: StudyResult, problems: Iterable[Problem], *, verbose: bool) -> None:
    from boldstream.study.inputs.found import told

    counts = result.status["state"].value_counts()
    say("units", ", ".join(f"{n} {state}" for state, n in counts.items()))
    for line in told(problems):
        complain(line)
    failed = result.failed
    for _, row in failed[failed["unit"] != ""].iterrows():
        complain(f"{row['unit']}: {row['error']}")
        if verbose and row["traceback"]:
            typer.echo(printable(row["traceback"], keep="\n"), err=True)
    say("results", str(result.output_dir))


def _write_report(result: StudyResult, *, is_whole: bool, progress: bool) -> None:
    """Write the report; what keeps it from being written is told, and is no fault of the run."""
    from boldstream.core.errors import BoldstreamError

    results = result.output_dir
    if _is_current(result, is_whole=is_whole):
        say("report", f"{results / REPORT / 'index.html'}, as it was")
        return
    from boldstream.report.writing import write_report

    try:
        say("report", str(write_report(results, progress=progress)))
    except (BoldstreamError, OSError, MemoryError) as error:
        complain(
            f"the report was not written: {error}\n"
            f"The results are whole; later: boldstream report {results}"
        )


def _is_current(result: StudyResult, *, is_whole: bool) -> bool:
    """Whether the report that is there shows what is known of these units now."""
    output = result.output_dir
    try:
        shown = json.loads((output / REPORT / "report.json").read_bytes())["units"]
        now = {
            row["unit"] or f"sub-{row['subject']}/": mark_of(
                output / row["unit"] if row["state"] in ("done", "cached") else None,
                state=row["state"],
                error=row["error"],
            )
            for row in result.status.to_dict("records")
        }
    except (OSError, ValueError, KeyError, TypeError):
        # It is written anew, and says then what is wrong.
        return False
    # A report of an older version has a list, of which nothing can be told.
    if not isinstance(shown, dict):
        return False
    return (shown if is_whole else {unit: shown.get(unit) for unit in now}) == now


class _Lines(logging.Handler):
    """Writes messages to standard output, each as soon as it comes."""

    def emit(self, record: logging.LogRecord) -> None:
        typer.echo(printable(record.getMessage(), keep="\n"))


@contextmanager
def _log_file(path: Path, *, verbose: bool, lines: bool) -> Iterator[None]:
    """Write the log of the library to a file, and where asked to standard error or output, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [
        # A message may name a file whose name is no text.
        logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    ]
    if verbose:
        handlers.append(logging.StreamHandler())
    if lines:
        handlers.append(_Lines())
    logger = logging.getLogger("boldstream")
    level = logger.level
    logger.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(level)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
