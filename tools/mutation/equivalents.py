"""Mutants that were looked at and do what the original does, as listed in a file.

An entry is found again by its source line, not by that line's number, and
one that fits no mutant any more is an error.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.mutation.mutants import Mutant

_FIELDS = {"file", "line", "mutation", "reason"}


@dataclass(frozen=True)
class Equivalent:
    """An entry: the stripped source line, what is changed in it, and why nothing can notice."""

    file: str
    line: str
    mutation: str
    reason: str

    def fits(self, mutant: Mutant) -> bool:
        return (self.file, self.line, self.mutation) == (mutant.file, mutant.text, mutant.change)


def read_equivalents(path: Path) -> list[Equivalent]:
    """Read the list; an entry without all of its fields is an error."""
    entries = tomllib.loads(path.read_text()).get("equivalent", []) if path.exists() else []
    for entry in entries:
        if set(entry) != _FIELDS or not all(isinstance(x, str) and x for x in entry.values()):
            raise ValueError(f"{path.name}: an entry needs {sorted(_FIELDS)}, got {entry}")
    return [Equivalent(**entry) for entry in entries]


def find_stale(equivalents: Iterable[Equivalent], mutants: Iterable[Mutant]) -> list[Equivalent]:
    """Entries that fit none of the mutants of their file."""
    known = {(m.file, m.text, m.change) for m in mutants}
    return [e for e in equivalents if (e.file, e.line, e.mutation) not in known]
