"""The step that describes how patterns of conditions differ in each region."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from boldstream.geometry import (
    RDM,
    compare,
    participation_ratio,
    rdm,
    read_model,
    temporal_distance,
)
from boldstream.study.steps.context import Context
from boldstream.study.steps.regions import columns_of
from boldstream.study.steps.tables import write_frame
from boldstream.study.steps.trials import Labelled, labelled, open_trials, require_some

TABLE, DISSIMILARITIES = "geometry.tsv", "rdm.tsv"
DIMENSIONS = "dimensions.tsv"


def describe_geometry(context: Context) -> None:
    """Write dissimilarities of each region, their similarity to models, and dimensions."""
    (target,) = context.parameters["targets"].values()
    betas, trials = open_trials(context)
    some = require_some(labelled(trials, target), target)
    rdms: dict[str, RDM] = {}
    dimensions: dict[str, float] = {}
    for roi, voxels in columns_of(context, betas).items():
        patterns = np.asarray(betas.values[:, voxels], np.float32)[some.kept]
        metric = context.settings["metric"]
        # Folds make dissimilarities unbiased; the other metrics are of means over all trials.
        folds = some.runs if metric == "crossnobis" else None
        rdms[roi] = rdm(
            patterns, some.y, metric=metric, folds=folds, noise=context.settings["noise"]
        )
        dimensions[roi] = participation_ratio(patterns)
    subject = context.unit.subject
    write_frame(context.file(DISSIMILARITIES), _long(subject, rdms))
    table = pd.DataFrame({"roi": dimensions.keys(), "participation_ratio": dimensions.values()})
    write_frame(context.file(DIMENSIONS), table.assign(subject=subject))
    models = {name: read_model(context.path(text)) for name, text in _models(context).items()}
    if models:
        found = compare(
            rdms,
            models,
            method=context.settings["method"],
            nuisance=_temporal(trials, some) if context.settings["temporal"] else None,
            permutations=context.settings["permutations"],
            random_state=context.parameters["random_state"],
        )
        write_frame(context.file(TABLE), found.rename(columns=_NAMES).assign(subject=subject))


_NAMES = {"rdm": "roi", "correlation": "score"}


def _temporal(trials: pd.DataFrame, some: Labelled) -> RDM:
    onsets = trials["onset"].to_numpy()[some.kept]
    return temporal_distance(onsets, some.runs, some.y)


def _models(context: Context) -> dict[str, Any]:
    models: dict[str, Any] = context.parameters["models"]
    return models


def _long(subject: str, rdms: dict[str, RDM]) -> pd.DataFrame:
    """A row for each region and pair of conditions."""
    rows = []
    for roi, one in rdms.items():
        first, second = np.triu_indices(len(one.conditions), 1)
        for a, b, value in zip(first, second, one.values.tolist(), strict=True):
            rows.append((subject, roi, one.conditions[a], one.conditions[b], value))
    names = ["subject", "roi", "condition", "other_condition", "dissimilarity"]
    return pd.DataFrame(rows, columns=names)
