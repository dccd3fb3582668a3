"""The step that tests the results of all subjects together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boldstream.core.errors import ParameterError
from boldstream.decoding.group import group_maps, group_scores
from boldstream.geometry import RDM, noise_ceiling
from boldstream.io.masks import Mask, load_mask
from boldstream.study.settings.analyses import alphanumeric
from boldstream.study.steps import contrasts, decoding, geometry, rdm_searchlight
from boldstream.study.steps.context import Context
from boldstream.study.steps.tables import DECODING_TABLE, read_frame, write_frame

TABLE, CEILING = "group.tsv", "ceiling.tsv"


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
        _searchlights(context)
    elif kind == "contrasts":
        _each_map(context, "contrast", "contrasts", contrasts.MASK, _effect_file)
    elif kind == "rdm_searchlight":
        _each_map(context, "model", "models", rdm_searchlight.MASK, rdm_searchlight.model_file)
    elif kind == "decoding":
        _scores(context, DECODING_TABLE, ("roi", "target"))
    elif kind == "geometry":
        _scores(context, geometry.TABLE, ("roi", "model"), chance=0.0)
        write_frame(context.file(CEILING), _ceilings(context))
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


def _ceilings(context: Context) -> pd.DataFrame:
    """How well any model could do in each region: the noise ceiling over subjects' RDMs."""
    of_subject: dict[str, list[str]] = {}
    for need in context.unit.needs:
        files = _files(context, need, geometry.DISSIMILARITIES)
        of_subject.setdefault(need.split("/")[0], []).extend(files)
    of_region: dict[str, dict[str, RDM]] = {}
    for subject, files in of_subject.items():
        table = pd.concat([read_frame(path) for path in files], ignore_index=True)
        for roi, one in geometry.rdms_of(table).items():
            of_region.setdefault(roi, {})[subject] = one
    rows = []
    for roi, rdms in of_region.items():
        row: dict[str, Any] = {"roi": roi, "n_subjects": len(rdms), "lower": None, "upper": None}
        try:
            lower, upper = noise_ceiling(rdms, method=context.parameters["method"])
        except ParameterError as error:
            # As of subjects with other conditions; models are tested nevertheless.
            rows.append({**row, "note": str(error)})
        else:
            rows.append({**row, "lower": lower, "upper": upper, "note": None})
    return pd.DataFrame(rows)


def _searchlights(context: Context) -> None:
    chance = context.settings["chance"]
    kind = decoding.ABOVE_CHANCE if chance is None else decoding.SCORES
    maps = [
        _one(context, need, kind, hint=": the chance of its scores is not known")
        for need in context.unit.needs
    ]
    _test_maps(context, maps, _common(context, decoding.MASK), context.folder, chance or 0.0)


def _each_map(
    context: Context, entity: str, key: str, mask_file: str, file_of: Callable[[str], str]
) -> None:
    """Test the maps of each contrast or model against 0, in a folder for each."""
    mask = _common(context, mask_file)
    for name in context.parameters[key]:
        maps = [_one(context, need, file_of(name)) for need in context.unit.needs]
        _test_maps(context, maps, mask, context.folder / f"{entity}-{alphanumeric(name)}", 0.0)


def _effect_file(contrast: str) -> str:
    return contrasts.map_file(contrast, "effect")


def _test_maps(context: Context, maps: list[str], mask: Mask, output: Path, chance: float) -> None:
    settings = context.settings
    group_maps(
        maps,
        mask,
        chance=chance,
        permutations=settings["permutations"],
        tfce=settings["tfce"],
        output=output,
        memory_limit=context.memory_limit,
        random_state=context.parameters["random_state"],
    )


def _files(context: Context, need: str, suffix: str) -> list[str]:
    return [str(path) for path in sorted(context.results.folder(need).glob(f"*_{suffix}"))]


def _one(context: Context, need: str, suffix: str, hint: str = "") -> str:
    files = _files(context, need, suffix)
    if not files:
        raise ParameterError(f"{need} has no {suffix}{hint}")
    return files[0]


def _common(context: Context, suffix: str) -> Mask:
    """Voxels that the masks of all subjects have."""
    masks = [_one(context, need, suffix) for need in context.unit.needs]
    first = load_mask(masks[0])
    inside = first.array.copy()
    for path in masks[1:]:
        inside &= load_mask(path, first.grid, name=path).array
    if not np.any(inside):
        raise ParameterError("subjects must have voxels in common, got none")
    return Mask("mask", first.grid, inside)
