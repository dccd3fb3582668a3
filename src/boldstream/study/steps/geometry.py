"""The step that describes how patterns of conditions differ in each region."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.geometry import (
    RDM,
    embed,
    geometry_of_rois,
    participation_ratio,
    principal_components,
    read_model,
    temporal_distance,
)
from boldstream.study.settings.analyses import LEAST_CONDITIONS
from boldstream.study.steps.context import Context
from boldstream.study.steps.regions import CANNOT, columns_of, require_voxels
from boldstream.study.steps.tables import write_frame
from boldstream.study.steps.trials import (
    Labelled,
    labelled,
    open_trials,
    require_some,
    values_of,
)

Floats = NDArray[np.float64]

TABLE, DISSIMILARITIES = "geometry.tsv", "rdm.tsv"
DIMENSIONS, EMBEDDING = "dimensions.tsv", "embedding.tsv"

_N_DIMENSIONS = 2
_NAMES = {"rdm": "roi", "correlation": "score"}


def describe_geometry(context: Context) -> None:
    """Write dissimilarities of each region, their similarity to models, and dimensions.

    A region that cannot be described, as one without voxels, has rows with a note.

    Raises
    ------
    ParameterError
        If there are models and fewer than three conditions.
    BoldstreamError
        If no region can be described: the first reason.
    """
    (target,) = context.parameters["targets"].values()
    betas, trials = open_trials(context)
    some = require_some(labelled(trials, target), target)
    models = models_of(context, some)
    nuisance = temporal_of(trials, some) if context.settings["temporal"] and models else None
    done, values = _Done(list(models)), values_of(context, betas)
    for roi, voxels in columns_of(context, betas).items():
        try:
            # One region at a time: memory is that of the largest.
            patterns = np.asarray(values[:, require_voxels(roi, voxels)], np.float32)
            _describe(context, done, roi, patterns[some.kept], some, models, nuisance)
        except CANNOT as error:
            done.failed(roi, error)
    if done.errors and not done.rdms:
        raise done.errors[0]
    _write(context, done)


def models_of(context: Context, some: Labelled) -> dict[str, RDM]:
    """Models of dissimilarities, read.

    Raises
    ------
    ParameterError
        If there are any, and too few conditions to compare them with.
    """
    given = context.parameters["models"]
    there = sorted(set(some.y))
    if given and len(there) < LEAST_CONDITIONS:
        raise ParameterError(
            f"`models` must be left out with fewer than {LEAST_CONDITIONS} conditions, whose one "
            f"dissimilarity cannot be compared with others; got {', '.join(there)}"
        )
    return {name: read_model(context.path(text)) for name, text in given.items()}


def temporal_of(trials: pd.DataFrame, some: Labelled) -> RDM:
    """How far apart in time conditions were."""
    onsets = trials["onset"].to_numpy()[some.kept]
    return temporal_distance(onsets, some.runs, some.y)


@dataclass
class _Done:
    """What was found of regions, and which have nothing."""

    models: list[str]
    rdms: dict[str, RDM] = field(default_factory=dict)
    tables: list[pd.DataFrame] = field(default_factory=list)
    dimensions: list[dict[str, Any]] = field(default_factory=list)
    points: list[pd.DataFrame] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    def failed(self, roi: str, error: Exception) -> None:
        note = str(error)
        self.errors.append(error)
        self.dimensions.append({"roi": roi, "participation_ratio": np.nan, "note": note})
        rows = [
            {"roi": roi, "model": name, "score": np.nan, "p": np.nan, "note": note}
            for name in self.models
        ]
        if rows:
            self.tables.append(pd.DataFrame(rows))


def _describe(
    context: Context,
    done: _Done,
    roi: str,
    patterns: NDArray[np.float32],
    some: Labelled,
    models: dict[str, RDM],
    nuisance: RDM | None,
) -> None:
    settings = context.settings
    found = geometry_of_rois(
        {roi: patterns},
        some.y,
        models=models or None,
        metric=settings["metric"],
        # Folds make dissimilarities unbiased; the other metrics are of means over all trials.
        folds=some.runs if settings["metric"] == "crossnobis" else None,
        noise=settings["noise"],
        method=settings["method"],
        nuisance=nuisance,
        permutations=settings["permutations"],
        random_state=context.parameters["random_state"],
    )
    ratio = participation_ratio(patterns)
    points = _points(settings["embedding"], found.rdms[roi], patterns, some)
    # Now that nothing of the region failed.
    done.rdms[roi] = found.rdms[roi]
    done.dimensions.append({"roi": roi, "participation_ratio": ratio, "note": None})
    if points is not None:
        done.points.append(points.assign(roi=roi))
    if models:
        done.tables.append(found.table.rename(columns=_NAMES).assign(note=None))


def _points(
    kind: str | None, found: RDM, patterns: NDArray[np.float32], some: Labelled
) -> pd.DataFrame | None:
    """Conditions as points: of their dissimilarities, or of their mean patterns."""
    if kind is None:
        return None
    n = min(_N_DIMENSIONS, len(found.conditions) - 1)
    if kind == "mds":
        coordinates, explained = _scaled(found, n)
    else:
        means = np.array([patterns[some.y == name].mean(axis=0) for name in found.conditions])
        components = principal_components(means, n)
        coordinates, explained = components.scores, components.explained_variance_ratio
    table = pd.DataFrame({"condition": found.conditions})
    for i in range(len(explained)):
        table[f"dimension_{i + 1}"] = coordinates[:, i]
        table[f"explained_{i + 1}"] = explained[i]
    return table


def _scaled(found: RDM, n: int) -> tuple[Floats, Floats]:
    """Coordinates in so many dimensions, or in as many as cross-validation left above 0."""
    for fewer in range(n, 0, -1):
        with suppress(ParameterError):
            embedding = embed(found, fewer)
            return embedding.coordinates, embedding.explained
    return np.empty((len(found.conditions), 0)), np.empty(0)


def _write(context: Context, done: _Done) -> None:
    subject = context.unit.subject
    write_frame(context.file(DISSIMILARITIES), _long(subject, done.rdms))
    write_frame(context.file(DIMENSIONS), pd.DataFrame(done.dimensions).assign(subject=subject))
    for suffix, tables in ((TABLE, done.tables), (EMBEDDING, done.points)):
        if tables:
            rows = [row for table in tables for row in table.to_dict("records")]
            write_frame(context.file(suffix), pd.DataFrame(rows).assign(subject=subject))


def _long(subject: str, rdms: dict[str, RDM]) -> pd.DataFrame:
    """A row for each region and pair of conditions."""
    rows = []
    for roi, one in rdms.items():
        first, second = np.triu_indices(len(one.conditions), 1)
        for a, b, value in zip(first, second, one.values.tolist(), strict=True):
            rows.append((subject, roi, one.conditions[a], one.conditions[b], value))
    names = ["subject", "roi", "condition", "other_condition", "dissimilarity"]
    return pd.DataFrame(rows, columns=names)


def rdms_of(table: pd.DataFrame) -> dict[str, RDM]:
    """RDMs of the regions of one subject, from the table that was written of them."""
    found: dict[str, RDM] = {}
    for roi, rows in table.groupby("roi", sort=False):
        pairs = rows[["condition", "other_condition"]].astype(str)
        conditions = tuple(dict.fromkeys(pairs.to_numpy().ravel(order="F")))
        values = rows["dissimilarity"].to_numpy(np.float64)
        found[str(roi)] = RDM(values, conditions, "written")
    return found
