"""Tables of events and labels, sound and odd, as the bytes of their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

CONDITIONS = ("face", "house", "Tür", "two words", "顔", "1", "a+b")
_CELLS = (
    *("", "n/a", "NaN", "nan", "inf", "-inf", "1e400", "-1", "0", "1", "2.5", "1,5", "1_0", "0x10"),
    *("face", "True", "١", "½", " 3 ", "1e5", "-1e300", "9" * 400, "\u2028", "\x00", "x" * 5000),
)
_NAMES = (
    *(
        "onset",
        "Onset",
        "duration",
        "trial_type",
        "modulation",
        "row",
        "reason",
        "run",
        "",
        "onset ",
    ),
    *("on\u200bset", "constant", "drift_1", "x"),
)


@dataclass(frozen=True)
class MadeTable:
    """Names of columns, and rows of cells."""

    names: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self, mark: str = "\t") -> str:
        """As a file; cells with the mark in them are quoted."""
        lines = [self.names, *self.rows]
        return "\n".join(mark.join(_quoted(cell, mark) for cell in line) for line in lines) + "\n"


def _quoted(cell: str, mark: str) -> str:
    return f'"{cell}"' if mark in cell else cell


@st.composite
def sound_events(draw: st.DrawFn, seconds: float = 80.0) -> MadeTable:
    """Events that are far enough apart for a beta of each, with columns that nobody uses."""
    n = draw(st.integers(3, 6))
    gaps = draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))
    at = [(seconds - 20) * i / n + gap / 4 for i, gap in enumerate(gaps)]
    names = draw(st.sampled_from(CONDITIONS)), draw(st.sampled_from(CONDITIONS))
    rows = [
        [f"{onset:g}", f"{draw(st.sampled_from([0, 0.5, 3])):g}", names[i % 2], "n/a"]
        for i, onset in enumerate(at)
    ]
    return MadeTable(["onset", "duration", "trial_type", "comment"], rows)


@st.composite
def dressed(draw: st.DrawFn, table: MadeTable) -> tuple[str, bytes]:
    """The ending and bytes of a file that says the same in another way."""
    order = draw(st.permutations(range(len(table.names))))
    table = MadeTable(
        [table.names[i] for i in order], [[row[i] for i in order] for row in table.rows]
    )
    ending, mark = draw(st.sampled_from([(".tsv", "\t"), (".csv", ","), (".CSV", ",")]))
    text = table.text(mark) + draw(st.sampled_from(["", "\n", "\n\n"]))
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    elif draw(st.booleans()):
        text = text.removesuffix("\n")
    return ending, draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()


@st.composite
def odd_tables(draw: st.DrawFn, sound: st.SearchStrategy[MadeTable]) -> bytes:
    """A table with cells, rows or names that are not what they must be, or that is no text."""
    table = draw(sound)
    for _ in range(draw(st.integers(1, 3))):
        table = draw(_spoilt(table))
    text = table.text().encode(errors="surrogatepass")
    kind = draw(st.sampled_from(["text", "text", "text", "quote", "bytes", "utf-16", "twice"]))
    at = draw(st.integers(0, len(text)))
    if kind == "utf-16":
        return table.text().encode("utf-16")
    if kind == "twice":
        return text + text
    if kind == "quote":
        return text[:at] + b'"' + text[at:]
    return text[:at] + draw(st.binary(max_size=5)) + text[at:] if kind == "bytes" else text


@st.composite
def _spoilt(draw: st.DrawFn, table: MadeTable) -> MadeTable:
    names, rows = list(table.names), [list(row) for row in table.rows]
    column = draw(st.integers(0, max(0, len(names) - 1)))
    kind = draw(st.sampled_from(["cell", "cell", "name", "drop", "column", "twice", "rows", "all"]))
    if not names or not rows:
        return table
    if kind == "cell":
        rows[draw(st.integers(0, len(rows) - 1))][column : column + 1] = [
            draw(st.sampled_from(_CELLS))
        ]
    elif kind == "all":
        cell = draw(st.sampled_from(_CELLS))
        rows = [[*row[:column], cell, *row[column + 1 :]] for row in rows]
    elif kind == "name":
        names[column] = draw(st.sampled_from(_NAMES))
    elif kind == "drop":
        names.pop(column)
    elif kind == "column":
        names.append(draw(st.sampled_from(_NAMES)))
        rows = [[*row, draw(st.sampled_from(_CELLS))] for row in rows]
    elif kind == "twice":
        rows.append(list(rows[0]))
    else:
        rows = rows[: draw(st.integers(0, len(rows)))]
    return replace(table, names=names, rows=rows)


@st.composite
def label_tables(draw: st.DrawFn, n: int = 12) -> MadeTable:
    """A condition, a value and a run for each of some volumes; classes may be few, or one."""
    classes = draw(st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=3, unique=True))
    n_runs = draw(st.integers(1, 4))
    picked = draw(st.lists(st.integers(0, len(classes) - 1), min_size=n, max_size=n))
    if draw(st.booleans()):
        picked = [i % len(classes) for i in range(n)]
    rows = [
        [classes[code], f"{i / 3:g}", str(1 + i * n_runs // n)] for i, code in enumerate(picked)
    ]
    return MadeTable(["object", "value", "run"], rows)
