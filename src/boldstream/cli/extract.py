"""``boldstream extract``: time courses of voxels and regions, all from one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from boldstream.cli.cleaning import CleaningOptions, warnings_in_a_line
from boldstream.cli.console import say, say_cost
from boldstream.cli.images import open_runs
from boldstream.cli.names import name_masks
from boldstream.cli.options import (
    AtlasNames,
    Bold,
    ConfoundColumns,
    Confounds,
    Detrend,
    Filter,
    Folder,
    HighPass,
    Jobs,
    LowPass,
    MemoryLimit,
    NanRule,
    Overwrite,
    Progress,
    RepetitionTime,
    SampleMasks,
    Smooth,
    Standardize,
    Strategy,
    positive,
    show_progress,
)

if TYPE_CHECKING:
    from boldstream.cli.jobs import Job

# Written out, as importing it from where it belongs would import numpy for every --help.
Statistic = Literal["mean", "sum", "median", "minimum", "maximum", "standard_deviation", "variance"]

Masks = Annotated[
    list[str] | None,
    typer.Option(
        "--mask", metavar="[NAME=]FILE", help="Take the voxels of a mask; may be repeated."
    ),
]
Atlas = Annotated[
    Path | None,
    typer.Option("--atlas", "--labels", metavar="FILE", help="Image of labels, each a region."),
]
AtlasStrategy = Annotated[
    Statistic | None,
    typer.Option(help="What to take of each label of the atlas; by default the mean."),
]
MapsFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="4-D image of weighted, overlapping maps.")
]
Seeds = Annotated[
    Path | None, typer.Option(metavar="TSV", help="Centres of spheres: columns x, y, z in mm.")
]
Radius = Annotated[
    float | None,
    typer.Option(metavar="MM", callback=positive, help="Radius of the spheres."),
]
Resample = Annotated[
    Literal["mask"] | None,
    typer.Option(help="Resample masks, labels and maps on another grid to the image."),
]


def extract(
    bold: Bold,
    *,
    output: Folder,
    mask: Masks = None,
    atlas: Atlas = None,
    atlas_names: AtlasNames = None,
    atlas_strategy: AtlasStrategy = None,
    maps: MapsFile = None,
    seeds: Seeds = None,
    radius: Radius = None,
    resample: Resample = None,
    nan_policy: NanRule = "propagate",
    smoothing_fwhm: Smooth = None,
    detrend: Detrend = False,
    high_pass: HighPass = None,
    low_pass: LowPass = None,
    filter: Filter = None,  # noqa: A002 - the option's name
    t_r: RepetitionTime = None,
    confounds: Confounds = None,
    confound_columns: ConfoundColumns = None,
    strategy: Strategy = None,
    sample_mask: SampleMasks = None,
    standardize: Standardize = None,
    n_jobs: Jobs = 1,
    memory_limit: MemoryLimit = None,
    progress: Progress = True,
    overwrite: Overwrite = False,
) -> None:
    """Extract time courses of masks, labels, maps and spheres, all in one pass.

    Masks give DIR/NAME.npy (volumes × voxels). Labels, maps and spheres
    give labels.tsv, maps.tsv and spheres.tsv (volumes × regions).
    Beside each lies a .json that says what its columns are.

    Cleaning goes in the order smooth, extract, keep volumes, detrend, filter,
    regress confounds, standardize; each run for itself. With the Butterworth
    filter, volumes that are not kept are interpolated first and left out
    after it.

    Example: boldstream extract bold.nii.gz --mask V1.nii.gz --output out
    """
    started = perf_counter()
    of_atlas = {"--atlas-names": atlas_names, "--atlas-strategy": atlas_strategy}
    _check(atlas, of_atlas, seeds=seeds, radius=radius)
    options = CleaningOptions(
        smoothing_fwhm=smoothing_fwhm,
        detrend=detrend,
        standardize=standardize,
        high_pass=high_pass,
        low_pass=low_pass,
        filter=filter,
        t_r=t_r,
        confounds=confounds or (),
        columns=confound_columns,
        strategy=strategy,
        sample_masks=sample_mask or (),
        nan_policy=nan_policy,
    )
    from boldstream.cli.jobs import VoxelJob, label_job, map_job, sphere_job

    jobs: list[Job] = [
        VoxelJob(name, path, resample, nan_policy) for name, path in name_masks(mask or []).items()
    ]
    if atlas is not None:
        jobs.append(label_job(atlas, atlas_names, atlas_strategy or "mean", resample, nan_policy))
    if maps is not None:
        jobs.append(map_job(maps, resample, nan_policy))
    if seeds is not None and radius is not None:
        jobs.append(sphere_job(seeds, radius, nan_policy))
    pass_options = PassOptions(n_jobs, memory_limit, show_progress(progress))
    _run(jobs, bold, options, pass_options, output, overwrite=overwrite)
    say_cost(started)


def _check(
    atlas: Path | None,
    of_atlas: dict[str, Any],
    *,
    seeds: Path | None,
    radius: float | None,
) -> None:
    """Refuse options that do not go together."""
    if (seeds is None) != (radius is None):
        raise typer.BadParameter("give both or neither", param_hint="--seeds and --radius")
    for option, value in of_atlas.items():
        if atlas is None and value is not None:
            raise typer.BadParameter("goes with --atlas only", param_hint=option)


@dataclass(frozen=True)
class PassOptions:
    """How the pass is made."""

    n_jobs: int
    memory_limit: str | None
    progress: bool


def _run(
    jobs: Sequence[Job],
    bold: list[Path],
    options: CleaningOptions,
    how: PassOptions,
    output: Path,
    *,
    overwrite: bool,
) -> None:
    """Serve all jobs from one pass, and write their files all or none."""
    from boldstream.cli.jobs import describe_origin
    from boldstream.io.writing import Outputs, write_json
    from boldstream.signal.extracting import extract_signals
    from boldstream.streaming.preparations import Prepared

    lines = {}
    inputs = [*bold, *options.inputs, *(file for job in jobs for file in job.inputs)]
    names = _files(jobs)
    with (
        warnings_in_a_line(),
        Outputs(output, names, overwrite=overwrite, inputs=inputs) as outputs,
    ):
        source = open_runs(bold, [job for job in jobs if job.ending == ".npy"])
        runs = options.load_runs(bold, source.series)
        results = extract_signals(
            source,
            {
                job.name: Prepared(
                    job.reduction(source.series.grid),
                    smoothing_fwhm=options.smoothing_fwhm,
                    nan_policy=options.nan_policy,
                )
                for job in jobs
            },
            cleaning=options.cleaning(),
            runs=runs,
            n_jobs=how.n_jobs,
            memory_limit=how.memory_limit,
            progress=how.progress,
        )
        origin = describe_origin(bold, source.series) | options.facts(source.series, runs)
        for job in jobs:
            result = results[job.name]
            shape = job.write(outputs[job.file], result)
            write_json(outputs[job.sidecar], origin | job.facts(result))
            empty = job.empty(result)
            without = f" (no voxel: {', '.join(empty)})" if empty else ""
            lines[str(output / job.file)] = " × ".join(str(n) for n in shape) + without
    for path, shown in lines.items():
        say(path, shown)


def _files(jobs: Sequence[Job]) -> list[str]:
    """Names of all files to write, none of them twice."""
    if not jobs:
        raise typer.BadParameter("give one or more", param_hint="--mask, --atlas, --maps, --seeds")
    files = [file for job in jobs for file in (job.file, job.sidecar)]
    twice = next((file for file in files if files.count(file) > 1), None)
    if twice:
        raise typer.BadParameter(
            f"two results would be written to {twice}; name the mask otherwise, as NAME=FILE",
            param_hint="--mask",
        )
    return files
