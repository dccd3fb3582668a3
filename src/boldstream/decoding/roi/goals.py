"""Goals: what is predicted, by what, of which samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.decoding.task.conditions import kept_by_condition
from boldstream.decoding.task.labels import vector_of


@dataclass(frozen=True, eq=False)
class Goal:
    """One target.

    Attributes
    ----------
    name : str
    kept : ndarray of int
        Positions of the samples that are taken.
    labels : ndarray, shape (kept,)
    groups : ndarray, shape (kept,), or None
    estimator, scoring, param_grid
        Those of this target.
    """

    name: str
    kept: NDArray[np.intp]
    labels: NDArray[Any]
    groups: NDArray[Any] | None
    estimator: Any
    scoring: Any
    param_grid: Any


def read_goals(
    y: Any,
    groups: Any,
    n_samples: int,
    *,
    conditions: Any,
    estimator: Any,
    scoring: Any,
    param_grid: Any,
) -> list[Goal]:
    """One goal for each target; parameters and errors are those of `decode`."""
    given = _targets(y)
    runs = None if groups is None else vector_of("groups", groups, n_samples)
    if conditions is not None and not isinstance(conditions, Mapping):
        if len(given) > 1:
            raise ParameterError(
                "`conditions` must map targets to lists of labels where there are several "
                f"targets, got {conditions!r}"
            )
        conditions = dict.fromkeys(given, conditions)
    by_target = dict(conditions or {})
    _check_names("conditions", by_target, given)
    estimators = _each("estimator", estimator, given)
    scorings = _each("scoring", scoring, given)
    grids = _each("param_grid", param_grid, given, nested=True)
    goals = []
    for name, target in given.items():
        labels = vector_of(_called(name, given), target, n_samples)
        kept = kept_by_condition(labels, by_target.get(name))
        goals.append(
            Goal(
                name,
                kept,
                labels[kept],
                None if runs is None else runs[kept],
                estimators[name],
                scorings[name],
                grids[name],
            )
        )
    return goals


def _targets(y: Any) -> dict[str, Any]:
    if isinstance(y, Mapping) or hasattr(y, "columns"):
        found = {str(name): y[name] for name in getattr(y, "columns", y)}
        if not found:
            raise ParameterError("`y` must hold at least one target, got none")
        return found
    name = getattr(y, "name", None)
    return {name if isinstance(name, str) else "y": y}


def _called(name: str, given: Mapping[str, Any]) -> str:
    return "y" if len(given) == 1 else f"y[{name!r}]"


def _each(
    parameter: str, value: Any, given: Mapping[str, Any], *, nested: bool = False
) -> dict[str, Any]:
    """The value for each target, from one for all or a mapping of targets to values.

    Where values are mappings themselves (`nested`), those of targets are told
    by their names.
    """
    if not isinstance(value, Mapping) or (nested and not set(value) & set(given)):
        return dict.fromkeys(given, value)
    _check_names(parameter, value, given)
    missing = [name for name in given if name not in value]
    if missing and not nested:
        raise ParameterError(
            f"`{parameter}` must have an entry for each target, got none for {missing[0]!r}"
        )
    return {name: value.get(name) for name in given}


def _check_names(parameter: str, value: Mapping[Any, Any], given: Mapping[str, Any]) -> None:
    for name in value:
        if name not in given:
            listed = ", ".join(map(repr, given))
            raise ParameterError(
                f"`{parameter}` must map targets ({listed}), got {name!r}"
                f"{did_you_mean(name, given)}"
            )
