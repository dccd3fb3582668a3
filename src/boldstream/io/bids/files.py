"""`Tree`: files of one data set, found in one walk."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from boldstream.core.errors import ParameterError
from boldstream.io.bids.names import Entities, parse_name

# Those of BIDS 1.10.
DATATYPES = (
    *("anat", "beh", "dwi", "eeg", "fmap", "func", "ieeg", "meg", "micr", "motion"),
    *("mrs", "nirs", "perf", "pet"),
)


@dataclass(frozen=True, slots=True)
class BidsFile:
    """A file of a data set, as its name and folder tell.

    Attributes
    ----------
    path : Path
    entities : mapping of str to str or int
        By their short names, as "sub" and "run"; run and echo are whole numbers.
    suffix : str
        As "bold".
    extension : str
        As ".nii.gz".
    datatype : str
        As "func"; empty outside such a folder.

    Examples
    --------
    >>> BidsFile.of(Path("sub-01/func/sub-01_task-rest_run-02_bold.nii.gz")).entities["run"]
    2
    """

    path: Path
    entities: Entities
    suffix: str
    extension: str
    datatype: str

    @classmethod
    def of(cls, path: Path) -> BidsFile:
        """What the name and the folder of a file tell, whether it is there or not."""
        folder = path.parent.name
        return cls(path, *parse_name(path.name), folder if folder in DATATYPES else "")


@dataclass(frozen=True, eq=False)
class Tree:
    """Files of one data set: those in its folder, and all below the folders of subjects.

    Attributes
    ----------
    root : Path
    names : mapping of str to list of str
        Names of files by their folder, as "sub-01/func"; that of the data set is "".
    skipped : mapping of str to str
        Folders that were not walked, and why.
    """

    root: Path
    names: dict[str, list[str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    _folders: dict[str, list[str]] = field(default_factory=dict)
    _parsed: dict[str, tuple[BidsFile, ...]] = field(default_factory=dict)
    _kinds: dict[str, dict[tuple[str, str], list[BidsFile]]] = field(default_factory=dict)

    @classmethod
    def walk(cls, root: Path) -> Tree:
        """Find the files of a data set by `os.scandir`, without a look at any of them.

        Raises
        ------
        ParameterError
            If `root` is no folder that can be read.
        """
        tree = cls(root)
        try:
            tree._scan("", os.path.realpath(root))
        except OSError as error:
            raise ParameterError(
                f"a data set must be a folder that can be read, got {root}: {error.strerror}"
            ) from error
        return tree

    @property
    def subjects(self) -> tuple[str, ...]:
        """Labels of subjects that have a folder, in no order."""
        return tuple(folder.removeprefix("sub-") for folder in self._folders)

    def files_of(self, subject: str) -> Iterator[BidsFile]:
        """All files below the folder of a subject."""
        for folder in self._folders.get(f"sub-{subject}", ()):
            yield from self.files_in(folder)

    def files_in(self, folder: str) -> tuple[BidsFile, ...]:
        """Files of one folder; none if there is no such folder."""
        # Names are parsed when they are asked for: most of a large data set never are.
        if folder not in self._parsed:
            place = self.root / folder
            names = self.names.get(folder, ())
            self._parsed[folder] = tuple(BidsFile.of(place / name) for name in names)
        return self._parsed[folder]

    def files_of_kind(self, folder: str, suffix: str, extension: str) -> Sequence[BidsFile]:
        """Files of one folder with a suffix and extension."""
        # The folder of a data set may hold a report for each of its subjects.
        if folder not in self._kinds:
            kinds: dict[tuple[str, str], list[BidsFile]] = defaultdict(list)
            for file in self.files_in(folder):
                kinds[file.suffix, file.extension].append(file)
            self._kinds[folder] = dict(kinds)
        return self._kinds[folder].get((suffix, extension), ())

    def _scan(self, folder: str, real_root: str, *, linked: bool = False) -> None:
        names: list[str] = []
        inside: dict[str, bool] = {}
        with os.scandir(self.root / folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not (folder or _is_of_top(entry)):
                    continue
                if not _is_folder(entry):
                    names.append(entry.name)
                elif not entry.is_symlink():
                    inside[entry.name] = linked
                elif self._may_follow(entry, folder, real_root, linked=linked):
                    inside[entry.name] = True
        self.names[folder] = names
        if folder:
            self._folders.setdefault(folder.partition("/")[0], []).append(folder)
        for name, is_linked in inside.items():
            place = f"{folder}/{name}" if folder else name
            try:
                self._scan(place, real_root, linked=is_linked)
            except OSError as error:
                self._skip(place, f"cannot be read: {error.strerror}")

    def _may_follow(
        self, link: os.DirEntry[str], folder: str, real_root: str, *, linked: bool
    ) -> bool:
        target, here = os.path.realpath(link.path), os.path.realpath(self.root / folder)
        if not _is_below(target, real_root):
            why = f"is a link to {Path(link.path).readlink()}, out of the data set"
            self._skip(f"{folder}/{link.name}".strip("/"), why)
            return False
        # A link to a folder that it lies in would be walked without end.
        if _is_below(here, target):
            return False
        if linked:
            # A few that lead to each other are more paths than can be walked.
            self._skip(f"{folder}/{link.name}", "is a link in a folder that is reached by a link")
        return not linked

    def _skip(self, place: str, why: str) -> None:
        self.skipped[place] = why
        self._folders.setdefault(place.partition("/")[0], [])


def _is_of_top(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of the data set's folder counts: subjects, and files."""
    return entry.name.startswith("sub-") or not _is_folder(entry)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    if not entry.is_symlink():
        return entry.is_dir(follow_symlinks=False)
    # Links to data have an extension; to look at each would be a `stat` for each file.
    return "." not in entry.name and entry.is_dir()


def _is_below(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder
