"""`Row`: one figure as it was measured, beside what is asked of it and what others take."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.words import of_peaks, with_unit

_VERDICTS = {None: "", True: "pass", False: "[red]miss[/red]"}


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a figure, in words and as bounds of the number that is judged.

    Attributes
    ----------
    words : str
    most, least : float, optional
        Bounds, which are allowed themselves unless it is `strict`.
    strict : bool

    Examples
    --------
    >>> most(10, "s").words, most(10, "s").met(10.0), most(10, "s").met(float("nan"))
    ('≤ 10 s', True, False)
    """

    words: str
    most: float | None = None
    least: float | None = None
    strict: bool = False

    def met(self, judged: float) -> bool:
        """Whether a number is within the bounds; NaN never is."""
        if math.isnan(judged) or (self.strict and judged in (self.most, self.least)):
            return False
        low = -math.inf if self.least is None else self.least
        high = math.inf if self.most is None else self.most
        return bool(low <= judged <= high)


def most(value: float, unit: str, words: str = "") -> Ask:
    """At most so much."""
    return Ask(words or f"≤ {value:g} {unit}".rstrip(), most=value)


def least(value: float, unit: str, words: str = "") -> Ask:
    """At least so much."""
    return Ask(words or f"≥ {value:g} {unit}".rstrip(), least=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure.

    Attributes
    ----------
    suite, size, what : str
        Where it was taken, on how much or on which image, and its name: together its key.
    value : float
    unit : str
    asked : str
        Empty where nothing is.
    passed : bool or None
        None where nothing is asked.
    peer : str
        What it is held against; empty where nothing is.
    peer_value : float or None
        In the same unit.
    ratio : float or None
        Of both, so that what is asked is read off: mostly the peer's as a
        multiple of ours; `ratio_unit` says.
    ratio_unit : str
    peak_mib, peer_peak_mib : float or None
        Most memory, of ours and of the peer's.
    n : int
        How often it was measured; of several the median is told.
    note : str
        What more there is to tell.
    """

    suite: str
    size: str
    what: str
    value: float
    unit: str
    asked: str = ""
    passed: bool | None = None
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None
    ratio_unit: str = ""
    peak_mib: float | None = None
    peer_peak_mib: float | None = None
    n: int = 1
    note: str = ""

    @property
    def key(self) -> str:
        """What it is found by: ``suite / size / what``."""
        return " / ".join(part for part in (self.suite, self.size, self.what) if part)

    @property
    def got(self) -> str:
        """Value and unit for people."""
        return with_unit(self.value, self.unit)

    @property
    def beside(self) -> str:
        """The peer and its value."""
        value = "" if self.peer_value is None else with_unit(self.peer_value, self.unit)
        return f"{self.peer} {value}".strip()

    @property
    def times(self) -> str:
        """The ratio."""
        return "" if self.ratio is None else with_unit(self.ratio, self.ratio_unit)

    @property
    def peaks(self) -> str:
        """Memory of ours, and of the peer."""
        return of_peaks(self.peak_mib, self.peer_peak_mib)

    @property
    def told(self) -> str:
        """All that was found, in a line."""
        extra = f"n = {self.n}" if self.n > 1 else ""
        parts = (self.beside, self.times, self.peaks, extra, self.note)
        rest = "; ".join(part for part in parts if part)
        return f"{self.got} ({rest})" if rest else self.got

    @property
    def content(self) -> dict[str, Any]:
        """The same as plain JSON, which has no NaN and no infinity."""
        found = asdict(self)
        return {"key": self.key} | {name: _plain(value) for name, value in found.items()}

    @classmethod
    def of(cls, content: dict[str, Any]) -> Row:
        """The row that `content` was made of."""
        values = {name: _number(value) for name, value in content.items() if name != "key"}
        return cls(**values)


def figure(
    suite: str,
    size: str,
    what: str,
    value: float,
    unit: str,
    *,
    ask: Ask | None = None,
    judged: float | None = None,
    **more: Any,
) -> Row:
    """A row, and whether what is asked is met.

    Parameters
    ----------
    suite, size, what, value, unit
        As of `Row`.
    ask : Ask, optional
    judged : float, optional
        What `ask` is about; by default the ratio if there is one, else the value.
    **more
        As of `Row`.

    Examples
    --------
    >>> row = figure("glm", "", "fit", 2.0, "s", ask=least(3, "×"), ratio=4.0, ratio_unit="×")
    >>> row.passed, row.told
    (True, '2.00 s (4.00 ×)')
    """
    row = Row(suite=suite, size=size, what=what, value=float(value), unit=unit, **more)
    if ask is None:
        return row
    if judged is None:
        judged = row.value if row.ratio is None else row.ratio
    return Row(
        **{name: getattr(row, name) for name in Row.__slots__}
        | {"asked": ask.words, "passed": ask.met(float(judged))}
    )


def print_table(rows: Iterable[Row], *, judged: bool) -> None:
    """Print what was asked and got; figures of small images are not judged."""
    table = Table("suite", "size", "what", "asked", "got", "beside", "ratio", "peak", "n", "")
    table.columns[-2].justify = "right"
    last = ""
    for row in rows:
        if last and row.suite != last:
            table.add_section()
        verdict = _VERDICTS[row.passed] if judged else ""
        cells = (row.suite if row.suite != last else "", row.size, row.what, row.asked, row.got,
                 row.beside, row.times, row.peaks, str(row.n))  # fmt: skip
        table.add_row(*(escape(cell) for cell in cells), verdict)
        last = row.suite
    console = Console(width=None if Console().is_terminal else 200)
    console.print(table)


def counted(rows: Iterable[Row]) -> str:
    """How many passed and missed, and of how many nothing is asked."""
    verdicts = [row.passed for row in rows]
    passes, misses, free = (verdicts.count(verdict) for verdict in (True, False, None))
    told = [
        f"{n} {word}{'' if n == 1 else 'es'}" for n, word in ((passes, "pass"), (misses, "miss"))
    ]
    return f"{', '.join(told)}, {free} with nothing asked"


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _number(value: Any) -> Any:
    return float(value) if value in ("nan", "inf", "-inf") else value
