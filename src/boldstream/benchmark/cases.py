"""Cases: what is run, beside what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boldstream.benchmark.requests import Outcome, Request

# Of the largest value: float32 keeps 7 digits, and sums over time lose one of them.
DEFAULT_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way on one image, a row of a table.

    Attributes
    ----------
    seed : str
        The comparison it belongs to.
    table : str
        Heading of the table.
    task : str
        What is done. Ways of one task must make the same; empty where the
        table has one.
    title : str
        Of the way.
    module, way : str
        Where it is found.
    arguments : mapping
    ours : bool
    family : bool
        Whether it starts processes, to be watched too.
    limit : int, optional
        Most bytes of address space of each of its processes.
    claim : str
        What the document behind the comparison says of it, at its own size.
    tolerance : float
        Largest difference to what others of the task made, as a share of
        their largest value.
    """

    seed: str
    table: str
    title: str
    module: str
    way: str
    arguments: Mapping[str, Any]
    task: str = ""
    ours: bool = False
    family: bool = False
    limit: int | None = None
    claim: str = ""
    tolerance: float = DEFAULT_TOLERANCE

    @property
    def group(self) -> tuple[str, str, str]:
        """Cases with the same one are compared."""
        return self.seed, self.table, self.task

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.title} ({', '.join(filter(None, (self.seed, self.table, self.task)))})"

    @property
    def step(self) -> str:
        """The same in short, within its table."""
        return ": ".join(filter(None, (self.task, self.title)))

    def request(self, output: Path) -> Request:
        """What its process is asked."""
        return Request(self.module, self.way, self.arguments, str(output), self.limit)


@dataclass(frozen=True, slots=True)
class Measured:
    """One repeat of a case.

    Attributes
    ----------
    outcome : {"done", "out of memory", "failed"}
    seconds : float
        Of the work, after all imports.
    wall_seconds : float
        Of the process, from before its start to its end.
    peak_bytes : int
        Most memory of the process and its children together: VmHWM of one
        alone, PSS of several.
    hwm_bytes : int
        Largest VmHWM of any one of them.
    start_bytes : int
        What the process held before the work: its imports.
    why : str
        Of what did not get done.
    """

    outcome: Outcome
    seconds: float
    wall_seconds: float
    peak_bytes: int
    hwm_bytes: int
    start_bytes: int
    why: str = ""


@dataclass(slots=True)
class Row:
    """A case and all its repeats.

    Attributes
    ----------
    case : Case
    repeats : list of Measured
    largest_difference : float or None
        To what our first way made, as a share of its largest value; None
        where there is nothing to compare.
    """

    case: Case
    repeats: list[Measured] = field(default_factory=list)
    largest_difference: float | None = None

    @property
    def outcome(self) -> Outcome:
        """The worst of its repeats'."""
        outcomes = {one.outcome for one in self.repeats}
        worst: tuple[Outcome, ...] = ("failed", "out of memory", "done")
        return next(outcome for outcome in worst if outcome in outcomes)

    @property
    def why(self) -> str:
        return next((one.why for one in self.repeats if one.why), "")

    @property
    def differs(self) -> bool:
        """Whether it made other numbers."""
        return not (self.largest_difference or 0.0) <= self.case.tolerance
