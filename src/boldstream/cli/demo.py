"""``boldstream demo``: whether it all works here, on a study made up on the spot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from boldstream.cli.console import complain, say, say_cost
from boldstream.cli.options import Progress, checked_jobs, show_progress
from boldstream.core.errors import OutputExistsError

if TYPE_CHECKING:
    from boldstream.cli.demo_job import DemoResult


def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", help="Keep the study in this new or empty folder.", show_default=False
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
    one region each, and nothing elsewhere.

    Example: boldstream demo demo-study
    """
    started = perf_counter()
    from boldstream.cli.demo_job import run_demo

    with _study_folder(folder) as study:
        result = run_demo(study, n_jobs=n_jobs, progress=show_progress(progress))
    _show(result)
    say_cost(started)
    if not result.recovered:
        complain("the analysis did not find what was planted, or found more")
        raise typer.Exit(1)


@contextmanager
def _study_folder(folder: Path | None) -> Iterator[Path]:
    """Give a new folder to work in, which becomes `folder` once everything is done."""
    if folder is None:
        with TemporaryDirectory(prefix="boldstream-demo-") as made:
            yield Path(made)
        return
    # A folder can take the place of an empty one, not of a link to it.
    place = folder.resolve()
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise OutputExistsError(f"the demo needs a new or an empty folder, got {folder}")
    # Made where it needs no new folder that would have to be removed again.
    beside = next(parent for parent in place.parents if parent.is_dir())
    with TemporaryDirectory(prefix=".boldstream-demo-", dir=beside) as made:
        study = Path(made) / "study"
        yield study
        place.parent.mkdir(parents=True, exist_ok=True)
        study.replace(place)


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
    say(f"{'peak':<10}", f"{peak:.0f} MB, the largest worker")
