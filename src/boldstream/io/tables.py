"""Tables of text: TSV, or CSV by its ending."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import TableError
from boldstream.io.translate import expanded

MISSING = "n/a"
"""What BIDS writes where there is no value."""
FRAME_FORMAT: Mapping[str, Any] = {"sep": "\t", "keep_default_na": False, "na_values": [MISSING]}
"""What `pandas.read_csv` has to know of what `write_frame` wrote: a label may be "null"."""


@dataclass(frozen=True)
class Table:
    """Columns of text.

    Attributes
    ----------
    path : Path
    columns : mapping of str to sequence of str
    lines : sequence of int
        Line of the file that each row stands in.
    """

    path: Path
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]

    def column(self, name: str) -> Sequence[str]:
        """Return a column, or raise `TableError`."""
        if name not in self.columns:
            listed = ", ".join(self.columns)
            raise TableError(
                f"{self.path} must have a column {name!r}, got {listed}"
                f"{did_you_mean(name, self.columns)}"
            )
        return self.columns[name]


def read_table(path: str | os.PathLike[str], *, guess_delimiter: bool = False) -> Table:
    """Read a table whose first line names its columns.

    Parameters
    ----------
    path : path
    guess_delimiter : bool
        Whether cells lie between tabs, commas or spaces is seen from the first
        line; else there are commas where the file is called ``.csv``, and tabs.

    Raises
    ------
    TableError
        If the file cannot be read as text, names a column twice, has a row
        that is longer or shorter than the first line, or a quote without end.
    """
    path = expanded(path)
    try:
        # Spreadsheets put a byte order mark first.
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise TableError(f"{path} cannot be read as a table: {reason}") from error
    delimiter = "," if path.suffix.lower() == ".csv" else "\t"
    if guess_delimiter:
        first = text.partition("\n")[0].strip()
        delimiter = next((mark for mark in "\t, " if mark in first), delimiter)
    if delimiter == " ":
        # Any number of spaces stands between two cells, and at the end of a line.
        text = "\n".join(" ".join(line.split()) for line in text.splitlines())
    found = _rows_of(path, text, delimiter)
    _, header = next(found, (1, []))
    if not header or len(set(header)) < len(header):
        raise TableError(f"{path} must name each column once in its first line, got {header}")
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, row in found:
        if not any(row):
            continue
        if len(row) != len(header):
            raise TableError(
                f"{path}, line {line}: a row must have {len(header)} cells, got {len(row)}"
            )
        rows.append(row)
        lines.append(line)
    columns = {name: [row[i] for row in rows] for i, name in enumerate(header)}
    return Table(path, columns, lines)


def _rows_of(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Lines of a file with their cells."""
    # Strict, as a quote that is never closed would swallow the rows below it.
    reader = csv.reader(StringIO(text), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.line_num}: {error}") from error


def write_frame(path: str | os.PathLike[str], table: Any) -> None:
    r"""Write a pandas data frame as BIDS writes tables: tabs between, ``n/a`` where nothing is.

    Examples
    --------
    >>> import pandas as pd
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "scores.tsv")
    ...     write_frame(path, pd.DataFrame({"roi": ["v1", "it"], "score": [0.5, None]}))
    ...     path.read_text()
    'roi\tscore\nv1\t0.5\nit\tn/a\n'
    """
    # A cell may name a file whose name is no text.
    how = {"sep": "\t", "na_rep": MISSING, "lineterminator": "\n", "errors": "backslashreplace"}
    table.to_csv(path, index=False, **how)
