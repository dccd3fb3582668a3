"""Put a folder in its place at once, over an older one that was made here too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from boldstream._version import __version__
from boldstream.core.errors import BoldstreamError, OutputExistsError, StorageError
from boldstream.io.writing import sync, write_json
from boldstream.memory.locks import lock_path, writer_lock
from boldstream.memory.temporary import TemporaryFolder

MARK = "report.json"
"""Names the files of a report, so that nothing else is removed with them."""


@contextmanager
def replacing(place: Path, note: Mapping[str, Any]) -> Iterator[Path]:
    """Give a new folder beside, which takes the place when the block is left.

    When the block raises, or the process ends, what was in the place stays.

    Parameters
    ----------
    place : Path
        Does not exist, is empty, or holds a report and nothing else.
    note : mapping
        What is noted in ``report.json`` beside the names of files.

    Raises
    ------
    OutputExistsError
        If it holds something else.
    StorageError
        If the folder cannot be made or moved.
    """
    place = place.resolve()
    check_place(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{place.parent} cannot be made: {error.strerror}") from error
    temporary = _temporary(place.parent)
    try:
        made = temporary.path / "new"
        made.mkdir()
        yield made
        names = sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file())
        write_json(made / MARK, {"boldstream": __version__, **note, "files": names})
        for path in (*made.rglob("*"), made):
            sync(path)
        _swap(made, place, temporary.path / "old")
    except BoldstreamError:
        # Some of these are an OSError, too, and have said it better.
        raise
    except OSError as error:
        raise StorageError(f"{place} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.close()


def _temporary(folder: Path) -> TemporaryFolder:
    try:
        return TemporaryFolder(folder)
    except (OSError, StorageError) as error:
        raise StorageError(
            f"{folder} cannot be written to, so the report must go elsewhere: give another folder "
            f"as `output`; {error}"
        ) from error


def check_place(place: Path) -> None:
    """Raise `OutputExistsError` unless a folder may be replaced."""
    if not place.exists():
        return
    if not place.is_dir():
        raise OutputExistsError(f"`output` must be a folder, got the file {place}")
    there = {str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir()}
    foreign = sorted(there - {MARK, *_files_of(place)})
    if foreign:
        some = ", ".join(foreign[:3]) + (" ..." if len(foreign) > 3 else "")
        raise OutputExistsError(
            f"`output` must be a new folder, an empty one or that of an earlier report, got "
            f"{place}, which holds {some}; move that elsewhere, or give another folder"
        )


def _files_of(place: Path) -> list[str]:
    """Files of the report that a folder holds; none if it holds none."""
    try:
        content = json.loads((place / MARK).read_bytes())
    except (OSError, ValueError):
        return []
    files = content.get("files") if isinstance(content, dict) else None
    return [str(name) for name in files] if isinstance(files, list) else []


def _swap(made: Path, place: Path, old: Path) -> None:
    """Rename the new folder to its place, and the older one away; back where that fails."""
    with writer_lock(lock_path(place)):
        # It may have come, or got other files, while the report was made.
        check_place(place)
        is_there = place.exists()
        try:
            if is_there:
                place.replace(old)
            made.replace(place)
            sync(place.parent)
        except OSError as error:
            if is_there and not place.exists():
                old.replace(place)
            raise StorageError(f"{place} cannot be written: {error.strerror}") from error
