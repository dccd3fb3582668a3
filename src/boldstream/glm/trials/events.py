"""Events of a run: read, checked, and reported by their rows."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.core.cells import is_no_value
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError, TableError
from boldstream.io.tables import read_table

Floats = NDArray[np.float64]

# Columns that the tables of results add.
ROW, REASON = "row", "reason"
_NUMBERS = ("onset", "duration", "modulation")
_MOST_REPORTED = 5
# The sum of squares of a regressor must be a number.
_LARGEST_MODULATION = 1e100


@dataclass(frozen=True, eq=False)
class Events:
    """Events of one run.

    Attributes
    ----------
    source : str
        The file, or what errors call the table.
    lines : sequence of int, or None
        Line of the file that each row stands in.
    table : pandas.DataFrame
        All rows; onset, duration and modulation as float64, `ROW` added.
    conditions : ndarray of str
        Of each row; empty where it is missing.
    faults : mapping of int to str
        Why rows cannot be modelled at all.
    """

    source: str
    lines: Sequence[int] | None
    table: pd.DataFrame
    conditions: NDArray[np.object_]
    faults: Mapping[int, str]

    @property
    def onsets(self) -> Floats:
        """In seconds, of each row."""
        return self._numbers("onset")

    @property
    def durations(self) -> Floats:
        """In seconds, of each row."""
        return self._numbers("duration")

    @property
    def amplitudes(self) -> Floats:
        """The modulation, or 1, of each row."""
        if "modulation" not in self.table:
            return np.ones(len(self.table))
        return self._numbers("modulation")

    def of_conditions(self, names: Sequence[str] | None) -> NDArray[np.bool_]:
        """Rows whose condition is one of these, or any.

        Raises
        ------
        ParameterError
            If a name is no condition of the events.
        """
        if names is None:
            return np.ones(len(self.table), dtype=np.bool_)
        names = [names] if isinstance(names, str) else [str(name) for name in names]
        known = sorted(set(self.conditions) - {""})
        if not names:
            raise ParameterError("`conditions` must name at least one condition, got none")
        for name in names:
            if name not in known:
                raise ParameterError(
                    f"`conditions` must be among those of {self.source}, {', '.join(known)}, "
                    f"got {name!r}{did_you_mean(name, known)}"
                )
        return np.isin(self.conditions, names)

    def refuse(self, reasons: Mapping[int, str]) -> None:
        """Raise `TableError` for rows without a beta, if there are any."""
        if not reasons:
            return
        listed = [self._described(row, reasons[row]) for row in sorted(reasons)]
        more = len(listed) - _MOST_REPORTED
        if more > 0:
            listed[_MOST_REPORTED:] = [f"and {more} more"]
        raise TableError(
            f"{self.source} must give each trial a beta of its own, got {len(reasons)} without: "
            f"{'; '.join(listed)}. `unestimable='exclude'` leaves them out and reports them"
        )

    def _described(self, row: int, reason: str) -> str:
        line = "" if self.lines is None else f", line {self.lines[row]}"
        onset = self.table["onset"].iloc[row]
        return f"row {row}{line} ({self.conditions[row]!r} at {onset:g} s): {reason}"

    def _numbers(self, column: str) -> Floats:
        numbers: Floats = self.table[column].to_numpy(dtype=np.float64)
        return numbers


def read_events(events: str | os.PathLike[str] | pd.DataFrame, name: str = "events") -> Events:
    """Read the events of a run.

    Parameters
    ----------
    events : path or pandas.DataFrame
        A ``.tsv`` or ``.csv`` file, such as the events of BIDS, or a frame,
        which is not changed. ``onset`` and ``duration`` in seconds are
        required; ``trial_type`` and ``modulation`` are optional.
    name : str
        What errors call a frame.

    Returns
    -------
    Events

    Raises
    ------
    TableError
        If the file cannot be read, a column is missing or named as one that
        results add, or there is no row. Rows with unusable cells are faults.
    ParameterError
        If `events` is neither a path nor a frame.

    Examples
    --------
    >>> import pandas as pd
    >>> read_events(pd.DataFrame({"onsett": [1.0], "duration": [0.0]}))
    Traceback (most recent call last):
    boldstream.core.errors.TableError: events must have a column 'onset', got onsett, duration;
    did you mean 'onsett'?
    """
    source, lines, raw = _load(events, name)
    _check_columns(raw, source)
    table = raw.copy() if lines is None else _typed(raw)
    faults: dict[int, str] = {}
    for column in [column for column in _NUMBERS if column in table]:
        table[column] = pd.to_numeric(raw[column], errors="coerce").astype(np.float64)
        for row in np.flatnonzero(~np.isfinite(table[column].to_numpy())):
            cell = raw[column].iloc[row]
            got = repr(cell) if isinstance(cell, str) else cell
            faults.setdefault(int(row), f"its {column} must be a finite number, got {got}")
    for row in np.flatnonzero(table["duration"].to_numpy() < 0):
        got = table["duration"].iloc[row]
        faults.setdefault(int(row), f"its duration must be at least 0 s, got {got:g}")
    if "modulation" in table:
        sizes = table["modulation"].abs().to_numpy()
        for row in np.flatnonzero(sizes > _LARGEST_MODULATION):
            got = table["modulation"].iloc[row]
            what = f"its modulation must be at most {_LARGEST_MODULATION:g} in size, got {got:g}"
            faults.setdefault(int(row), what)
    if "trial_type" not in table:
        # As nilearn says and does.
        warnings.warn(
            "'trial_type' column not found in the given events data.", UserWarning, stacklevel=2
        )
        table["trial_type"] = "dummy"
    absent = table["trial_type"].isna().to_numpy()
    conditions = np.where(absent, "", table["trial_type"].astype(str).to_numpy(dtype=np.object_))
    for row in np.flatnonzero(absent):
        faults.setdefault(int(row), "its trial_type is missing")
    table[ROW] = np.arange(len(table))
    return Events(source, lines, table, conditions, faults)


def _load(events: Any, name: str) -> tuple[str, Sequence[int] | None, pd.DataFrame]:
    """What errors call the events, the lines of their rows, and the rows; of files as text."""
    if isinstance(events, str | os.PathLike):
        found = read_table(events)
        return str(found.path), found.lines, pd.DataFrame(found.columns, dtype=object)
    if isinstance(events, pd.DataFrame):
        return name, None, events.reset_index(drop=True)
    raise ParameterError(
        f"`{name}` must be a path or a pandas data frame, got {type(events).__name__}"
    )


def _check_columns(raw: pd.DataFrame, source: str) -> None:
    names = [str(column) for column in raw.columns]
    for column in ("onset", "duration"):
        if column not in names:
            raise TableError(
                f"{source} must have a column {column!r}, got {', '.join(names)}"
                f"{did_you_mean(column, names)}"
            )
    for column in names:
        if names.count(column) > 1:
            raise TableError(f"{source} must name each column once, got {column!r} again")
        if column in (ROW, REASON):
            raise TableError(
                f"{source} must not have a column {column!r}: the table of trials adds one"
            )
    if not len(raw):
        raise TableError(f"{source} must have at least one event, got none")


def _typed(raw: pd.DataFrame) -> pd.DataFrame:
    """Cells of a file as numbers, in columns that hold nothing else; names of conditions stay."""
    table = raw.copy()
    for column in raw.columns:
        cells = raw[column].mask(raw[column].map(is_no_value))
        numbers = pd.to_numeric(cells, errors="coerce")
        is_text = column == "trial_type" or bool((numbers.isna() & cells.notna()).any())
        table[column] = cells if is_text else numbers
    return table
