"""Labels of volumes: made up, of a table, or of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError, TableError
from boldstream.io.tables import read_table

# Of made-up labels: volumes of a block; a run has two.
_BLOCK = 9
_N_FOLDS = 4
# From an event to its response.
_DELAY_SECONDS = 5.0


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of volumes.

    Attributes
    ----------
    kept : ndarray of int, shape (samples,)
        Volumes that are taken, ascending.
    classes, runs : ndarray, shape (samples,)
    origin : str
        Where they come from, in words.
    """

    kept: NDArray[np.intp]
    classes: NDArray[Any]
    runs: NDArray[Any]
    origin: str

    def of(self, conditions: Sequence[str]) -> Labels:
        """Only these classes; without any, all.

        Raises
        ------
        ParameterError
            If one is no class.
        """
        names = np.unique(self.classes).tolist()
        for condition in conditions:
            if condition not in names:
                raise ParameterError(
                    f"`conditions` must be labels ({', '.join(names[:10])}), got {condition!r}"
                    f"{did_you_mean(condition, names)}"
                )
        some = np.flatnonzero(np.isin(self.classes, conditions or names))
        return Labels(self.kept[some], self.classes[some], self.runs[some], self.origin)


def made_up_labels(n_volumes: int, run_lengths: Sequence[int] = ()) -> Labels:
    """Blocks of two classes in turn, two blocks a run.

    Examples
    --------
    >>> labels = made_up_labels(36)
    >>> labels.classes[8:10].tolist(), labels.runs[[0, 17, 18]].tolist()
    (['face', 'house'], [0, 0, 1])
    """
    order = np.arange(n_volumes)
    classes = np.where(order // _BLOCK % 2 == 0, "face", "house")
    runs = order // (2 * _BLOCK)
    if len(run_lengths) > 1:
        runs = np.repeat(np.arange(len(run_lengths)), run_lengths)
    return Labels(order, classes, runs, "made-up labels: blocks of two classes in turn")


def labels_of_table(path: Path, target: str, run_lengths: Sequence[int]) -> Labels:
    """Labels of a table with a row for each volume; runs of its column run or chunks.

    Raises
    ------
    TableError
        If it lacks the column, or has more or fewer rows.
    """
    table = read_table(path, guess_delimiter=True)
    classes, n_volumes = table.column(target), sum(run_lengths)
    if len(classes) != n_volumes:
        raise TableError(
            f"{path} must have a row for each of the {n_volumes} volumes, got {len(classes)}"
        )
    column = next((name for name in ("run", "chunks") if name in table.columns), None)
    runs = np.repeat(np.arange(len(run_lengths)), run_lengths)
    if column is not None:
        runs = np.array(table.column(column))
    return Labels(np.arange(n_volumes), np.array(classes), runs, f"labels of {path.name}")


def labels_of_events(events: Path, n_volumes: int, t_r: float | None) -> Labels:
    """The event that each volume responds to, 5 s after it; volumes without one are left out.

    Parameters
    ----------
    events : Path
        Columns onset, duration (s) and trial_type.
    n_volumes : int
    t_r : float or None
        Repetition time (s).

    Raises
    ------
    TableError
        If the table lacks a column.
    ParameterError
        If there is no repetition time, a cell is no number, or no volume is left.
    """
    if t_r is None:
        raise ParameterError("events need a repetition time, and the image has none; give --labels")
    table = read_table(events)
    names = table.column("trial_type")
    try:
        onsets, durations = (
            np.array([float(cell) for cell in table.column(name)]) for name in ("onset", "duration")
        )
    except ValueError as error:
        raise ParameterError(f"{events}: onset and duration must be numbers: {error}") from error
    times = t_r * np.arange(n_volumes) - _DELAY_SECONDS
    event_of = np.full(n_volumes, -1)
    for i, (onset, duration) in enumerate(zip(onsets, durations, strict=True)):
        event_of[(times >= onset) & (times < onset + max(duration, t_r))] = i
    kept = np.flatnonzero(event_of >= 0)
    if not len(kept):
        raise ParameterError(f"{events} must have events within the {n_volumes} volumes")
    classes = np.array(names)[event_of[kept]]
    return Labels(kept, classes, np.zeros(len(kept), np.intp), f"events of {events.name}")


def require_classes(labels: Labels) -> None:
    """Refuse labels that leave a fold (`KFold`, without shuffling) one class to learn from.

    Raises
    ------
    ParameterError
    """
    n = len(labels.classes)
    for test in np.array_split(np.arange(n), _N_FOLDS):
        left = np.unique(np.delete(labels.classes, test))
        if len(left) < 2:
            raise ParameterError(
                f"labels must have two classes outside of each of {_N_FOLDS} stretches of the "
                f"{n} samples, got {', '.join(map(str, left)) or 'none'} only; {labels.origin}"
            )
