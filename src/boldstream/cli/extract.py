"""``boldstream extract``: time courses of voxels and regions, all from one pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from boldstream.cli.console import say, say_cost
from boldstream.cli.names import name_masks
from boldstream.cli.options import Bold, Folder, MemoryLimit, Overwrite, Progress, show_progress

if TYPE_CHECKING:
    from boldstream.cli.jobs import Job

# Written out, as importing it from the reductions would import numpy for every --help.
Strategy = Literal["mean", "sum", "median", "minimum", "maximum", "standard_deviation", "variance"]

Masks = Annotated[
    list[str] | None,
    typer.Option(
        "--mask", metavar="[NAME=]FILE", help="Take the voxels of a mask; may be repeated."
    ),
]
Atlas = Annotated[Path | None, typer.Option("--labels", metavar="FILE", help="Atlas of labels.")]
LabelNames = Annotated[
    Path | None, typer.Option(metavar="TSV", help="Names of the labels: columns index and name.")
]
StrategyOption = Annotated[Strategy, typer.Option(help="What to take of each label.")]
MapsFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="4-D image of weighted, overlapping maps.")
]
Seeds = Annotated[
    Path | None, typer.Option(metavar="TSV", help="Centres of spheres: columns x, y, z in mm.")
]
Radius = Annotated[float | None, typer.Option(metavar="MM", help="Radius of the spheres.")]
Resample = Annotated[
    Literal["mask"] | None,
    typer.Option(help="Resample masks, labels and maps on another grid to the image."),
]


def extract(
    bold: Bold,
    *,
    output: Folder,
    mask: Masks = None,
    labels: Atlas = None,
    label_names: LabelNames = None,
    strategy: StrategyOption = "mean",
    maps: MapsFile = None,
    seeds: Seeds = None,
    radius: Radius = None,
    resample: Resample = None,
    memory_limit: MemoryLimit = None,
    progress: Progress = True,
    overwrite: Overwrite = False,
) -> None:
    """Extract time courses of masks, labels, maps and spheres, all in one pass.

    Masks give DIR/NAME.npy (volumes × voxels). Labels, maps and spheres
    give labels.tsv, maps.tsv and spheres.tsv (volumes × regions).
    Beside each lies a .json that says what its columns are.

    Example: boldstream extract bold.nii.gz --mask V1.nii.gz --output out
    """
    started = perf_counter()
    _check(labels=labels, label_names=label_names, strategy=strategy, seeds=seeds, radius=radius)
    from boldstream.cli.jobs import VoxelJob, label_job, map_job, sphere_job

    jobs: list[Job] = [
        VoxelJob(name, path, resample) for name, path in name_masks(mask or []).items()
    ]
    if labels is not None:
        jobs.append(label_job(labels, label_names, strategy, resample))
    if maps is not None:
        jobs.append(map_job(maps, resample))
    if seeds is not None and radius is not None:
        jobs.append(sphere_job(seeds, radius))
    _run(jobs, bold, output, overwrite, memory_limit, show_progress(progress))
    say_cost(started)


def _check(
    *,
    labels: Path | None,
    label_names: Path | None,
    strategy: str,
    seeds: Path | None,
    radius: float | None,
) -> None:
    """Refuse options that do not go together."""
    if (seeds is None) != (radius is None):
        raise typer.BadParameter("give both or neither", param_hint="--seeds and --radius")
    if radius is not None and not radius > 0:
        raise typer.BadParameter(f"must be above 0 mm, got {radius:g}", param_hint="--radius")
    if labels is None and (label_names is not None or strategy != "mean"):
        hint = "--strategy" if label_names is None else "--label-names"
        raise typer.BadParameter("goes with --labels only", param_hint=hint)


def _run(
    jobs: Sequence[Job],
    bold: list[Path],
    output: Path,
    overwrite: bool,
    memory_limit: str | None,
    progress: bool,
) -> None:
    """Serve all jobs from one pass, and write their files all or none."""
    from boldstream.api import stream
    from boldstream.cli.jobs import describe_origin
    from boldstream.io.opening import open_image
    from boldstream.io.writing import Outputs, write_json

    lines = {}
    inputs = [*bold, *(file for job in jobs for file in job.inputs)]
    with Outputs(output, _files(jobs), overwrite=overwrite, inputs=inputs) as outputs:
        source = open_image(bold)
        origin = describe_origin(bold, source.series)
        reductions = [job.reduction(source.series.grid) for job in jobs]
        results = stream(source, *reductions, memory_limit=memory_limit, progress=progress)
        for job, result in zip(jobs, results, strict=True):
            shape = job.write(outputs[job.file], result)
            write_json(outputs[job.sidecar], origin | job.facts(result))
            lines[str(output / job.file)] = " × ".join(str(n) for n in shape)
    for path, shown in lines.items():
        say(path, shown)


def _files(jobs: Sequence[Job]) -> list[str]:
    """Names of all files to write, none of them twice."""
    if not jobs:
        raise typer.BadParameter("give one or more", param_hint="--mask, --labels, --maps, --seeds")
    files = [file for job in jobs for file in (job.file, job.sidecar)]
    twice = next((file for file in files if files.count(file) > 1), None)
    if twice:
        raise typer.BadParameter(
            f"two results would be written to {twice}; name the mask otherwise, as NAME=FILE",
            param_hint="--mask",
        )
    return files
