"""`Maker`: what sections need of the report that they belong to."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from traceback import format_exc
from typing import Any
from urllib.parse import quote

from boldstream.core.errors import BoldstreamError
from boldstream.report.blocks import Block, Code, Maps, Section, Text
from boldstream.report.results import Run
from boldstream.report.viewer import write_views

MAPS = "maps"
# What plain code says of values that no step writes: results may be old or changed by hand, and
# one of them must not take all others from the report. A full disk must. As it may be a fault of
# ours as well, the page says both, and where it arose.
_OF_VALUES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass
class Maker:
    """Where a report is made, and where it will be.

    Attributes
    ----------
    run : Run
    folder : Path
        That is written to.
    place : Path
        Where it will be, from which links to results start.
    """

    run: Run
    folder: Path
    place: Path
    _names: set[str] = field(default_factory=set)

    def href(self, path: Path) -> str:
        """Link to a file of the results."""
        return quote(os.path.relpath(path.resolve(), self.place))

    def view(self, stat_map: Path, name: str, **options: Any) -> Block:
        """Write a map as a page of its own, and give what shows it.

        Parameters
        ----------
        stat_map : Path
        name : str
            Its page is named after it.
        **options
            As of `write_views`.
        """
        folder = self.folder / MAPS
        folder.mkdir(exist_ok=True)
        views = write_views(str(stat_map), folder, self._file(name), **options)
        return Maps(views.html(f"{MAPS}/"))

    def _file(self, name: str) -> str:
        """A file name that no other map has."""
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:80] or "map"
        found = next(
            f"{plain}{n}" for n in ("", *range(2, 10**6)) if f"{plain}{n}" not in self._names
        )
        self._names.add(found)
        return found


def attempt(id: str, title: str, make: Callable[[], list[Block]]) -> Section | None:  # noqa: A002
    """A section, in which is told what could not be read; None where there is nothing."""
    try:
        blocks = make()
    except BoldstreamError as error:
        blocks = [Text((f"This cannot be shown: {error}",), "trouble")]
    except _OF_VALUES as error:
        said = f"This cannot be shown: {type(error).__name__}: {error}."
        why = "Either a file of these results is damaged, or boldstream has a fault."
        blocks = [Text((said, why), "trouble"), Code("Where it arose", format_exc())]
    return Section(id, title, tuple(blocks)) if blocks else None
