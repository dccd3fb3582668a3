"""The step that tests the results of all subjects together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from boldstream.core.errors import ParameterError
from boldstream.decoding.group import group_maps, group_scores
from boldstream.io.masks import Mask, load_mask
from boldstream.study.steps import decoding, geometry
from boldstream.study.steps.context import Context
from boldstream.study.steps.tables import DECODING_TABLE, read_frame, write_frame

TABLE = "group.tsv"


def infer_group(context: Context) -> None:
    """Write tests of a table of scores or of maps, as the analysis has them.

    Raises
    ------
    ParameterError
        If there are fewer than two subjects, or the analysis has no scores.
    """
    subjects = {need.split("/")[0] for need in context.unit.needs}
    if len(subjects) < 2:
        raise ParameterError(f"a group must have at least 2 subjects, got {len(subjects)}")
    kind = context.parameters["kind"]
    if kind == "searchlight":
        _maps(context)
    elif kind == "decoding":
        _scores(context, DECODING_TABLE, ("roi", "target"))
    elif kind == "geometry":
        _scores(context, geometry.TABLE, ("roi", "model"), chance=0.0)
    else:
        raise ParameterError(f"a group must be of scores or maps, got an analysis of {kind}")


def _scores(
    context: Context, suffix: str, by: tuple[str, ...], chance: float | None = None
) -> None:
    files = [path for need in context.unit.needs for path in _files(context, need, suffix)]
    if not files:
        raise ParameterError(f"the analysis has no table {suffix} to test: it has no models")
    table = pd.concat([read_frame(path) for path in files], ignore_index=True)
    settings = context.settings
    found = group_scores(
        table,
        chance=settings["chance"] if settings["chance"] is not None else chance,
        by=by,
        permutations=settings["permutations"],
        random_state=context.parameters["random_state"],
    )
    write_frame(context.file(TABLE), found)


def _maps(context: Context) -> None:
    settings = context.settings
    kind = decoding.ABOVE_CHANCE if settings["chance"] is None else decoding.SCORES
    maps = [_one(context, need, kind) for need in context.unit.needs]
    masks = [_one(context, need, decoding.MASK) for need in context.unit.needs]
    group_maps(
        maps,
        _common(masks),
        chance=settings["chance"] or 0.0,
        permutations=settings["permutations"],
        tfce=settings["tfce"],
        output=context.folder,
        memory_limit=context.memory_limit,
        random_state=context.parameters["random_state"],
    )


def _files(context: Context, need: str, suffix: str) -> list[str]:
    return [str(path) for path in sorted(context.results.folder(need).glob(f"*_{suffix}"))]


def _one(context: Context, need: str, suffix: str) -> str:
    files = _files(context, need, suffix)
    if not files:
        raise ParameterError(f"{need} has no {suffix}: the chance of its scores is not known")
    return files[0]


def _common(masks: list[str]) -> Mask:
    """Voxels that all subjects have."""
    first = load_mask(masks[0])
    inside = first.array.copy()
    for path in masks[1:]:
        inside &= load_mask(path, first.grid, name=path).array
    if not np.any(inside):
        raise ParameterError("subjects must have voxels in common, got none")
    return Mask("mask", first.grid, inside)
