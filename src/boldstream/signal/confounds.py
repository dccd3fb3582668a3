"""Confounds as a matrix of numbers, from arrays, data frames and tables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.cells import is_no_value, is_number
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError, TableError
from boldstream.io.tables import read_table
from boldstream.io.translate import expanded

# Data frames of pandas and polars too, which have no type in common.
ConfoundsLike: TypeAlias = str | os.PathLike[str] | NDArray[Any] | Sequence[Any] | Any
Floats = NDArray[np.float64]

_BETWEEN_CELLS = re.compile(r"[\s,;]+")
_HINT = (
    "; choose other columns, or fill the gaps: the first volume has no derivative, and "
    "`fmriprep_confounds` puts that of the second there"
)


def read_confounds(
    confounds: ConfoundsLike,
    n_volumes: int,
    *,
    columns: Sequence[str] | None = None,
    name: str = "confounds",
) -> Floats:
    """Read confounds as one matrix.

    Parameters
    ----------
    confounds : array, data frame, path, or list of these
        An array of shape (n_volumes,) or (n_volumes, n); a frame of pandas or
        polars; a TSV or CSV file whose first line names its columns, or a
        file of nothing but numbers. What a list holds is put side by side.
    n_volumes : int
    columns : sequence of str, optional
        Columns of a frame or file to take, in this order; all by default. In a
        name ``*`` stands for anything, as in ``"trans_*"``.
    name : str
        What errors call what has no file.

    Returns
    -------
    ndarray of float64, shape (n_volumes, n)

    Raises
    ------
    TableError
        If a frame or file cannot be read, is longer or shorter than
        `n_volumes`, lacks a column, or has a cell that is no finite number.
    ParameterError
        The same, of an array; or if `confounds` is none of these.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> motion = pd.DataFrame({"trans_x": [0.1, 0.2], "trans_y": [0.0, 0.3]})
    >>> read_confounds([motion, np.array([1, 2])], 2)
    array([[0.1, 0. , 1. ],
           [0.2, 0.3, 2. ]])
    >>> read_confounds(motion, 2, columns=["trans_z"])
    Traceback (most recent call last):
    boldstream.core.errors.TableError: confounds must have a column 'trans_z', ...
    """
    if isinstance(confounds, list | tuple):
        if not confounds:
            raise ParameterError(f"`{name}` must hold at least one confound, got an empty list")
        several = [
            _one(part, n_volumes, columns, f"{name}[{i}]") for i, part in enumerate(confounds)
        ]
        return np.hstack(several)
    return _one(confounds, n_volumes, columns, name)


def _one(
    confounds: ConfoundsLike, n_volumes: int, columns: Sequence[str] | None, name: str
) -> Floats:
    if isinstance(confounds, str | os.PathLike):
        return _from_file(confounds, n_volumes, columns)
    if hasattr(confounds, "columns") and hasattr(confounds, "to_numpy"):
        names = [str(column) for column in confounds.columns]
        _check_length(len(confounds), n_volumes, name, TableError)
        cells = confounds.to_numpy()
        chosen = _choose(names, columns, name)
        return _matrix([(names[i], cells[:, i]) for i in chosen], range(n_volumes), name, "volume")
    if columns is not None:
        raise ParameterError(f"`columns` must be None for `{name}`, which names none")
    array = np.asarray(confounds)
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiub":
        raise ParameterError(
            f"`{name}` must be numbers of shape (volumes,) or (volumes, confounds), a data "
            f"frame, a path, or a list of these, got {_described(confounds, array)}"
        )
    _check_length(len(array), n_volumes, f"`{name}`", ParameterError)
    matrix = array.reshape(n_volumes, -1).astype(np.float64)
    bad = np.argwhere(~np.isfinite(matrix.T))
    if len(bad):
        column, volume = bad[0]
        raise ParameterError(
            f"`{name}` must be finite, got {matrix[volume, column]} in column {column}, "
            f"volume {volume}"
        )
    return matrix


def _described(confounds: object, array: NDArray[Any]) -> str:
    if isinstance(confounds, np.ndarray):
        return f"{array.dtype} of shape {array.shape}"
    return f"{type(confounds).__name__}"


def _from_file(
    path: str | os.PathLike[str], n_volumes: int, columns: Sequence[str] | None
) -> Floats:
    path = expanded(path)
    if path.is_file() and begins_with_numbers(path):
        return _numbers_only(path, n_volumes, columns)
    table = read_table(path)
    _check_length(len(table.lines), n_volumes, str(path), TableError)
    names = list(table.columns)
    chosen = _choose(names, columns, str(path))
    return _matrix(
        [(names[i], table.columns[names[i]]) for i in chosen], table.lines, str(path), "line"
    )


def begins_with_numbers(path: str | os.PathLike[str]) -> bool:
    """Whether a file's first line holds numbers, and not the names of columns."""
    with expanded(path).open("rb") as file:
        first = file.readline().decode("utf-8", errors="replace")
    cells = [cell for cell in _BETWEEN_CELLS.split(first.strip()) if cell]
    # pandas writes ",0,1,2" above an index and columns without names.
    unnamed = first.lstrip(" ").startswith((",", ";", "\t"))
    return bool(cells) and not unnamed and all(is_number(cell) for cell in cells)


def _numbers_only(path: Path, n_volumes: int, columns: Sequence[str] | None) -> Floats:
    """A file without names, such as the motion parameters of FSL."""
    if columns is not None:
        raise TableError(f"{path} must name its columns in its first line, got numbers there")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows = [[cell for cell in _BETWEEN_CELLS.split(line.strip()) if cell] for line in lines]
    _check_length(len(rows), n_volumes, str(path), TableError)
    if len({len(row) for row in rows}) != 1:
        raise TableError(f"{path} must have as many numbers in each line as in the first")
    return _matrix(
        [(str(i), column) for i, column in enumerate(zip(*rows, strict=True))],
        range(1, len(rows) + 1),
        str(path),
        "line",
    )


def _choose(names: Sequence[str], columns: Sequence[str] | None, source: str) -> list[int]:
    """Positions of the columns that are wanted."""
    if columns is None:
        return list(range(len(names)))
    return [names.index(column) for column in match_columns(names, columns, source)]


def match_columns(names: Sequence[str], columns: Sequence[str], source: str) -> list[str]:
    """Names of the columns that are wanted, each once.

    Parameters
    ----------
    names : sequence of str
        Of the columns that there are.
    columns : sequence of str
        Those that are wanted, in this order; in a name that is none of
        `names`, ``*``, ``?`` and ``[...]`` stand for what they do in a shell.
    source : str
        What errors call what has the columns.

    Raises
    ------
    ParameterError
        If `columns` is a text.
    TableError
        If one of them stands for no column.

    Examples
    --------
    >>> match_columns(["csf", "trans_x", "trans_y"], ["trans_*", "csf"], "confounds.tsv")
    ['trans_x', 'trans_y', 'csf']
    """
    if isinstance(columns, str):
        raise ParameterError(f"`columns` must be a list of names, got {columns!r}")
    chosen: dict[str, None] = {}
    for column in columns:
        found = matching(names, column)
        if not found:
            raise TableError(
                f"{source} must have a column {column!r}, got {names_in_short(names)}"
                f"{did_you_mean(column, names)}"
            )
        chosen |= dict.fromkeys(found)
    return list(chosen)


def matching(names: Sequence[str], column: str) -> list[str]:
    """Names that a name stands for, in which ``*`` may stand for anything."""
    # A name may hold a bracket.
    return [column] if column in names else [name for name in names if fnmatchcase(name, column)]


def names_in_short(names: Iterable[str]) -> str:
    """Names, those that differ in their number alone as one.

    Examples
    --------
    >>> names_in_short(["csf", "a_comp_cor_00", "a_comp_cor_01"])
    'csf, a_comp_cor_* (2)'
    """
    series: dict[str, list[str]] = {}
    for name in names:
        series.setdefault(re.sub(r"\d+$", "*", name), []).append(name)
    return ", ".join(
        same[0] if len(same) == 1 else f"{stem} ({len(same)})" for stem, same in series.items()
    )


def _matrix(
    columns: Sequence[tuple[str, Sequence[Any]]], places: Sequence[int], source: str, place: str
) -> Floats:
    if not columns:
        raise TableError(f"{source} must have at least one column of confounds, got none")
    return np.column_stack(
        [_numbers(cells, f"{source}, column {name!r}", places, place) for name, cells in columns]
    )


def _numbers(cells: Sequence[Any], where: str, places: Sequence[int], place: str) -> Floats:
    values = np.empty(len(cells))
    for i, cell in enumerate(cells):
        if is_no_value(cell, of_numbers=True):
            raise TableError(f"{where}, {place} {places[i]}: no value there{_HINT}")
        if not is_number(cell):
            raise TableError(f"{where}, {place} {places[i]}: must be a number, got {cell!r}")
        values[i] = float(cell)
        if not np.isfinite(values[i]):
            raise TableError(f"{where}, {place} {places[i]}: must be finite, got {cell!r}")
    return values


def _check_length(
    n: int, n_volumes: int, source: str, error: type[TableError] | type[ParameterError]
) -> None:
    if n != n_volumes:
        raise error(f"{source} must have one row for each of {n_volumes} volumes, got {n}")
