"""``boldstream demo``: whether it all works here, on a study made up on the spot."""

from __future__ import annotations

import errno
import itertools
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from boldstream.cli.console import complain, say, say_cost
from boldstream.cli.options import Progress, checked_jobs, show_progress
from boldstream.core.budget import format_bytes
from boldstream.core.errors import OutputExistsError, StorageError

if TYPE_CHECKING:
    from boldstream.cli.demo_job import DemoResult

FOLDER = "boldstream-demo"
# Images and results take 33 MiB, and a map is there twice while it is written.
_NEEDED_BYTES = 48 << 20


def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help=f"A new or empty folder for the study; by default {FOLDER}, or {FOLDER}-2 and "
            "so on where that is taken.",
            show_default=False,
        ),
    ] = None,
    *,
    n_jobs: Annotated[
        int,
        typer.Option(
            "--n-jobs", metavar="N", callback=checked_jobs, help="Workers; -1: one for each core."
        ),
    ] = -1,
    progress: Progress = True,
) -> None:
    """Make a study of four subjects who choose, and run it from images to the group.

    Time courses of regions, betas of trials, a model of the choices, decoding
    of regions, a searchlight and group tests: it finds what was planted in
    one region each, and nothing elsewhere. A report shows it all.

    Example: boldstream demo demo-study
    """
    started = perf_counter()
    from boldstream.cli.demo_job import STUDY, first_image, run_demo
    from boldstream.report import write_report

    place = _free_folder() if folder is None else folder
    with _study_folder(place) as study:
        result = run_demo(study, n_jobs=n_jobs, progress=show_progress(progress))
        results = place / result.study.output_dir.relative_to(study)
    _show(result)
    report = write_report(results).relative_to(results.resolve())
    say(f"{'report':<10}", str(results / report))
    say_cost(started)
    if not result.recovered:
        complain("the analysis did not find what was planted, or found more")
        raise typer.Exit(1)
    mask = place / "masks" / f"{result.truth.choice[0]}.nii.gz"
    _show_next(place / STUDY, first_image(place), mask)


def _free_folder() -> Path:
    """The folder that no earlier demo took."""
    names = itertools.chain([FOLDER], (f"{FOLDER}-{n}" for n in itertools.count(2)))
    return next(Path(name) for name in names if not Path(name).exists())


@contextmanager
def _study_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder to work in, which becomes `folder` once everything is done."""
    # A folder can take the place of an empty one, not of a link to it.
    place = folder.resolve()
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise OutputExistsError(f"the demo needs a new or an empty folder, got {folder}")
    # Made where it needs no new folder that would have to be removed again.
    beside = next(parent for parent in place.parents if parent.is_dir())
    free = shutil.disk_usage(beside).free
    if free < _NEEDED_BYTES:
        raise _no_room(beside, free)
    try:
        made = TemporaryDirectory(prefix=".boldstream-demo-", dir=beside)
    except PermissionError as error:
        raise StorageError(
            f"the demo cannot write in {beside}; name a folder: boldstream demo DIR"
        ) from error
    with made:
        study = Path(made.name) / "study"
        try:
            yield study
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise _no_room(beside, shutil.disk_usage(beside).free) from error
        place.parent.mkdir(parents=True, exist_ok=True)
        study.replace(place)


def _no_room(folder: Path, free: int) -> StorageError:
    return StorageError(
        f"the disk of {folder} has {format_bytes(free)} free, {format_bytes(_NEEDED_BYTES)} "
        "needed; free some, or name a folder on another disk: boldstream demo DIR"
    )


def _show(result: DemoResult) -> None:
    units = result.study.status
    say(f"{'analysed':<10}", f"{units['subject'].nunique() - 1} subjects in {len(units)} units")
    for _, row in result.group.iterrows():
        if row["p_t_fdr"] < 0.05:
            scores = f"{row['mean']:.2f}, chance {row['chance']:.2f}, t = {row['t']:.1f}"
            say(f"{'found':<10}", f"{row['target']} in {row['roi']}: {scores}")
    say(f"{'light':<10}", f"peak of the group's map in {', '.join(result.peak) or 'no region'}")
    say(f"{'behaviour':<10}", f"log k of every subject within {result.log_k_error:.2f}")
    truth = result.truth
    planted = f"choice in {', '.join(truth.choice)}; value in {', '.join(truth.value)}"
    say(f"{'planted':<10}", planted)
    peak = units["peak_mb"].max()
    say(f"{'peak':<10}", f"{peak:.0f} MiB, the largest worker")


def _show_next(study: Path, image: Path, mask: Path) -> None:
    """Say what to type next, ready to be copied."""
    courses = study.with_name("courses")
    typer.echo("\nOpen the report in a web browser. What to type next:")
    for what, command in {
        "time courses of a region": ("extract", image, "--mask", mask, "-o", courses),
        "the study again: what is done is not done twice": ("run", study),
        "a study file for a BIDS data set of your own": ("init", "MY-DATASET"),
    }.items():
        typer.echo(f"  # {what}")
        say(f"  {_program()} {shlex.join(map(str, command))}")


def _program() -> str:
    """How this program was called, for commands that are to be copied."""
    called = Path(sys.argv[0])
    found = shutil.which("boldstream")
    if called.name != "boldstream":
        return f"{shlex.quote(sys.executable)} -m boldstream"
    if found is not None and called.exists() and called.samefile(found):
        return "boldstream"
    return shlex.quote(str(called))
