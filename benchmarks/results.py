"""What all suites found, on which machine, group by group; kept as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rows import Row
from boldstream.benchmark.machine import describe_machine, describe_versions

FULL = Path(__file__).with_name("results.json")
QUICK = Path(__file__).with_name("results-quick.json")
_SCHEMA = 1
# Memory that may be used changes with what else runs.
_SAME_MACHINE = ("cpu", "cores", "system")


class ResultsError(Exception):
    """A file of results that cannot be used for what it is asked for."""


def machine_here() -> dict[str, Any]:
    """What of a machine figures hang on, and nothing that tells which one it is."""
    return {**describe_machine(), "system": f"{platform.system()} ({platform.machine()})"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A group of figures, when and of what they were taken.

    Attributes
    ----------
    state : {"done", "failed", "interrupted"}
    revision : str
        Of git; "unknown" outside of a checkout.
    changes : str
        Digest of what differs from that revision; empty where nothing does.
    began, ended : str
        In UTC.
    why : str
        Of what is not done.
    rows : tuple of Row
    """

    state: str
    revision: str
    changes: str
    began: str
    ended: str
    why: str = ""
    rows: tuple[Row, ...] = ()

    @property
    def content(self) -> dict[str, Any]:
        """The same as plain JSON."""
        names = ("state", "revision", "changes", "began", "ended", "why")
        values = {name: getattr(self, name) for name in names}
        return {**values, "clean": not self.changes, "rows": [row.content for row in self.rows]}

    @classmethod
    def of(cls, content: dict[str, Any]) -> Taken:
        """What `content` was made of."""
        values = {name: value for name, value in content.items() if name not in ("clean", "rows")}
        return cls(**values, rows=tuple(Row.of(row) for row in content["rows"]))


@dataclass(slots=True)
class Results:
    """All groups that were taken.

    Attributes
    ----------
    quick : bool
        Whether of small images, which are not judged.
    machine, versions : dict
    groups : dict of str to Taken
        By their keys, as ``glm.betas``.
    """

    quick: bool
    machine: dict[str, Any] = field(default_factory=machine_here)
    versions: dict[str, str | None] = field(default_factory=describe_versions)
    groups: dict[str, Taken] = field(default_factory=dict)

    @property
    def rows(self) -> Iterator[Row]:
        """All figures."""
        for taken in self.groups.values():
            yield from taken.rows

    @property
    def misses(self) -> list[Row]:
        """Figures that are not as asked."""
        return [row for row in self.rows if row.passed is False]

    def row(self, key: str) -> Row:
        """The figure of a key.

        Raises
        ------
        ResultsError
            If there is none.
        """
        for row in self.rows:
            if row.key == key:
                return row
        raise ResultsError(f"there is no figure {key!r}")

    def clash(self, name: str, rows: Sequence[Row]) -> str:
        """What is wrong with rows of which one has the key of another; empty if none has."""
        others = (taken.rows for one, taken in self.groups.items() if one != name)
        seen = {row.key for of_one in others for row in of_one}
        for row in rows:
            if row.key in seen:
                return f"two figures have the key {row.key!r}"
            seen.add(row.key)
        return ""

    def put(self, name: str, taken: Taken, order: Iterable[str]) -> None:
        """Add a group in its place, or put it in the place of an earlier one."""
        found = {**self.groups, name: taken}
        self.groups = {one: found[one] for one in dict.fromkeys([*order, *found]) if one in found}

    def is_of_this_machine(self, quick: bool) -> bool:
        """Whether what is taken here and now can stand beside it."""
        machine, versions = machine_here(), describe_versions()
        same = all(self.machine[name] == machine[name] for name in _SAME_MACHINE)
        return same and self.versions == versions and self.quick == quick

    def has(self, name: str, revision: str, changes: str) -> bool:
        """Whether a group is done, of this very code."""
        taken = self.groups.get(name)
        if taken is None or taken.state != "done":
            return False
        return (taken.revision, taken.changes) == (revision, changes)

    def write(self, path: Path) -> None:
        """Write all, whole or not at all."""
        content = {
            "schema": _SCHEMA,
            "quick": self.quick,
            "machine": self.machine,
            "versions": self.versions,
            "groups": {name: taken.content for name, taken in self.groups.items()},
        }
        made = path.with_suffix(".part")
        made.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        made.replace(path)

    @classmethod
    def read(cls, path: Path) -> Results:
        """What `write` wrote.

        Raises
        ------
        ResultsError
            If the file is not there, or is none of these.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["schema"] != _SCHEMA:
                raise ResultsError(f"{path.name} has the schema {content['schema']}, not {_SCHEMA}")
            groups = {name: Taken.of(taken) for name, taken in content["groups"].items()}
            return cls(content["quick"], content["machine"], content["versions"], groups)
        except FileNotFoundError as error:
            raise ResultsError(f"there is no {path.name}; make it with: make benchmark") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"{path.name} cannot be read as results: {error}") from error
