"""The step that compares models with dissimilarities around every voxel."""

from __future__ import annotations

import numpy as np

from boldstream.geometry import rdm_searchlight
from boldstream.io.betas_source import open_volumes
from boldstream.io.selecting import select_volumes
from boldstream.io.writing import write_json, write_volume
from boldstream.study.settings.analyses import alphanumeric
from boldstream.study.steps.context import Context
from boldstream.study.steps.geometry import models_of, temporal_of
from boldstream.study.steps.trials import labelled, open_trials, require_some

MASK = "mask.nii.gz"


def model_file(model: str) -> str:
    """Ending of the map of a model.

    Examples
    --------
    >>> model_file("alive_or_not")
    'model-aliveornot_scores.nii.gz'
    """
    return f"model-{alphanumeric(model)}_scores.nii.gz"


def search_models(context: Context) -> None:
    """Write the similarity of each model to the dissimilarities around every voxel.

    Raises
    ------
    ParameterError
        If there are fewer than three conditions, or models have others.
    """
    (target,) = context.parameters["targets"].values()
    settings, process = context.settings, context.parameters["process_mask"]
    betas, trials = open_trials(context)
    some = require_some(labelled(trials, target), target)
    found = rdm_searchlight(
        select_volumes(open_volumes(betas), some.kept),
        None,
        some.y,
        models=models_of(context, some),
        radius=settings["radius"],
        folds=some.runs if settings["metric"] == "crossnobis" else None,
        metric=settings["metric"],
        noise=settings["noise"],
        method=settings["method"],
        nuisance=temporal_of(trials, some) if settings["temporal"] else None,
        process_mask=None if process is None else str(context.path(process)),
        nan_policy="exclude",
        memory_limit=context.memory_limit,
    )
    has_score = np.logical_and.reduce([np.isfinite(scores) for scores in found.scores.values()])
    inside = np.zeros(found.grid.shape, np.bool_)
    inside[found.centres] = has_score
    for name, scores in found.scores.items():
        volume = np.zeros(found.grid.shape, np.float32)
        volume[inside] = scores[has_score]
        write_volume(context.file(model_file(name)), volume, found.grid)
    write_volume(context.file(MASK), inside.astype(np.float32), found.grid)
    facts = {"NumberOfSpheres": int(has_score.sum()), "NumberOfTrials": len(some.kept)}
    write_json(context.file("searchlight.json"), facts)
