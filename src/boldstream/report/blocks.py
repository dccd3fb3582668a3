"""What pages are made of: sections of text, tables, pictures and maps, without any HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from markupsafe import Markup
    from pandas import DataFrame

NOTHING = "n/a"
# Smaller ones are told as such.
_SMALLEST_P = 0.001


@dataclass(frozen=True)
class Text:
    """Paragraphs.

    Attributes
    ----------
    paragraphs : tuple of str
    kind : str
        "" or, for what went wrong, "trouble".
    """

    paragraphs: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class Title:
    """Of what follows, within a section."""

    text: str


@dataclass(frozen=True)
class Cell:
    """Of a table: its text, by what it is sorted, where it leads, and what more it says."""

    text: str
    sort: str = ""
    href: str = ""
    folded: str = ""


@dataclass(frozen=True)
class Table:
    """Rows below headings; the first cell of each row is its heading.

    Attributes
    ----------
    caption : str
    headings : tuple of str
    rows : tuple of tuple of Cell
    numeric : tuple of bool
        Columns that are set to the right.
    sortable : bool
        Whether an order of rows means something.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: tuple[bool, ...]
    sortable: bool = True


@dataclass(frozen=True)
class Picture:
    """An image within the page.

    Attributes
    ----------
    src : str
        Data URI.
    alt : str
        What it shows, with numbers.
    caption : str
    width, height : int
        In pixels of the page.
    """

    src: str
    alt: str
    caption: str
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """Small pictures side by side."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Maps:
    """Views of a map, as the viewer gives them."""

    html: Markup


@dataclass(frozen=True)
class Methods:
    """Text to be pasted into a paper.

    Attributes
    ----------
    paragraphs, references : tuple of str
    """

    paragraphs: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Text as it is, folded away."""

    summary: str
    text: str


Block: TypeAlias = Text | Title | Table | Picture | Pictures | Maps | Methods | Code


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes
    ----------
    id : str
        Within the page.
    title : str
    blocks : tuple of Block
    """

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Link:
    """To another page of the report."""

    text: str
    href: str


@dataclass(frozen=True)
class Page:
    """A file of the report.

    Attributes
    ----------
    file, title, lead : str
    sections : tuple of Section
    left_out : tuple of str
        What there is nothing of.
    """

    file: str
    title: str
    lead: str
    sections: tuple[Section, ...]
    left_out: tuple[str, ...] = ()


def number(value: Any) -> str:
    """A number as it is read: three significant digits, without an exponent where that is short.

    Examples
    --------
    >>> number(0.52345), number(1234.5), number(1200000), number(float("nan")), number(None)
    ('0.523', '1234', '1200000', 'n/a', 'n/a')
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        return NOTHING if value is None else str(value)
    found = float(value)
    if not math.isfinite(found):
        return NOTHING if math.isnan(found) else str(found)
    if found == int(found) and abs(found) < 1e15:
        return str(int(found))
    return f"{found:.0f}" if 1e3 <= abs(found) < 1e15 else f"{found:.3g}"


def p_value(value: Any) -> str:
    """A probability.

    Examples
    --------
    >>> p_value(0.03125), p_value(0.0002), p_value(float("nan"))
    ('0.031', '< 0.001', 'n/a')
    """
    if value is None or math.isnan(value):
        return NOTHING
    return f"< {_SMALLEST_P}" if value < _SMALLEST_P else f"{value:.3f}"


def seconds(value: float | None) -> str:
    """A span of time.

    Examples
    --------
    >>> seconds(0.42), seconds(75), seconds(7300)
    ('0.42 s', '1 min 15 s', '2 h 1 min')
    """
    if value is None or math.isnan(value):
        return NOTHING
    if value < 60:
        return f"{number(value)} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def cell(value: Any, heading: str = "") -> Cell:
    """A cell of a value: p where the heading says so."""
    if isinstance(value, Cell):
        return value
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, Real):
        text = p_value(value) if is_p(heading) else number(value)
        return Cell(text, repr(float(value)))
    return Cell(NOTHING if value is None or value == "" else str(value))


def is_p(heading: str) -> bool:
    """Whether a column holds probabilities."""
    return heading == "p" or heading.startswith("p ")


def make_table(
    caption: str, headings: Sequence[str], rows: Sequence[Sequence[Any]], *, sortable: bool = True
) -> Table:
    """A table of values.

    Examples
    --------
    >>> table = make_table("Scores", ["region", "score"], [["V1", 0.75], ["IT", None]])
    >>> [[one.text for one in row] for row in table.rows], table.numeric
    ([['V1', '0.75'], ['IT', 'n/a']], (False, True))
    """
    cells = tuple(
        tuple(cell(value, heading) for value, heading in zip(row, headings, strict=True))
        for row in rows
    )
    numeric = tuple(any(row[i].sort for row in cells) for i in range(len(headings)))
    return Table(caption, tuple(headings), cells, numeric, sortable)


def table_of(frame: DataFrame, caption: str, columns: Mapping[str, str]) -> Table:
    """The columns of a frame that it has, under these headings.

    Parameters
    ----------
    frame : DataFrame
    caption : str
    columns : mapping of str to str
        Heading of each column.
    """
    found = [name for name in columns if name in frame]
    rows = frame[found].astype(object).to_numpy().tolist()
    return make_table(caption, [columns[name] for name in found], _plain(rows))


def _plain(rows: list[list[Any]]) -> list[list[Any]]:
    """Text that is missing is NaN in a frame."""
    return [
        [None if isinstance(value, float) and math.isnan(value) else value for value in row]
        for row in rows
    ]


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names in a sentence, and how many more there are.

    Examples
    --------
    >>> listed(["V1"]), listed(["V1", "V2", "IT"]), listed(["a", "b", "c", "d"], most=2)
    ('V1', 'V1, V2 and IT', 'a, b and 2 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
