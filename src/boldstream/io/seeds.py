"""Seeds: points in mm."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boldstream.core.errors import ParameterError, TableError
from boldstream.io.tables import Table, read_table

SeedsLike: TypeAlias = ArrayLike | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Seeds:
    """Points with names.

    Attributes
    ----------
    coordinates : ndarray of float64, shape (n, 3)
        In mm.
    names : tuple of str
    """

    coordinates: NDArray[np.float64]
    names: tuple[str, ...]


def load_seeds(seeds: SeedsLike, names: Sequence[str] | None = None) -> Seeds:
    """Read points from a table or an array.

    Parameters
    ----------
    seeds : array-like, shape (n, 3), or path
        In mm. A TSV or CSV file has columns ``x``, ``y``, ``z`` and optionally
        ``name`` or ``label``.
    names : sequence of str, optional
        One for each, in place of those of a table.

    Raises
    ------
    ParameterError
        If an array has another shape or holds anything but finite numbers,
        or there is not a name for each seed.
    TableError
        If a table lacks a column, a row, or holds anything but finite numbers.

    Examples
    --------
    >>> load_seeds([(0, -52, 18), (-46, -68, 32)]).names
    ('sphere_1', 'sphere_2')
    """
    found = _from_table(seeds) if isinstance(seeds, str | os.PathLike) else _from_points(seeds)
    if names is None:
        return found
    return replace(found, names=_checked_names(names, len(found.names)))


def _checked_names(names: Any, n: int) -> tuple[str, ...]:
    # Those of a set have no order.
    is_list = isinstance(names, Iterable) and not isinstance(names, str | set | frozenset)
    listed = tuple(names) if is_list else ()
    if len(listed) != n or not all(isinstance(name, str) for name in listed):
        raise ParameterError(f"`names` must be {n} strings, one for each seed, got {names!r}")
    return listed


def _from_points(seeds: Any) -> Seeds:
    try:
        coordinates = np.array(seeds, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(
            f"`seeds` must be a table or points of three numbers in mm, got {seeds!r}"
        ) from None
    if coordinates.ndim != 2 or coordinates.shape[1] != 3 or not len(coordinates):
        raise ParameterError(f"`seeds` must have the shape (n, 3), got {coordinates.shape}")
    bad = np.flatnonzero(~np.isfinite(coordinates).all(axis=1))
    if bad.size:
        raise ParameterError(
            f"`seeds` must be finite numbers in mm, got {coordinates[bad[0]]} in row {bad[0]}"
        )
    return Seeds(coordinates, _numbered(len(coordinates)))


def _from_table(path: str | os.PathLike[str]) -> Seeds:
    table = read_table(path)
    axes = [table.column(axis) for axis in "xyz"]
    if not table.lines:
        raise TableError(f"{table.path} must hold at least one seed, got none")
    points = [
        [_number(table, line, axis, cell) for axis, cell in zip("xyz", cells, strict=True)]
        for line, *cells in zip(table.lines, *axes, strict=True)
    ]
    names = table.columns.get("name", table.columns.get("label"))
    return Seeds(np.array(points), tuple(names) if names else _numbered(len(points)))


def _number(table: Table, line: int, axis: str, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise TableError(
            f"{table.path}, line {line}: `{axis}` must be a finite number of mm, got {cell!r}"
        )
    return number


def _numbered(n: int) -> tuple[str, ...]:
    return tuple(f"sphere_{i}" for i in range(1, n + 1))
