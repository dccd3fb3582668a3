"""Files of the results, with sizes and links."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from boldstream.core.budget import format_bytes
from boldstream.report.blocks import Block, Cell, make_table
from boldstream.report.making import Maker
from boldstream.report.reading import DESCRIPTION, STATUS, SUBJECTS
from boldstream.report.results import Unit


def file_blocks(maker: Maker, units: Sequence[Unit], *, of_run: bool = False) -> list[Block]:
    """A table of the files of units, and of those that are about the whole run."""
    found: list[tuple[Path, int]] = []
    if of_run:
        paths = [maker.run.folder / name for name in (STATUS, SUBJECTS, DESCRIPTION)]
        found += [(path, path.stat().st_size) for path in paths if path.is_file()]
    for unit in units:
        folder = unit.folder
        if folder is not None:
            found += [(folder / name, size) for name, size in sorted(unit.files.items())]
    there = [(path, size) for path, size in found if path.is_file()]
    if not there:
        return []
    total = format_bytes(sum(size for _, size in there))
    rows = [
        [
            Cell(str(path.relative_to(maker.run.folder)), href=maker.href(path)),
            Cell(format_bytes(size), repr(size)),
        ]
        for path, size in there
    ]
    caption = (
        f"{len(there)} files of {total} in {maker.run.folder}. Links lead there as long as the "
        "report and the results stay where they are."
    )
    return [make_table(caption, ("file", "size"), rows)]
