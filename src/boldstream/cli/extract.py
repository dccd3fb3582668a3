"""``boldstream extract``: time courses of voxels and regions, all from one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args

import typer

from boldstream.cli.cleaning import CleaningOptions, warnings_in_a_line
from boldstream.cli.console import say, say_cost
from boldstream.cli.names import name_masks
from boldstream.cli.options import (
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
    show_progress,
)
from boldstream.core.checks import did_you_mean

if TYPE_CHECKING:
    from boldstream.cli.jobs import Job

# Written out, as importing them from where they belong would import numpy for every --help.
Strategy = Literal["mean", "sum", "median", "minimum", "maximum", "standard_deviation", "variance"]
Denoising = Literal["simple", "scrubbing", "compcor", "ica_aroma"]

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
StrategyOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        metavar="NAME",
        help=f"What to take of each label, by default the mean: {', '.join(get_args(Strategy))}. "
        "Or which of the confounds of fMRIPrep, by default simple: "
        f"{', '.join(get_args(Denoising))}. May be given once for each.",
    ),
]
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
    strategy: StrategyOptions = None,
    maps: MapsFile = None,
    seeds: Seeds = None,
    radius: Radius = None,
    resample: Resample = None,
    nan_policy: NanRule = "propagate",
    smooth: Smooth = None,
    detrend: Detrend = False,
    high_pass: HighPass = None,
    low_pass: LowPass = None,
    filter: Filter = None,  # noqa: A002 - the option's name
    t_r: RepetitionTime = None,
    confounds: Confounds = None,
    confound_columns: ConfoundColumns = None,
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

    Cleaning goes in the order smooth, extract, detrend, filter, keep volumes,
    regress confounds, standardize; each run for itself.

    Example: boldstream extract bold.nii.gz --mask V1.nii.gz --output out
    """
    started = perf_counter()
    statistic, denoising = _split(strategy or [])
    _check(labels=labels, label_names=label_names, statistic=statistic, seeds=seeds, radius=radius)
    options = CleaningOptions(
        smooth=smooth,
        detrend=detrend,
        standardize=standardize,
        high_pass=high_pass,
        low_pass=low_pass,
        filter=filter,
        t_r=t_r,
        confounds=confounds or (),
        columns=confound_columns,
        strategy=denoising,
        sample_masks=sample_mask or (),
        nan_policy=nan_policy,
    )
    from boldstream.cli.jobs import VoxelJob, label_job, map_job, sphere_job

    jobs: list[Job] = [
        VoxelJob(name, path, resample, nan_policy) for name, path in name_masks(mask or []).items()
    ]
    if labels is not None:
        jobs.append(label_job(labels, label_names, statistic or "mean", resample, nan_policy))
    if maps is not None:
        jobs.append(map_job(maps, resample, nan_policy))
    if seeds is not None and radius is not None:
        jobs.append(sphere_job(seeds, radius, nan_policy))
    pass_options = PassOptions(n_jobs, memory_limit, show_progress(progress))
    _run(jobs, bold, options, pass_options, output, overwrite=overwrite)
    say_cost(started)


def _split(strategies: Sequence[str]) -> tuple[Strategy | None, Denoising | None]:
    """What to take of labels, and which of the confounds of fMRIPrep."""
    known = (*get_args(Strategy), *get_args(Denoising))
    for name in strategies:
        if name not in known:
            raise typer.BadParameter(
                f"must be one of {', '.join(known)}, got {name!r}{did_you_mean(name, known)}",
                param_hint="--strategy",
            )
    found = [
        [name for name in strategies if name in get_args(kind)] for kind in (Strategy, Denoising)
    ]
    if max(len(names) for names in found) > 1:
        raise typer.BadParameter(
            f"give one for labels and one for fMRIPrep at most, got {' and '.join(strategies)}",
            param_hint="--strategy",
        )
    statistic, denoising = (names[0] if names else None for names in found)
    return cast("Strategy | None", statistic), cast("Denoising | None", denoising)


def _check(
    *,
    labels: Path | None,
    label_names: Path | None,
    statistic: Strategy | None,
    seeds: Path | None,
    radius: float | None,
) -> None:
    """Refuse options that do not go together."""
    if (seeds is None) != (radius is None):
        raise typer.BadParameter("give both or neither", param_hint="--seeds and --radius")
    if radius is not None and not radius > 0:
        raise typer.BadParameter(f"must be above 0 mm, got {radius:g}", param_hint="--radius")
    if labels is None and label_names is not None:
        raise typer.BadParameter("goes with --labels only", param_hint="--label-names")
    if labels is None and statistic is not None:
        raise typer.BadParameter(f"{statistic} goes with --labels only", param_hint="--strategy")


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
    from boldstream.io.opening import open_image
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
        source = open_image(bold)
        runs = options.load_runs(bold, source.series)
        results = extract_signals(
            source,
            {
                job.name: Prepared(
                    job.reduction(source.series.grid),
                    smoothing_fwhm=options.smooth,
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
