"""Arguments and options that `boldstream searchlight` and `boldstream decode` share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from boldstream.cli.options import checked_jobs, refused_as_usage

MODEL = "Model"
PERMUTATIONS = "Permutations"


def _labels_named(texts: list[str] | None) -> list[str] | None:
    for text in texts or ():
        column, equals, labels = text.rpartition("=")
        if (equals and not column.strip()) or not all(map(str.strip, labels.split(","))):
            raise typer.BadParameter(f"must be [COLUMN=]A,B, got {text!r}")
    return texts


Data = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA...",
        help="4-D images, the runs in order; or a folder that boldstream betas --store wrote.",
        show_default=False,
    ),
]
LabelFile = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="TSV",
        help="A row for each volume, columns named in the first line, with tabs, commas or "
        "spaces between. Of a folder of betas by default its trials.tsv.",
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(
        "--groups",
        metavar="COLUMN",
        help="Column with the run of each volume, for --cv and permutations.",
    ),
]
Conditions = Annotated[
    list[str] | None,
    typer.Option(
        "--conditions",
        metavar="[COLUMN=]A,B",
        callback=_labels_named,
        help="Take only volumes with these labels in a column, by default that of --target. May "
        "be repeated for other columns.",
    ),
]
Mask = Annotated[
    Path | None,
    typer.Option(
        "--mask",
        metavar="FILE",
        help="Voxels to take; by default all, or those of the folder of betas.",
    ),
]
CrossValidation = Annotated[
    str | None,
    typer.Option(
        "--cv",
        metavar="NAME",
        help="kfold:4, stratified:5, groupkfold:3, logo (leave one group out), logo:2 or loo. By "
        "default logo with --groups, else 5 folds, stratified for classes.",
        rich_help_panel=MODEL,
    ),
]
EstimatorArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--estimator-arg",
        metavar="NAME=VALUE",
        help="Parameter of the estimator, as C=0.1 or shrinkage=auto; may be repeated.",
        rich_help_panel=MODEL,
    ),
]
Permutations = Annotated[
    int,
    typer.Option(
        "--permutations",
        metavar="N",
        min=0,
        help="How often labels are permuted, within --groups.",
        rich_help_panel=PERMUTATIONS,
    ),
]
Blocks = Annotated[
    str | None,
    typer.Option(
        "--permutation-blocks",
        metavar="COLUMN|auto",
        help="Column with the block or trial of each volume, where these were labelled as a "
        "whole; auto: stretches of equal labels.",
        rich_help_panel=PERMUTATIONS,
    ),
]
RandomState = Annotated[
    int,
    typer.Option(
        "--random-state",
        metavar="SEED",
        min=0,
        help="Of permutations, and of estimators that draw numbers.",
        rich_help_panel=PERMUTATIONS,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--n-jobs",
        metavar="N",
        callback=checked_jobs,
        help="Threads, or processes where scikit-learn fits; -1: one for each core.",
    ),
]


def check_names(
    estimators: Iterable[str | None],
    scorings: Iterable[str | None],
    cv: str | None,
    arguments: Mapping[str, object],
) -> None:
    """Refuse what names no estimator, no score and no folds, before data are opened."""
    from boldstream.decoding.solving.fallback import find_scorer
    from boldstream.decoding.task.cv import parse_cv
    from boldstream.decoding.task.names import find_estimator

    for name in estimators:
        with refused_as_usage("--estimator"):
            found = find_estimator(name)
        with refused_as_usage("--estimator-arg"):
            find_estimator(name, estimator_args=arguments or None)
    with refused_as_usage("--scoring"):
        for scoring in scorings:
            find_scorer(found, scoring)
    if cv is not None:
        with refused_as_usage("--cv"):
            parse_cv(cv)


def parse_arguments(texts: Sequence[str], hint: str) -> dict[str, object]:
    """Parameters from texts such as ``C=0.1``; what is no number or word of Python is text.

    Examples
    --------
    >>> parse_arguments(["C=0.1", "shrinkage=auto", "class_weight=None"], "--estimator-arg")
    {'C': 0.1, 'shrinkage': 'auto', 'class_weight': None}
    """
    found: dict[str, object] = {}
    for text in texts:
        name, value = split_name(text, hint)
        if name in found:
            raise typer.BadParameter(f"give {name} once", param_hint=hint)
        found[name] = value_of(value)
    return found


def split_name(text: str, hint: str) -> tuple[str, str]:
    """The two sides of ``NAME=VALUE``."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (equals and name.isidentifier() and value):
        raise typer.BadParameter(f"must be NAME=VALUE, got {text!r}", param_hint=hint)
    return name, value


def value_of(text: str) -> object:
    """A number, True, False or None, or the text itself.

    Examples
    --------
    >>> [value_of(text) for text in ("3", "1e-3", "None", "auto")]
    [3, 0.001, None, 'auto']
    """
    words: dict[str, object] = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
