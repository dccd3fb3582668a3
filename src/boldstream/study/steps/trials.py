"""Trials of a subject: their betas, the run of each, and what is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.glm.betas import StoredBetas, open_betas
from boldstream.study.planning.unit import BEHAVIOUR, BETAS
from boldstream.study.settings.analyses import OF_BEHAVIOUR
from boldstream.study.steps.context import Context
from boldstream.study.steps.tables import read_frame
from boldstream.study.steps.volumes import BETAS_FOLDER

TRIALS = "trials.tsv"
_OF_A_TRIAL = ["run", "row"]
# Of the memory of a worker, beside its libraries and the voxels of a region.
_MOST_SHARE = 4
# Values of a column that an error lists.
_LISTED = 10


@dataclass(frozen=True, eq=False)
class Labelled:
    """Trials that have a label or value.

    Attributes
    ----------
    kept : ndarray of int, shape (n,)
        Which of all trials.
    y : ndarray, shape (n,)
        Labels (text) or values (float64).
    runs : ndarray, shape (n,)
    """

    kept: NDArray[np.intp]
    y: NDArray[Any]
    runs: NDArray[Any]


def open_trials(context: Context) -> tuple[StoredBetas, pd.DataFrame]:
    """Betas of the subject, mapped, and the table of its trials with what behaviour adds."""
    betas = open_betas(context.needed(BETAS) / BETAS_FOLDER)
    trials = betas.trials
    if f"sub-{context.unit.subject}/{BEHAVIOUR}" in context.unit.needs:
        added = read_frame(context.needed(BEHAVIOUR) / TRIALS)
        added = added[[*_OF_A_TRIAL, *(name for name in OF_BEHAVIOUR if name in added)]]
        trials = trials.merge(added, on=_OF_A_TRIAL, how="left", validate="one_to_one")
    return betas, trials


def values_of(context: Context, betas: StoredBetas) -> NDArray[Any]:
    """Betas (trials, voxels) to take regions of: small ones are read in one go, others mapped."""
    is_small = betas.values.nbytes <= _held_bytes(context)
    return np.array(betas.values) if is_small else betas.values


def _held_bytes(context: Context) -> float:
    """Betas that may be held: small ones, and never most of what the worker may hold."""
    limit = inf if context.memory_limit is None else context.memory_limit / _MOST_SHARE
    return limit if context.mapped_above < 0 else min(context.mapped_above, limit)


def labelled(trials: pd.DataFrame, target: dict[str, Any]) -> Labelled:
    """Trials that have a value in the column of a target.

    Raises
    ------
    ParameterError
        If there is no such column, or none of the target's conditions in it.
    """
    column, conditions = target["column"], target["conditions"]
    if column not in trials:
        listed, hint = ", ".join(trials.columns), did_you_mean(column, trials.columns)
        raise ParameterError(f"`column` must be one of {listed}, got {column!r}{hint}")
    given = trials[column]
    if target["values"]:
        y = pd.to_numeric(given, errors="coerce").to_numpy(np.float64)
        has = np.isfinite(y)
    else:
        y = _as_labels(given)
        has = given.notna().to_numpy()
        if conditions:
            _require_one(conditions, y[has], column)
            has = has & np.isin(y, conditions)
    kept = np.flatnonzero(has)
    return Labelled(kept, y[kept], trials["run"].to_numpy()[kept])


def _as_labels(given: pd.Series[Any]) -> NDArray[Any]:
    """Cells as text; whole numbers as they were written, also where others are missing."""
    if not pd.api.types.is_float_dtype(given):
        return np.asarray(given.astype(str))
    return np.array([str(int(x)) if x.is_integer() else str(x) for x in given.tolist()])


def _require_one(conditions: list[str], there: NDArray[Any], column: str) -> None:
    found = np.unique(there).tolist()
    if found and not set(conditions) & set(found):
        asked, hint = ", ".join(conditions), did_you_mean(conditions[0], found)
        listed = ", ".join(found[:_LISTED])
        raise ParameterError(
            f"`conditions` must be in the column {column!r}, got {asked}; there is {listed}{hint}"
        )


def require_some(some: Labelled, target: dict[str, Any]) -> Labelled:
    """The same trials; an error if there are none."""
    if not some.kept.size:
        raise ParameterError(f"no trial has a usable value in the column {target['column']!r}")
    return some
