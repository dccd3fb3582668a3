"""Labels of volumes: a table with a row for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.cli.jobs import full_path
from boldstream.core.cells import is_no_value
from boldstream.core.errors import ParameterError, TableError
from boldstream.decoding.task.conditions import kept_by_condition
from boldstream.io.tables import Table, read_table

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """Which columns of which table are used; see the options of the commands."""

    file: Path
    targets: Sequence[str]
    groups: str | None
    conditions: Sequence[str]
    blocks: str | None

    @property
    def facts(self) -> dict[str, Any]:
        """What sidecars say of it."""
        return {
            "labels": full_path(self.file),
            "target": self.targets[0] if len(self.targets) == 1 else list(self.targets),
            "groups": self.groups,
            "conditions": list(self.conditions),
            "permutation_blocks": self.blocks,
        }


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of the volumes that are taken.

    Attributes
    ----------
    kept : ndarray of int
        Volumes that are taken, ascending.
    targets : dict of str to ndarray, each of shape (kept,)
    groups : ndarray, shape (kept,), or None
    blocks : ndarray, shape (kept,), "auto" or None
    """

    kept: NDArray[np.intp]
    targets: dict[str, NDArray[Any]]
    groups: NDArray[Any] | None
    blocks: NDArray[Any] | str | None


def read_labels(options: LabelOptions, n_samples: int, data: str) -> Labels:
    """Read what is used of a table of labels.

    Parameters
    ----------
    options : LabelOptions
    n_samples : int
        Volumes of the data.
    data : str
        What errors call the data.

    Raises
    ------
    TableError
        If the table cannot be read, lacks a column, has more or fewer rows
        than there are volumes, or misses a value where one is used.
    ParameterError
        If a condition is no label.
    """
    table = read_table(options.file, guess_delimiter=True)
    columns = {name: table.column(name) for name in options.targets}
    if len(table.lines) != n_samples:
        raise TableError(
            f"{options.file} must have a row for each of the {n_samples} volumes of {data}, below "
            f"the names of its columns, got {len(table.lines)}"
        )
    kept = np.arange(n_samples)
    for text in options.conditions:
        kept = np.intersect1d(kept, _kept_by(text, options, table))
    if not len(kept):
        raise ParameterError(
            f"`conditions` must leave at least one volume, got {' and '.join(options.conditions)}"
        )
    blocks: NDArray[Any] | str | None = options.blocks
    if options.blocks not in (None, AUTO):
        blocks = _column(table, str(options.blocks), kept)
    return Labels(
        kept,
        {name: _column(table, name, kept) for name in columns},
        None if options.groups is None else _column(table, options.groups, kept),
        blocks,
    )


def _kept_by(text: str, options: LabelOptions, table: Table) -> NDArray[np.intp]:
    name, equals, values = text.partition("=")
    if not equals:
        if len(options.targets) > 1:
            raise ParameterError(
                f"`conditions` must name a column where there are several targets, as "
                f"{options.targets[0]}={text}; got {text!r}"
            )
        name, values = options.targets[0], text
    column = np.array(table.column(name.strip()))
    return kept_by_condition(column, [value.strip() for value in values.split(",")])


def _column(table: Table, name: str, kept: NDArray[np.intp]) -> NDArray[Any]:
    """Entries of a column: whole numbers, numbers, or text."""
    column = table.column(name)
    entries = [column[i] for i in kept]
    missing = [i for i, entry in zip(kept, entries, strict=True) if _is_missing(entry)]
    if missing:
        raise TableError(
            f"{table.path}, line {table.lines[missing[0]]}: {name!r} must have a value for each "
            f"volume that is taken, got {column[missing[0]]!r}; --conditions leaves volumes out"
        )
    # Python reads 1_2 as 12; in a table it is a name.
    kinds = () if any("_" in entry for entry in entries) else ((int, np.int64), (float, np.float64))
    for read, kept_as in kinds:
        try:
            numbers = np.array([read(entry) for entry in entries], kept_as)
        # The second is raised of whole numbers beyond 64 bits.
        except (ValueError, OverflowError):
            continue
        if np.isfinite(numbers).all():
            return numbers
    return np.array(entries)


def _is_missing(entry: str) -> bool:
    # R writes NA where a volume has no label: as a class it would pass unnoticed. Events may be
    # called so, as each row of theirs is one.
    return is_no_value(entry) or entry.lower() == "na"
