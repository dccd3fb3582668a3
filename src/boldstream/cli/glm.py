"""``boldstream glm``: statistical maps of a first-level model, each image read once."""

from __future__ import annotations

import re
from pathlib import Path
from time import perf_counter
from typing import Annotated, Literal

import typer

from boldstream.cli.cleaning import CleaningOptions, check_count, warnings_in_a_line
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
    ConfoundColumns,
    Confounds,
    Folder,
    MemoryLimit,
    NanRule,
    Overwrite,
    SampleMasks,
    Smooth,
    Strategy,
    images_only,
)

Runs = Annotated[
    list[Path],
    typer.Argument(
        metavar="BOLD...",
        callback=images_only,
        help="4-D images, one for each run.",
        show_default=False,
    ),
]
Contrasts = Annotated[
    list[str],
    typer.Option(
        "--contrast",
        metavar="[NAME=]SUM",
        help="A sum of regressors, as 'face - house' or 'faces=face - 0.5*house - 0.5*cat': a t "
        "test. Several with semicolons between, as 'any=face; house', are an F test. May be "
        "repeated.",
        show_default=False,
    ),
]
Mask = Annotated[
    Path | None,
    typer.Option(
        "--mask",
        metavar="FILE",
        help="Voxels to fit; by default the brain as nilearn finds it in the mean of the images, "
        "for which they are read once more.",
    ),
]
HrfModel = Annotated[
    Literal[Hrf, "fir"],
    typer.Option("--hrf-model", help="Response to an event.", rich_help_panel=MODEL),
]
FirDelays = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,N",
        help="With --hrf-model fir: volumes after an event that get a regressor each.",
        rich_help_panel=MODEL,
    ),
]


def _known_noise(name: str) -> str:
    if not re.fullmatch("ols|ar[1-9][0-9]?", name):
        raise typer.BadParameter(f"must be ols, or ar1, ar2, ..., got {name!r}")
    return name


NoiseModel = Annotated[
    str,
    typer.Option(
        metavar="ols|arN",
        callback=_known_noise,
        help="Independent, or autoregressive as ar1.",
        rich_help_panel=MODEL,
    ),
]
Scaling = Annotated[
    Literal["voxel", "volume", "grand", "none"],
    typer.Option(
        "--signal-scaling",
        help="Percent of the mean of each voxel, of each volume, or of all; or as stored.",
        rich_help_panel=MODEL,
    ),
]


def glm(
    bold: Runs,
    *,
    events: Events,
    contrast: Contrasts,
    output: Folder,
    mask: Mask = None,
    t_r: RepetitionTime = None,
    hrf_model: HrfModel = "glover",
    fir_delays: FirDelays = None,
    drift_model: Drift = "cosine",
    high_pass: HighPass = 0.01,
    drift_order: DriftOrder = 1,
    slice_time_ref: SliceTimeRef = 0.0,
    noise_model: NoiseModel = "ar1",
    signal_scaling: Scaling = "voxel",
    confounds: Confounds = None,
    confound_columns: ConfoundColumns = None,
    strategy: Strategy = None,
    sample_mask: SampleMasks = None,
    smoothing_fwhm: Smooth = None,
    nan_policy: NanRule = "nilearn",
    r_square: Annotated[
        bool, typer.Option("--r-square", help="Write the share of variance explained, too.")
    ] = False,
    memory_limit: MemoryLimit = None,
    overwrite: Overwrite = False,
) -> None:
    """Fit a first-level model and write maps of contrasts; runs are joined by fixed effects.

    Files are named as nilearn names them: maps of effect, t or F, variance, z
    and p of each contrast (contrast-NAME_stat-z_statmap.nii.gz, ...), design
    and contrasts of each run as table and figure, the mask, and statmap.json,
    which says what was done; below sub-LABEL where the names of images have it.

    Example: boldstream glm bold.nii.gz --events events.tsv --contrast "face - house" -o out
    """
    started = perf_counter()
    check_count(len(events), len(bold), "--events")
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
        fir_delays=_delays(hrf_model, fir_delays),
        drift_model=drift_model,
        high_pass=high_pass,
        drift_order=drift_order,
        slice_time_ref=slice_time_ref,
    )
    from boldstream.cli.glm_contrasts import parse_contrasts
    from boldstream.cli.glm_job import GlmJob

    job = GlmJob(
        bold=bold,
        events=events,
        contrasts=parse_contrasts(contrast),
        mask=mask,
        t_r=t_r,
        design=design,
        noise_model=noise_model,
        signal_scaling=signal_scaling,
        cleaning=cleaning,
        r_square=r_square,
        memory_limit=memory_limit,
    )
    with warnings_in_a_line():
        written = job.run(output, overwrite=overwrite)
    for file, shown in written.items():
        say(str(output / file), shown)
    say_cost(started)


def _delays(hrf_model: str, text: str | None) -> list[int] | None:
    if (hrf_model == "fir") != (text is not None):
        raise typer.BadParameter(
            "goes with --hrf-model fir, and fir with it", param_hint="--fir-delays"
        )
    if text is None:
        return None
    numbers = [number.strip() for number in text.split(",")]
    if not all(number.isdecimal() for number in numbers) or len(set(numbers)) < len(numbers):
        raise typer.BadParameter(
            f"must be volumes from 0 with commas between, each once, got {text!r}",
            param_hint="--fir-delays",
        )
    return [int(number) for number in numbers]
