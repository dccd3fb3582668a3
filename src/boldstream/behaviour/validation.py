"""Which subjects' behaviour can be used, and why not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.behaviour.cells import check_table, column_fault, is_missing, numbers
from boldstream.core.checks import integer_in, number_in
from boldstream.core.errors import ParameterError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Range = tuple[float, float]

# Columns after the subject; n_missing is not known where there is no column of choices.
_TYPES = {
    "n_trials": "int64",
    "n_missing": "Int64",
    "share_missing": "float64",
    "accuracy": "float64",
    "median_response_time": "float64",
    "share_too_fast": "float64",
    "share_too_slow": "float64",
    "included": "bool",
    "reason": "str",
}


@dataclass(frozen=True)
class _Columns:
    """Names of columns; those that are None are not looked at."""

    required: Sequence[str]
    choice: str
    response_time: str | None
    accuracy: str | None

    @property
    def all(self) -> list[str]:
        """Each once, in the order in which they are reported."""
        named = (self.choice, self.response_time, self.accuracy, *self.required)
        return list(dict.fromkeys(name for name in named if name is not None))


@dataclass(frozen=True)
class _Limits:
    """What a subject must keep; None is no limit."""

    max_missing: float
    min_trials: int
    min_accuracy: float | None
    response_times: Range | None
    max_outside: float


def validate_behaviour(
    tables: Mapping[str, pd.DataFrame],
    *,
    required: Sequence[str] = (),
    choice: str = "choice",
    response_time: str | None = None,
    accuracy: str | None = None,
    max_missing: float = 0.1,
    min_trials: int = 1,
    min_accuracy: float | None = None,
    response_time_range: Range | None = None,
    max_outside: float = 0.1,
) -> pd.DataFrame:
    """Say for each subject whether the behaviour can be used, and why not.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Trials of each subject, a row for each.
    required : sequence of str
        Columns that must be there, besides those that are named below.
    choice : str
        Column; where it is empty or "n/a" there was no choice. Its labels do not matter.
    response_time : str, optional
        Column in seconds. Looked at where there is a choice.
    accuracy : str, optional
        Column of numbers from 0 to 1. Looked at where there is a choice.
    max_missing : float
        Largest share of trials without a choice.
    min_trials : int
        Smallest number of trials with a choice.
    min_accuracy : float, optional
        Smallest mean accuracy.
    response_time_range : tuple of float, optional
        Seconds. Below it a response is too fast, above it too slow.
    max_outside : float
        Largest share of response times outside of that range.

    Returns
    -------
    pandas.DataFrame
        A row for each subject: ``subject``, ``n_trials``, ``n_missing``,
        ``share_missing``, ``accuracy``, ``median_response_time`` in seconds,
        ``share_too_fast``, ``share_too_slow``, ``included`` and ``reason``,
        which is empty or says all that is wrong. What cannot be known is NaN.

    Raises
    ------
    TableError
        If a table is no data frame.
    ParameterError
        If a limit is not what it must be, or limits something that has no column.

    Examples
    --------
    >>> tables = {
    ...     "01": pd.DataFrame({"choice": ["now", "later", "later"], "rt": [0.8, 1.1, 0.9]}),
    ...     "02": pd.DataFrame({"choice": ["now", "n/a", "n/a"], "rt": [0.8, "n/a", "n/a"]}),
    ...     "03": pd.DataFrame({"choise": ["now"], "rt": [0.7]}),
    ... }
    >>> found = validate_behaviour(tables, response_time="rt")
    >>> found[["subject", "n_missing", "median_response_time", "included"]]
      subject  n_missing  median_response_time  included
    0      01          0                   0.9      True
    1      02          2                   0.8     False
    2      03       <NA>                   0.7     False
    >>> for reason in found["reason"]:
    ...     print(reason or "-")
    -
    share of missing choices 0.667, above 0.1
    must have a column 'choice', got choise, rt; did you mean 'choise'?
    """
    if not isinstance(tables, Mapping):
        raise ParameterError(
            f"`tables` must be a mapping of subjects to tables, got {type(tables).__name__}"
        )
    if isinstance(required, str):
        raise ParameterError(f"`required` must be a list of names, got {required!r}")
    if min_accuracy is not None and accuracy is None:
        raise ParameterError("`min_accuracy` must come with a column `accuracy`, got none")
    if response_time_range is not None and response_time is None:
        raise ParameterError(
            "`response_time_range` must come with a column `response_time`, got none"
        )
    columns = _Columns(required, choice, response_time, accuracy)
    limits = _Limits(
        number_in("max_missing", max_missing, 0, 1),
        integer_in("min_trials", min_trials, 1),
        None if min_accuracy is None else number_in("min_accuracy", min_accuracy, 0, 1),
        None if response_time_range is None else _range(response_time_range),
        number_in("max_outside", max_outside, 0, 1),
    )
    rows = []
    for subject, table in tables.items():
        check_table(f"tables[{subject!r}]", table)
        rows.append({"subject": subject, **_row(table, columns, limits)})
    return pd.DataFrame(rows, columns=["subject", *_TYPES]).astype(_TYPES)


def _row(table: pd.DataFrame, columns: _Columns, limits: _Limits) -> dict[str, Any]:
    """What is found of a subject, and whether it is included."""
    faults = {name: column_fault(table, name) for name in columns.all}
    reasons = [fault for fault in faults.values() if fault]
    out: dict[str, Any] = {"n_trials": len(table), "n_missing": pd.NA}
    is_chosen = np.ones(len(table), np.bool_)
    if not faults[columns.choice]:
        is_chosen = ~is_missing(columns.choice, table[columns.choice])
        out |= _choices(is_chosen)
        reasons += _faults_of_choices(out, limits)
    if columns.accuracy is not None and not faults[columns.accuracy]:
        accuracies, fault = _values(table, columns.accuracy, is_chosen, (0, 1))
        out["accuracy"] = _or_nan(np.mean, accuracies)
        reasons += fault or _faults_of_accuracy(out["accuracy"], limits)
    if columns.response_time is not None and not faults[columns.response_time]:
        times, fault = _values(table, columns.response_time, is_chosen, (-np.inf, np.inf))
        out |= _response_times(times, limits)
        reasons += fault or _faults_of_times(out, limits)
    return {**out, "included": not reasons, "reason": "; ".join(reasons)}


def _choices(is_chosen: Bools) -> dict[str, Any]:
    n_missing = int(np.count_nonzero(~is_chosen))
    return {"n_missing": n_missing, "share_missing": _or_nan(np.mean, ~is_chosen)}


def _faults_of_choices(found: Mapping[str, Any], limits: _Limits) -> list[str]:
    out = []
    n_chosen = found["n_trials"] - found["n_missing"]
    if n_chosen < limits.min_trials:
        out.append(f"{n_chosen} trials with a choice, fewer than {limits.min_trials}")
    if found["share_missing"] > limits.max_missing:
        out.append(
            f"share of missing choices {found['share_missing']:.3g}, above {limits.max_missing:g}"
        )
    return out


def _faults_of_accuracy(accuracy: float, limits: _Limits) -> list[str]:
    if limits.min_accuracy is None or accuracy >= limits.min_accuracy:
        return []
    return [f"accuracy {accuracy:.3g}, below {limits.min_accuracy:g}"]


def _response_times(times: Floats, limits: _Limits) -> dict[str, float]:
    out = {"median_response_time": _or_nan(np.median, times)}
    if limits.response_times is not None:
        low, high = limits.response_times
        out["share_too_fast"] = _or_nan(np.mean, times < low)
        out["share_too_slow"] = _or_nan(np.mean, times > high)
    return out


def _faults_of_times(found: Mapping[str, Any], limits: _Limits) -> list[str]:
    if limits.response_times is None:
        return []
    outside = found["share_too_fast"] + found["share_too_slow"]
    if outside <= limits.max_outside:
        return []
    return [f"share of response times out of range {outside:.3g}, above {limits.max_outside:g}"]


def _values(
    table: pd.DataFrame, name: str, is_chosen: Bools, span: Range
) -> tuple[Floats, list[str]]:
    """Numbers that a column holds where there is a choice, and what is wrong with them."""
    try:
        found = numbers(name, table[name])[is_chosen]
    except ParameterError as error:
        return np.zeros(0), [str(error)]
    found = found[~np.isnan(found)]
    if not len(found) and is_chosen.any():
        return found, [f"`{name}` must hold numbers where there is a choice, got none"]
    low, high = span
    wrong = found[(found < low) | (found > high)]
    if len(wrong):
        return np.zeros(0), [f"`{name}` must lie from {low} to {high}, got {wrong[0]:g}"]
    return found, []


def _or_nan(of: Callable[[Any], Any], values: NDArray[Any]) -> float:
    """A figure of values, NaN where there are none."""
    return float(of(values)) if len(values) else math.nan


def _range(value: Any) -> Range:
    ends = numbers("response_time_range", value)
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ParameterError(
            f"`response_time_range` must be two increasing numbers of s, got {value!r}"
        )
    return float(ends[0]), float(ends[1])
