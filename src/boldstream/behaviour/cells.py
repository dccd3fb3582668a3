"""Cells of behavioural tables: numbers, choices, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.core.cells import is_no_value
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError, TableError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# What a text says of a choice; case and spaces around it do not matter.
CHOICES = {"delayed": 1.0, "later": 1.0, "immediate": 0.0, "now": 0.0}


def is_missing(name: str, values: Any) -> Bools:
    """Which cells are empty: None, NaN, NA, "", "n/a" or "nan".

    Raises
    ------
    ParameterError
        If there is not one row of cells.

    Examples
    --------
    >>> is_missing("choice", ["later", "n/a", None, 0])
    array([False,  True,  True, False])
    """
    return _missing(_cells(name, values))


def numbers(name: str, values: Any) -> Floats:
    """Cells as numbers, NaN where they are missing: "NA", "null" and "none" too.

    Raises
    ------
    ParameterError
        If a cell is neither missing nor a finite number.

    Examples
    --------
    >>> numbers("delay", ["7", "n/a", "30.5"])
    array([ 7. ,  nan, 30.5])
    >>> numbers("delay", ["7", "soon"])
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `delay` must hold finite numbers, got 'soon' in row 1
    """
    cells, out = _converted(name, values, {})
    wrong = ~_missing(cells, of_numbers=True) & ~np.isfinite(out)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ParameterError(
            f"`{name}` must hold finite numbers, got {_shown(cells[row])} in row {row}"
        )
    return out


def choices(name: str, values: Any) -> Floats:
    """Choices as 1 (the delayed amount), 0 (the immediate one), or NaN where there is none.

    Raises
    ------
    ParameterError
        If a cell is neither missing nor 0, 1, true, false, or a text of `CHOICES`.

    Examples
    --------
    >>> choices("choice", ["later", "now", "n/a", True, 0])
    array([ 1.,  0., nan,  1.,  0.])
    """
    cells, out = _converted(name, values, CHOICES)
    wrong = ~_missing(cells) & ~np.isin(out, (0, 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        listed = ", ".join(repr(label) for label in CHOICES)
        raise ParameterError(
            f"`{name}` must hold 1 and 0 or {listed}, got {_shown(cells[row])} in row {row}"
            f"{did_you_mean(cells[row], CHOICES)}"
        )
    return out


def column_of(table: pd.DataFrame, name: str, called: str = "the table of trials") -> pd.Series:
    """Return a column of a table; `called` is what errors call the table.

    Raises
    ------
    TableError
        If it is not there, or there twice.
    """
    fault = column_fault(table, name)
    if fault:
        raise TableError(f"{called} {fault}")
    return table[name]


def column_fault(table: pd.DataFrame, name: str) -> str:
    """Say that a column is not there once, and which may have been meant; empty if it is.

    Examples
    --------
    >>> column_fault(pd.DataFrame({"choise": [1]}), "choice")
    "must have a column 'choice', got choise; did you mean 'choise'?"
    """
    there = [str(column) for column in table.columns]
    if name not in there:
        listed = ", ".join(there) or "none"
        return f"must have a column {name!r}, got {listed}{did_you_mean(name, there)}"
    if there.count(name) > 1:
        return f"must have a column {name!r} once, got it {there.count(name)} times"
    return ""


def check_table(name: str, table: Any) -> None:
    """Raise `TableError` where a table is none."""
    if not isinstance(table, pd.DataFrame):
        raise TableError(f"`{name}` must be a pandas data frame, got {type(table).__name__}")


def _cells(name: str, values: Any) -> NDArray[np.object_]:
    cells = np.asarray(values, dtype=np.object_)
    if cells.ndim != 1:
        raise ParameterError(
            f"`{name}` must have one dimension, trials, got an array of shape {cells.shape}"
        )
    return cells


def _converted(
    name: str, values: Any, names: Mapping[str, float]
) -> tuple[NDArray[np.object_], Floats]:
    """Cells, and the numbers that they are or are named for; NaN if none."""
    cells = _cells(name, values)
    return cells, np.array([_number(cell, names) for cell in cells], np.float64)


def _number(cell: Any, names: Mapping[str, float]) -> float:
    if isinstance(cell, str):
        cell = names.get(cell.strip().lower(), cell)
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")


def _missing(cells: NDArray[np.object_], *, of_numbers: bool = False) -> Bools:
    is_text = [isinstance(cell, str) and is_no_value(cell, of_numbers=of_numbers) for cell in cells]
    return np.asarray(pd.isna(cells) | np.array(is_text, np.bool_), np.bool_)


def _shown(cell: Any) -> str:
    """A cell as a reader of the table knows it."""
    return repr(cell) if isinstance(cell, str) else str(cell)
