"""``boldstream betas``: a beta for every trial, each image read once."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated, Literal

import typer

from boldstream.cli.cleaning import CleaningOptions, warnings_in_a_line
from boldstream.cli.console import say, say_cost
from boldstream.cli.glm_options import (
    MODEL,
    DesignOptions,
    Drift,
    DriftOrder,
    Events,
    HighPass,
    Hrf,
    RepetitionTime,
    SliceTimeRef,
)
from boldstream.cli.options import (
    Bold,
    ConfoundColumns,
    Confounds,
    Folder,
    MemoryLimit,
    NanRule,
    Overwrite,
    Progress,
    SampleMasks,
    Smooth,
    Strategy,
    listed,
    named,
    show_progress,
)

Method = Annotated[
    Literal["lss", "lsa"],
    typer.Option(help="A model for each trial, or one with a regressor for each trial."),
]
Store = Annotated[
    bool,
    typer.Option(
        "--store",
        help="Write a folder that bs.open_betas maps (trials × voxels of the mask) and no image.",
    ),
]
Mask = Annotated[
    Path | None,
    typer.Option("--mask", metavar="FILE", help="Voxels that get betas; by default all."),
]
HrfModel = Annotated[
    Hrf, typer.Option("--hrf-model", help="Response to an event.", rich_help_panel=MODEL)
]
Others = Annotated[
    Literal["condition", "all"],
    typer.Option(
        help="With lss: the other trials have a regressor for each condition, or share one.",
        rich_help_panel=MODEL,
    ),
]
Conditions = Annotated[
    str | None,
    typer.Option(
        "--conditions",
        metavar="A,B",
        callback=named,
        help="Whose trials get betas, by default all. The others stay in the model.",
        rich_help_panel=MODEL,
    ),
]
Penalty = Annotated[
    float,
    typer.Option(
        metavar="X", min=0, help="With lsa: of ridge, on all trials alike.", rich_help_panel=MODEL
    ),
]
Fraction = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        min=0,
        max=1,
        help="With lsa: of fractional ridge. Betas of a voxel keep this share of their length.",
        rich_help_panel=MODEL,
    ),
]
Unestimable = Annotated[
    Literal["raise", "exclude"],
    typer.Option(
        help="An event without a beta, as outside the run, is an error; or it is listed in "
        "excluded.tsv.",
        rich_help_panel=MODEL,
    ),
]
Scaling = Annotated[
    Literal["voxel", "none"],
    typer.Option(
        "--signal-scaling",
        help="Betas in percent of the mean of each voxel, or in the unit of the image.",
        rich_help_panel=MODEL,
    ),
]


def betas(
    bold: Bold,
    *,
    events: Events,
    output: Folder,
    method: Method = "lss",
    store: Store = False,
    mask: Mask = None,
    t_r: RepetitionTime = None,
    others: Others = "condition",
    conditions: Conditions = None,
    hrf_model: HrfModel = "glover",
    drift_model: Drift = "cosine",
    high_pass: HighPass = 0.01,
    drift_order: DriftOrder = 1,
    slice_time_ref: SliceTimeRef = 0.0,
    penalty: Penalty = 0.0,
    fraction: Fraction = None,
    unestimable: Unestimable = "raise",
    signal_scaling: Scaling = "none",
    confounds: Confounds = None,
    confound_columns: ConfoundColumns = None,
    strategy: Strategy = None,
    sample_mask: SampleMasks = None,
    smoothing_fwhm: Smooth = None,
    nan_policy: NanRule = "nilearn",
    memory_limit: MemoryLimit = None,
    progress: Progress = True,
    overwrite: Overwrite = False,
) -> None:
    """Estimate a beta for every trial, all from one pass over each run.

    Writes DIR/betas.nii.gz, a volume for each trial, or with --store an array
    that is mapped; trials.tsv, whose rows are the trials in that order; and
    betas.json, which says what was done.

    Example: boldstream betas bold.nii.gz --events events.tsv --method lss --output out
    """
    started = perf_counter()
    _check(method, others=others, penalty=penalty, fraction=fraction)
    cleaning = CleaningOptions(
        smoothing_fwhm=smoothing_fwhm,
        confounds=confounds or (),
        columns=confound_columns,
        strategy=strategy,
        sample_masks=sample_mask or (),
        nan_policy=nan_policy,
    )
    design = DesignOptions(
        hrf_model=hrf_model,
        drift_model=drift_model,
        high_pass=high_pass,
        drift_order=drift_order,
        slice_time_ref=slice_time_ref,
    )
    from boldstream.cli.betas_job import BetasJob, TrialOptions

    trials = TrialOptions(
        method=method,
        others=others,
        conditions=listed(conditions),
        penalty=penalty,
        fraction=fraction,
        unestimable=unestimable,
        signal_scaling=signal_scaling,
    )
    job = BetasJob(bold, events, mask, t_r, trials, design, cleaning, memory_limit)
    with warnings_in_a_line():
        written = job.run(
            output, store=store, overwrite=overwrite, progress=show_progress(progress)
        )
    for file, shown in written.items():
        say(str(output / file), shown)
    say_cost(started)


def _check(
    method: Literal["lss", "lsa"],
    *,
    others: Literal["condition", "all"],
    penalty: float,
    fraction: float | None,
) -> None:
    """Refuse options that do not go together."""
    if method == "lss" and (penalty or fraction is not None):
        raise typer.BadParameter("go with --method lsa only", param_hint="--penalty and --fraction")
    if method == "lsa" and others == "all":
        raise typer.BadParameter("all goes with --method lss only", param_hint="--others")
    if penalty and fraction is not None:
        raise typer.BadParameter("give one at most", param_hint="--penalty and --fraction")
