"""``boldstream decode``: targets decoded from regions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal

import typer

from boldstream.cli.cleaning import warnings_in_a_line
from boldstream.cli.console import say, say_cost
from boldstream.cli.decoding.options import (
    MODEL,
    Blocks,
    Conditions,
    CrossValidation,
    Data,
    EstimatorArguments,
    Groups,
    Jobs,
    LabelFile,
    Permutations,
    RandomState,
    check_names,
    parse_arguments,
    split_name,
    value_of,
)
from boldstream.cli.names import name_masks
from boldstream.cli.options import (
    AtlasNames,
    Folder,
    MemoryLimit,
    Overwrite,
    Progress,
    show_progress,
)

Targets = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="COLUMN,...",
        help="Columns of what is predicted, each by itself.",
        show_default=False,
    ),
]
Rois = Annotated[
    list[str] | None,
    typer.Option(
        "--roi",
        metavar="[NAME=]FILE",
        help="Mask of a region; may be repeated.",
        show_default=False,
    ),
]
Atlas = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Labels of regions, each decoded by itself.")
]
Resample = Annotated[
    Literal["mask"] | None,
    typer.Option(help="Resample masks and labels on another grid to the data."),
]
Estimators = Annotated[
    list[str] | None,
    typer.Option(
        "--estimator",
        metavar="[TARGET=]NAME",
        help="As nilearn means it: svc (the default), ridge_classifier, logistic, ridge, svr, "
        "...; or lda, gnb, nearest_centroid, correlation. May be repeated for targets.",
        rich_help_panel=MODEL,
    ),
]
Scorings = Annotated[
    list[str] | None,
    typer.Option(
        "--scoring",
        metavar="[TARGET=]NAME",
        help="accuracy (of classes by default), balanced_accuracy, roc_auc, r2 (of values), or "
        "any other scorer of scikit-learn. May be repeated for targets.",
        rich_help_panel=MODEL,
    ),
]
Scale = Annotated[
    bool,
    typer.Option("--scale", help="Standardise voxels inside each fold.", rich_help_panel=MODEL),
]
Select = Annotated[
    str | None,
    typer.Option(
        metavar="K",
        help="Take the K voxels, or the share K as 0.1, with the highest F inside each fold.",
        rich_help_panel=MODEL,
    ),
]
Grid = Annotated[
    list[str] | None,
    typer.Option(
        "--param-grid",
        metavar="NAME=A,B,C",
        help="Choose a parameter inside each fold, as C=0.1,1,10; may be repeated.",
        rich_help_panel=MODEL,
    ),
]
Leakage = Annotated[
    bool,
    typer.Option(
        "--allow-leakage",
        help="Take folds that train on groups that they test.",
        rich_help_panel=MODEL,
    ),
]


def decode(
    data: Data,
    *,
    target: Targets,
    output: Folder,
    roi: Rois = None,
    atlas: Atlas = None,
    atlas_names: AtlasNames = None,
    resample: Resample = None,
    labels: LabelFile = None,
    groups: Groups = None,
    conditions: Conditions = None,
    estimator: Estimators = None,
    estimator_arg: EstimatorArguments = None,
    scoring: Scorings = None,
    cv: CrossValidation = None,
    scale: Scale = False,
    select: Select = None,
    param_grid: Grid = None,
    allow_leakage: Leakage = False,
    permutations: Permutations = 0,
    permutation_blocks: Blocks = None,
    random_state: RandomState = 0,
    n_jobs: Jobs = 1,
    memory_limit: MemoryLimit = None,
    progress: Progress = True,
    overwrite: Overwrite = False,
) -> None:
    """Decode targets from regions, all from one pass over the images.

    Writes DIR/decoding.tsv, a row for each region and target;
    decoding_folds.tsv, confusion.tsv and predictions.tsv, with the same for
    each fold, class and volume; decoding.png; and decoding.json, which says
    what was done.

    Example: boldstream decode bold.nii.gz --labels labels.tsv --target object --roi VT.nii -o out
    """
    started = perf_counter()
    if not roi and atlas is None:
        raise typer.BadParameter("give one or more", param_hint="--roi and --atlas")
    if atlas is None and atlas_names is not None:
        raise typer.BadParameter("goes with --atlas only", param_hint="--atlas-names")
    if permutation_blocks is not None and not permutations:
        raise typer.BadParameter("goes with --permutations only", param_hint="--permutation-blocks")
    targets = _names_in(target)
    options: dict[str, Any] = {
        "estimator": _by_target(estimator or [], targets, "--estimator", usual="svc"),
        "scoring": _by_target(scoring or [], targets, "--scoring", usual=None),
        "cv": cv,
        "permutations": permutations,
        "scale": scale,
        "select": None if select is None else _selection(select),
        "param_grid": _parse_grid(param_grid or []),
        "allow_leakage": allow_leakage,
        "random_state": random_state,
    }
    arguments = parse_arguments(estimator_arg or [], "--estimator-arg")
    masks = name_masks(roi or [], "--roi")
    check_names(options["estimator"].values(), options["scoring"].values(), cv, arguments)
    from boldstream.cli.decoding.decode_job import DecodeJob

    job = DecodeJob(
        data=data,
        labels=labels,
        targets=targets,
        groups=groups,
        conditions=conditions or [],
        blocks=permutation_blocks,
        rois=masks,
        atlas=atlas,
        atlas_names=atlas_names,
        resample=resample,
        options=options,
        estimator_args=arguments,
        n_jobs=n_jobs,
        memory_limit=memory_limit,
        progress=show_progress(progress),
    )
    with warnings_in_a_line():
        written = job.run(output, overwrite=overwrite)
    for file, shown in written.items():
        say(file, shown)
    say_cost(started)


def _names_in(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names) or len(set(names)) < len(names):
        raise typer.BadParameter(
            f"must be columns with commas between, each once, got {text!r}", param_hint="--target"
        )
    return names


def _by_target(
    texts: Sequence[str], targets: Sequence[str], hint: str, *, usual: str | None
) -> dict[str, str | None]:
    """The name for each target, from names for one (TARGET=NAME) or for all others (NAME)."""
    found: dict[str, str | None] = {}
    for text in texts:
        target, equals, name = text.rpartition("=")
        key = target.strip() if equals else ""
        if key and key not in targets:
            listed = ", ".join(targets)
            raise typer.BadParameter(f"{key!r} is none of the targets {listed}", param_hint=hint)
        if key in found:
            raise typer.BadParameter(f"give it once for {key or 'all targets'}", param_hint=hint)
        found[key] = name.strip()
    return {target: found.get(target, found.get("", usual)) for target in targets}


def _selection(text: str) -> int | float:
    value = value_of(text)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, float) and 0 < value <= 1:
        return value
    raise typer.BadParameter(
        f"must be a number of voxels, or a share above 0 and up to 1.0, got {text!r}",
        param_hint="--select",
    )


def _parse_grid(texts: Sequence[str]) -> dict[str, list[object]] | None:
    found: dict[str, list[object]] = {}
    for text in texts:
        name, values = split_name(text, "--param-grid")
        if name in found:
            raise typer.BadParameter(f"give {name} once", param_hint="--param-grid")
        found[name] = [value_of(value.strip()) for value in values.split(",")]
    return found or None
