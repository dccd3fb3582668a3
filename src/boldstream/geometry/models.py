"""`read_model`: a model RDM from a table of text."""

from __future__ import annotations

import os

import numpy as np

from boldstream.core.errors import NonFiniteError, ParameterError, TableError
from boldstream.geometry.dissimilarities import RDM
from boldstream.io.tables import Table, read_table


def read_model(path: str | os.PathLike[str]) -> RDM:
    r"""Read the dissimilarities that a model predicts.

    Parameters
    ----------
    path : path
        A table, conditions × conditions, of tabs (commas if it ends in
        ``.csv``): the first column names the rows, the first line the columns.
        Rows and columns may have different orders.

    Returns
    -------
    RDM
        Of the metric "model".

    Raises
    ------
    TableError
        If the file is no such table: rows and columns have different names, a
        cell is no finite number, it is not symmetric, or the diagonal is not 0.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "animate.tsv")
    ...     _ = path.write_text("condition\tcat\toak\ncat\t0\t1\noak\t1\t0\n")
    ...     read_model(path).values
    array([1.])
    """
    table = read_table(path)
    first, *columns = table.columns
    rows = list(table.columns[first])
    if len(set(rows)) < len(rows) or set(rows) != set(columns):
        differ = sorted(set(rows) ^ set(columns)) or sorted({x for x in rows if rows.count(x) > 1})
        raise TableError(
            f"{table.path} must name the same conditions, each once, in its first column and its "
            f"first line; these differ: {', '.join(map(repr, differ))}"
        )
    matrix = [[_cell(table, line, column) for column in rows] for line in range(len(rows))]
    try:
        return RDM.from_matrix(matrix, np.array(rows))
    except (ParameterError, NonFiniteError) as error:
        raise TableError(f"{table.path}: {error}") from error


def _cell(table: Table, row: int, column: str) -> float:
    text = table.columns[column][row]
    try:
        return float(text)
    except ValueError:
        raise TableError(
            f"{table.path}, line {table.lines[row]}: the dissimilarity to {column!r} must be a "
            f"number, got {text!r}"
        ) from None
