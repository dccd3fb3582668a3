"""``boldstream searchlight``: the neighbourhood of every voxel decoded."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated, Literal

import typer

from boldstream.cli.cleaning import warnings_in_a_line
from boldstream.cli.console import say, say_cost
from boldstream.cli.decoding.options import (
    MODEL,
    PERMUTATIONS,
    Blocks,
    Conditions,
    CrossValidation,
    Data,
    EstimatorArguments,
    Groups,
    Jobs,
    LabelFile,
    Mask,
    Permutations,
    RandomState,
    check_names,
    parse_arguments,
)
from boldstream.cli.options import (
    Folder,
    MemoryLimit,
    Overwrite,
    Progress,
    finite,
    positive,
    show_progress,
)

_KEPT = ("fold_scores", "predictions", "confusion")


Target = Annotated[
    str,
    typer.Option(
        "--target", metavar="COLUMN", help="Column of what is predicted.", show_default=False
    ),
]
ProcessMask = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Voxels that are centres; by default those of --mask."),
]
Resample = Annotated[
    Literal["mask"] | None, typer.Option(help="Resample masks on another grid to the data.")
]
Radius = Annotated[
    float, typer.Option(metavar="MM", callback=positive, help="Radius of the spheres.")
]
Neighbours = Annotated[
    int | None,
    typer.Option(
        "--n-neighbours",
        metavar="N",
        min=1,
        help="Take so many nearest voxels in place of a sphere.",
    ),
]
Surface = Annotated[
    Path | None,
    typer.Option(
        metavar="GIFTI",
        help="Decode on this mesh, with --radius along its edges: DATA and masks are GIFTI files.",
    ),
]
Estimator = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="As nilearn means it: svc, ridge_classifier, logistic, ridge, svr, ...; or lda, gnb, "
        "nearest_centroid, correlation.",
        rich_help_panel=MODEL,
    ),
]
Scoring = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="accuracy (of classes by default), balanced_accuracy, roc_auc, r2 (of values), or "
        "any other scorer of scikit-learn.",
        rich_help_panel=MODEL,
    ),
]
Tfce = Annotated[
    bool,
    typer.Option(
        "--tfce", help="Write threshold-free cluster enhancement.", rich_help_panel=PERMUTATIONS
    ),
]
FormingThreshold = Annotated[
    float | None,
    typer.Option(
        metavar="SCORE",
        callback=finite,
        help="Write clusters of neighbours above this score.",
        rich_help_panel=PERMUTATIONS,
    ),
]
Chance = Annotated[
    float | None,
    typer.Option(
        metavar="SCORE",
        callback=finite,
        help="Score of guessing; by default known for accuracy, balanced_accuracy, roc_auc, r2.",
        rich_help_panel=PERMUTATIONS,
    ),
]
NullMaps = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Keep the maps of all permutations there, for inference on groups.",
        rich_help_panel=PERMUTATIONS,
    ),
]
Keep = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="Write of each sphere, too: fold_scores, predictions, confusion (.npy).",
    ),
]
NanRule = Annotated[
    Literal["raise", "exclude", "zero"],
    typer.Option(
        "--nan-policy",
        help="Voxels with NaN or infinity are refused or belong to no sphere; or such values "
        "count as 0.",
    ),
]


def searchlight(
    data: Data,
    *,
    target: Target,
    output: Folder,
    labels: LabelFile = None,
    groups: Groups = None,
    conditions: Conditions = None,
    mask: Mask = None,
    process_mask: ProcessMask = None,
    resample: Resample = None,
    radius: Radius = 8.0,
    n_neighbours: Neighbours = None,
    surface: Surface = None,
    estimator: Estimator = "svc",
    estimator_arg: EstimatorArguments = None,
    scoring: Scoring = None,
    cv: CrossValidation = None,
    permutations: Permutations = 0,
    permutation_blocks: Blocks = None,
    tfce: Tfce = False,
    forming_threshold: FormingThreshold = None,
    chance: Chance = None,
    null_maps: NullMaps = None,
    random_state: RandomState = 0,
    keep: Keep = None,
    nan_policy: NanRule = "raise",
    n_jobs: Jobs = 1,
    memory_limit: MemoryLimit = None,
    progress: Progress = True,
    overwrite: Overwrite = False,
) -> None:
    """Decode the neighbourhood of every voxel, with permutation tests.

    Writes DIR/scores.nii.gz; with --permutations p_uncorrected, p_fwe and
    p_fdr, with --tfce tfce and p_tfce_fwe (1 outside in all maps of p), with
    --forming-threshold clusters.nii.gz and clusters.tsv; for classes
    f_scores.nii.gz (−log10 p of F, at most 10); figures of maps over the mean
    image; and searchlight.json, which says what was done.

    Example: boldstream searchlight bold.nii.gz --labels labels.tsv --target object -o out
    """
    started = perf_counter()
    if surface is not None and n_neighbours is not None:
        raise typer.BadParameter("goes without --surface only", param_hint="--n-neighbours")
    if surface is not None and resample is not None:
        raise typer.BadParameter("goes without --surface only", param_hint="--resample")
    for name, asked in {
        "--permutation-blocks": permutation_blocks is not None,
        "--tfce": tfce,
        "--forming-threshold": forming_threshold is not None,
        "--null-maps": null_maps is not None,
    }.items():
        if asked and not permutations:
            raise typer.BadParameter("goes with --permutations only", param_hint=name)
    arguments = parse_arguments(estimator_arg or [], "--estimator-arg")
    kept = _kept(keep)
    check_names([estimator], [scoring], cv, arguments)
    from boldstream.cli.decoding.searchlight_job import SearchlightJob, SearchlightOptions

    job = SearchlightJob(
        data=data,
        labels=labels,
        target=target,
        groups=groups,
        conditions=conditions or [],
        blocks=permutation_blocks,
        mask=mask,
        process_mask=process_mask,
        resample=resample,
        surface=surface,
        null_maps=null_maps,
        options=SearchlightOptions(
            radius=radius,
            n_neighbours=n_neighbours,
            estimator=estimator,
            estimator_args=arguments or None,
            scoring=scoring,
            cv=cv or ("logo" if groups else None),
            permutations=permutations,
            tfce=tfce,
            forming_threshold=forming_threshold,
            chance=chance,
            random_state=random_state,
            keep=("scores", *kept),
            nan_policy=nan_policy,
        ),
        n_jobs=n_jobs,
        memory_limit=memory_limit,
        progress=show_progress(progress),
    )
    with warnings_in_a_line():
        written = job.run(output, overwrite=overwrite)
    for file, shown in written.items():
        say(file, shown)
    say_cost(started)


def _kept(text: str | None) -> list[str]:
    names = [] if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in _KEPT:
            raise typer.BadParameter(
                f"must be of {', '.join(_KEPT)} with commas between, got {name!r}",
                param_hint="--keep",
            )
    return names
