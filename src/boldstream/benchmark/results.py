"""What a comparison found: rows of tables, and the same as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from boldstream.benchmark.cases import Measured, Row

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that was measured.

    Attributes
    ----------
    rows : sequence of Row
    facts : dict
        When, where, with which versions and on what.
    """

    rows: Sequence[Row]
    facts: dict[str, Any]

    @property
    def problems(self) -> list[str]:
        """Ways that made other numbers, or failed for another reason than memory."""
        return [problem for row in self.rows for problem in _problems(row)]

    @property
    def largest_difference(self) -> float:
        """Of all ways, as a share of the largest value of each."""
        return max((row.largest_difference or 0.0 for row in self.rows), default=0.0)

    def reference(self, row: Row) -> Row | None:
        """What a row is held against: the first of ours of the same task that got done."""
        group = [
            other for other in self.rows if other.case.ours and other.case.group == row.case.group
        ]
        return next((other for other in group if other.outcome == "done"), None)

    @property
    def content(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        return {
            "schema": SCHEMA,
            **self.facts,
            "rows": [self._row(row) for row in self.rows],
            "problems": self.problems,
        }

    def _row(self, row: Row) -> dict[str, Any]:
        case, reference = row.case, self.reference(row)
        apart = row.largest_difference
        ratios = {
            f"{name}_beside_ours": None if reference is None else ratio(row, reference, figure)
            for name, figure in (("seconds", seconds), ("peak", peak_bytes))
        }
        return {
            "seed": case.seed,
            "table": case.table,
            "task": case.task,
            "way": case.title,
            "ours": case.ours,
            "limit_bytes": case.limit or case.arguments.get("limit"),
            "claim": case.claim,
            "outcome": row.outcome,
            "why": row.why,
            **ratios,
            # JSON has no infinity: of other names or shapes nothing can be said.
            "largest_difference": None if apart == float("inf") else apart,
            "differs": row.differs,
            "tolerance": case.tolerance,
            "repeats": [asdict(one) for one in row.repeats],
        }


def seconds(repeats: Sequence[Measured]) -> float:
    """Median time of the work."""
    return statistics.median(one.seconds for one in repeats)


def peak_bytes(repeats: Sequence[Measured]) -> float:
    """Median peak of all processes of a way together."""
    return statistics.median(one.peak_bytes for one in repeats)


def ratio(row: Row, reference: Row, figure: Callable[[Sequence[Measured]], float]) -> float | None:
    """A figure of a row as a multiple of that of another; None where it did not get done."""
    if row.outcome != "done":
        return None
    below = figure(reference.repeats)
    return figure(row.repeats) / below if below else None


def _problems(row: Row) -> list[str]:
    if row.outcome == "failed":
        return [f"{row.case.name} failed: {row.why}"]
    if row.differs:
        return [
            f"{row.case.name} made other numbers than ours: they are up to "
            f"{row.largest_difference:.2g} of the largest value apart, "
            f"{row.case.tolerance:.2g} accepted"
        ]
    return []
