"""`Results`: the folder of a study's results, where each unit has its own."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from boldstream.core.errors import StorageError, TableError
from boldstream.io.manifests import MANIFEST
from boldstream.io.writing import sync, write_json
from boldstream.memory.temporary import TemporaryFolder

PRIVATE = ".boldstream"
_ATTEMPTS = 5


class Results:
    """Results of units, each in a folder that is whole or not there.

    Parameters
    ----------
    output : Path
        Made when the first result is written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = Results(Path(folder))
    ...     with results.writing("sub-01/betas", {"key": "k"}) as place:
    ...         _ = Path(place, "a.txt").write_text("whole")
    ...     results.read("sub-01/betas")["files"], results.find("sub-01/betas", "another key")
    ({'a.txt': 5}, None)
    """

    def __init__(self, output: Path) -> None:
        self.output = output

    @property
    def private(self) -> Path:
        """Folder for what is no result: plans, logs, what is being written."""
        return self.output / PRIVATE

    def folder(self, unit_id: str) -> Path:
        """Where the results of a unit are, or will be."""
        return self.output / unit_id

    def find(self, unit_id: str, key: str) -> Mapping[str, Any] | None:
        """What was noted of a unit that was done with this key, if its files are all there."""
        manifest = self.read(unit_id)
        if manifest is None or manifest.get("key") != key:
            return None
        folder = self.folder(unit_id)
        for name, size in manifest["files"].items():
            try:
                if (folder / name).stat().st_size != size:
                    return None
            except (FileNotFoundError, NotADirectoryError):
                return None
        return manifest

    def read(self, unit_id: str) -> Mapping[str, Any] | None:
        """What was noted of a unit, with whatever key; None if it has no results.

        Raises
        ------
        TableError
            If the note is damaged.
        StorageError
            If it is there and cannot be read.
        """
        path = self.folder(unit_id) / MANIFEST
        try:
            manifest: Any = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise TableError(f"{path} is damaged: {error}; remove its folder") from error
        if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
            raise TableError(f"{path} is damaged: it names no files; remove its folder")
        found: dict[str, Any] = manifest
        return found

    @contextmanager
    def writing(self, unit_id: str, note: dict[str, Any]) -> Iterator[Path]:
        """Give a folder to write results to, which takes its place when the block is left.

        `note` is written beside them as it is then; older results are replaced.
        When the block raises, nothing remains.

        Raises
        ------
        StorageError
            If the folder cannot be made or moved.
        """
        self.private.mkdir(parents=True, exist_ok=True)
        temporary = TemporaryFolder(self.private)
        try:
            made = temporary.path / "new"
            made.mkdir()
            yield made
            note["files"] = _sizes(made)
            write_json(made / MANIFEST, note)
            _sync_all(made)
            self._place(made, self.folder(unit_id), temporary.path)
        finally:
            temporary.close()

    def _place(self, made: Path, place: Path, private: Path) -> None:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _swap(made, place, private)
            sync(place.parent)
        except OSError as error:
            raise StorageError(f"{place} cannot be written: {error.strerror}") from error

    def remove(self, unit_id: str) -> None:
        """Forget the results of a unit, if there are any.

        Raises
        ------
        StorageError
            If they cannot be removed.
        """
        try:
            shutil.rmtree(self.folder(unit_id))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"{error.filename} cannot be removed: {error.strerror}") from error


def _swap(made: Path, place: Path, private: Path) -> None:
    """Rename a folder to its place, and what is there to a private one."""
    for attempt in range(_ATTEMPTS):
        with suppress(FileNotFoundError):
            place.replace(private / f"old-{attempt}")
        try:
            made.replace(place)
            break
        except OSError as error:
            # Whoever does the same unit, as a worker whose run was killed, came between.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _ATTEMPTS - 1:
                raise


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sizes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_size for path in _files(folder)}


def _sync_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)
