"""Steps that decode: regions, and the neighbourhood of every voxel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from boldstream.decoding import SearchLight, Selected, decode
from boldstream.decoding.inference.p_values import less_chance
from boldstream.decoding.roi.results import Decoding
from boldstream.io.writing import write_json, write_volume
from boldstream.study.steps.context import Context
from boldstream.study.steps.regions import CANNOT, columns_of, require_voxels
from boldstream.study.steps.tables import DECODING_TABLE, write_frame
from boldstream.study.steps.trials import (
    Labelled,
    labelled,
    open_trials,
    require_some,
    values_of,
)

SCORES, ABOVE_CHANCE, MASK = "scores.nii.gz", "scoresAboveChance.nii.gz", "mask.nii.gz"

Rows = list[dict[str, Any]]
_NOTHING = {"score": np.nan, "p": np.nan, "chance": np.nan, "n_samples": 0}


def decode_regions(context: Context) -> None:
    """Write scores of every region and target, their folds, predictions and confusions.

    A target that the subject has no values of, or that cannot be decoded, and a region
    without voxels have rows without a score, and a note.

    Raises
    ------
    BoldstreamError
        If nothing at all can be decoded: the first reason.
    """
    betas, trials = open_trials(context)
    columns, values = columns_of(context, betas), values_of(context, betas)
    done = _Done()
    for target, settings in context.parameters["targets"].items():
        try:
            some = labelled(trials, settings)
        except CANNOT as error:
            done.failed(columns, target, error)
            continue
        if not some.kept.size:
            done.without += [_row(roi, target, "no trial has a value") for roi in columns]
            continue
        for roi, voxels in columns.items():
            try:
                # One region at a time: memory is that of the largest.
                patterns = np.asarray(values[:, require_voxels(roi, voxels)], np.float32)
                decoding = _decode(context, {roi: patterns[some.kept]}, target, settings, some)
            except CANNOT as error:
                done.failed([roi], target, error)
            else:
                done.found.append(decoding)
    if done.errors and not done.found:
        raise done.errors[0]
    _write(context, done)


@dataclass
class _Done:
    """What was decoded, and what was not."""

    found: list[Decoding] = field(default_factory=list)
    without: Rows = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    def failed(self, rois: Iterable[str], target: str, error: Exception) -> None:
        self.errors.append(error)
        self.without += [_row(roi, target, str(error)) for roi in rois]


def _row(roi: str, target: str, note: str) -> dict[str, Any]:
    return {"roi": roi, "target": target, **_NOTHING, "note": note}


def _decode(
    context: Context, patterns: Any, target: str, target_settings: Any, some: Labelled
) -> Decoding:
    settings = context.settings
    usual = "ridge" if target_settings["values"] else settings["estimator"]
    return decode(
        patterns,
        {target: some.y},
        some.runs,
        estimator=settings["estimators"].get(target, usual),
        cv=settings["cv"],
        scoring=None if target_settings["values"] else settings["scoring"],
        permutations=settings["permutations"],
        permutation_blocks=_blocks(settings, some),
        scale=settings["scale"],
        allow_leakage=settings["allow_leakage"],
        select=_count_or_share(settings["select"]),
        param_grid=settings["param_grid"],
        memory_limit=context.memory_limit,
        random_state=context.parameters["random_state"],
    )


def _count_or_share(select: float | None) -> float | int | None:
    """A JSON file does not tell 1 from 1.0: from 1 on they are numbers of voxels."""
    return select if select is None or select < 1 else int(select)


def _blocks(settings: Any, some: Labelled) -> Any:
    """What was labelled as one."""
    blocks = settings["permutation_blocks"]
    return np.arange(len(some.kept)) if blocks == "trials" else blocks


def _write(context: Context, done: _Done) -> None:
    subject, found = context.unit.subject, done.found
    tables = [one.table.assign(note=None) for one in found]
    rows = [row for table in tables for row in table.to_dict("records")]
    for suffix, parts in {
        DECODING_TABLE: [pd.DataFrame([*rows, *done.without])],
        "folds.tsv": [one.folds for one in found],
        "predictions.tsv": [one.predictions for one in found],
        "confusion.tsv": [_confusion(one) for one in found],
        "permuted.tsv": [_permuted(one) for one in found],
    }.items():
        parts = [part for part in parts if len(part)]
        if parts:
            table = pd.concat(parts, ignore_index=True)
            table.insert(0, "subject", subject)
            write_frame(context.file(suffix), table)


def _confusion(found: Decoding) -> pd.DataFrame:
    rows = [
        {"roi": roi, "target": target, "truth": truth, "predicted": predicted, "n": n}
        for (roi, target), counts in found.confusion.items()
        for truth, row in counts.iterrows()
        for predicted, n in row.items()
    ]
    return pd.DataFrame(rows)


def _permuted(found: Decoding) -> pd.DataFrame:
    rows = [
        {"roi": roi, "target": target, "permutation": i, "score": score}
        for (roi, target), scores in found.permuted.items()
        for i, score in enumerate(scores.tolist(), 1)
    ]
    return pd.DataFrame(rows)


def search(context: Context) -> None:
    """Write the scores of every sphere, and p where labels are permuted."""
    settings, given = context.settings, context.parameters
    (target,) = given["targets"].values()
    betas, trials = open_trials(context)
    some = require_some(labelled(trials, target), target)
    process = given["process_mask"]
    light = SearchLight(
        None,
        None if process is None else str(context.path(process)),
        radius=settings["radius"],
        estimator=settings["estimator"],
        cv=settings["cv"],
        scoring=settings["scoring"],
        permutations=settings["permutations"],
        permutation_blocks=_blocks(settings, some),
        tfce=settings["tfce"],
        random_state=given["random_state"],
        nan_policy="exclude",
        memory_limit=context.memory_limit,
    )
    light.fit(Selected(betas, some.kept), some.y, some.runs)
    grid, inside = betas.grid, light.process_mask_
    write_volume(context.file(SCORES), light.scores_, grid)
    write_volume(context.file(MASK), inside.astype(np.float32), grid)
    chance = light.chance_
    if chance is not None:
        above = np.where(inside, less_chance(light.scores_, chance), 0)
        write_volume(context.file(ABOVE_CHANCE), above, grid)
    for name, values in _maps(light).items():
        volume = np.full(grid.shape, 1.0 if name.startswith("p") else 0.0, np.float32)
        volume[inside] = values
        write_volume(context.file(f"{name}.nii.gz"), volume, grid)
    write_json(
        context.file("searchlight.json"),
        {
            "Chance": chance,
            "Engine": light.engine_,
            "NumberOfSpheres": light.n_elements_,
            "NumberOfTrials": len(some.kept),
        },
    )


def _maps(light: Any) -> dict[str, Any]:
    """Maps of inference that there are."""
    if not light.permutations:
        return {}
    found = light.inference_
    names = {
        "pUncorrected": "p_uncorrected",
        "pFwe": "p_fwe",
        "pFdr": "p_fdr",
        "tfce": "tfce",
        "pTfceFwe": "p_tfce_fwe",
    }
    maps = {name: getattr(found, attribute) for name, attribute in names.items()}
    return {name: values for name, values in maps.items() if values is not None}
