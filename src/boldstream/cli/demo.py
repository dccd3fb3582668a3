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
from boldstream.core.budget import format_bytes
from boldstream.core.errors import OutputExistsError

if TYPE_CHECKING:
    from boldstream.simulate.demo import DemoResult


def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", help="Keep the study in this new or empty folder.", show_default=False
        ),
    ] = None,
) -> None:
    """Make a small BIDS study, and find in it the effect that was planted there.

    Example: boldstream demo demo-study
    """
    started = perf_counter()
    from boldstream.simulate.demo import run_demo

    with _study_folder(folder) as study:
        result = run_demo(study)
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
    findings = result.findings
    n_volumes = sum(one.n_volumes for one in findings.passes)
    say(f"{'analysed':<10}", f"{n_volumes} volumes in {len(findings.passes)} passes")
    for region in findings.regions:
        if region.responds:
            change = f"{region.change_percent:+.2f} % with the task, z = {region.z:.1f}"
            say(f"{'found':<10}", f"{region.name}: {change}")
    say(f"{'planted':<10}", ", ".join(result.planted))
    voxels = f"{findings.n_responding_voxels} of {findings.n_voxels} respond, each taken alone"
    say(f"{'voxels':<10}", voxels)
    say(f"{'time':<10}", f"{result.seconds:.2f} s for the passes")
    predicted, measured = result.predicted_peak_bytes, result.measured_peak_bytes
    peaks = f"predicted {format_bytes(predicted)}, measured {format_bytes(measured)}"
    say(f"{'peak':<10}", peaks)
