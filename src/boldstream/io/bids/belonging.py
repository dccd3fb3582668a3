"""What belongs to an image: metadata, events, confounds, a mask of the brain.

By BIDS's principle of inheritance a file applies to all below its folder whose
names hold each of its entities with the same value; the nearest counts most.
What belongs to an image among derivatives and is not there is looked for in
the data set that they were made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from boldstream.core.errors import ParameterError
from boldstream.io.bids.files import BidsFile, Tree
from boldstream.io.bids.index import BidsIndex
from boldstream.io.bids.names import run_of, space_of
from boldstream.io.sidecar import checked_repetition_time, read_json

ReadJson: TypeAlias = Callable[[Path], dict[str, Any]]

_CONFOUNDS = ("timeseries", "regressors")  # the second is that of fMRIPrep before 20.2


def metadata_of(index: BidsIndex, file: BidsFile, *, read: ReadJson = read_json) -> dict[str, Any]:
    """What sidecars say of a file, those of its own data set only.

    Parameters
    ----------
    index : BidsIndex
    file : BidsFile
    read : callable
        Reads a sidecar; one that remembers, where many files share them.

    Raises
    ------
    TableError
        If a sidecar cannot be read.
    """
    found: dict[str, Any] = {}
    for sidecar in _sidecars(_tree_of(index, file), file):
        # A null in JSON takes nothing away from what a farther sidecar says.
        found |= {key: value for key, value in read(sidecar.path).items() if value is not None}
    return found


def repetition_time_of(
    index: BidsIndex, file: BidsFile, *, read: ReadJson = read_json
) -> float | None:
    """Seconds from one volume to the next, as sidecars say: the image's own first, then raw ones.

    Parameters
    ----------
    index, file, read
        As for `metadata_of`.

    Returns
    -------
    float or None
        None if no sidecar says.

    Raises
    ------
    TableError
        If a sidecar cannot be read, or it is no number above 0.
    """
    for tree in _from(index, file):
        for sidecar in reversed(_sidecars(tree, file)):
            seconds = read(sidecar.path).get("RepetitionTime")
            if seconds is None:
                continue
            return checked_repetition_time(seconds, sidecar.path)
    return None


def events_of(index: BidsIndex, file: BidsFile) -> BidsFile | None:
    """The table of events of an image; None if there is none.

    Parameters
    ----------
    index : BidsIndex
    file : BidsFile
        The image.

    Raises
    ------
    ParameterError
        If several apply alike.
    """
    for tree in _from(index, file):
        tables = _applying(tree, file, "events", ".tsv")
        if tables:
            return _nearest(tables)
    return None


def confounds_of(index: BidsIndex, file: BidsFile) -> BidsFile | None:
    """FMRIPrep's table of confounds for an image; None if there is none.

    Parameters
    ----------
    index : BidsIndex
    file : BidsFile
        The image.

    Raises
    ------
    ParameterError
        If there are several.
    """
    tables = [
        other
        for other in _beside(index, file, ".tsv")
        if other.suffix in _CONFOUNDS and other.entities.get("desc") == "confounds"
    ]
    return _only(tables)


def brain_mask_of(index: BidsIndex, file: BidsFile) -> BidsFile | None:
    """The mask of the brain in an image's run and space; None if there is none.

    Parameters
    ----------
    index : BidsIndex
    file : BidsFile
        The image.

    Raises
    ------
    ParameterError
        If there are several.
    """
    masks = [
        other
        for other in _beside(index, file, ".nii.gz", ".nii")
        if other.suffix == "mask"
        and other.entities.get("desc") == "brain"
        and space_of(other.entities) == space_of(file.entities)
    ]
    return _only(masks)


def _sidecars(tree: Tree, file: BidsFile) -> list[BidsFile]:
    """Those that apply, the nearest last."""
    return _applying(tree, file, file.suffix, ".json")


def _applying(tree: Tree, file: BidsFile, suffix: str, extension: str) -> list[BidsFile]:
    """Files that apply to an image, the nearest last, of those in a folder the most particular."""
    found: list[BidsFile] = []
    for folder in _levels(tree, file):
        here = [
            other
            for other in tree.files_of_kind(folder, suffix, extension)
            if other.entities.items() <= file.entities.items()
        ]
        found += sorted(here, key=lambda other: (len(other.entities), other.path.name))
    return found


def _levels(tree: Tree, file: BidsFile) -> Iterator[str]:
    """Folders from the data set's to that of a file, or to where its like would be."""
    parts = _folder_in(tree, file)
    if parts is None:
        named = [f"{key}-{file.entities[key]}" for key in ("sub", "ses") if key in file.entities]
        parts = (*named, file.datatype or "func")
    for depth in range(len(parts) + 1):
        yield "/".join(parts[:depth])


def _folder_in(tree: Tree, file: BidsFile) -> tuple[str, ...] | None:
    """Names of the folders from the data set to a file; None if it is not one of its files."""
    # Derivatives may lie below the folder of the raw data set, and are no files of that.
    if not file.path.is_relative_to(tree.root):
        return None
    parts = file.path.relative_to(tree.root).parts[:-1]
    return parts if "/".join(parts) in tree.names else None


def _beside(index: BidsIndex, file: BidsFile, *extensions: str) -> Iterator[BidsFile]:
    """Files of the same run in the same folder."""
    tree = _tree_of(index, file)
    *_, folder = _levels(tree, file)
    for other in tree.files_in(folder):
        if other.extension in extensions and run_of(other.entities) == run_of(file.entities):
            yield other


def _tree_of(index: BidsIndex, file: BidsFile) -> Tree:
    return _from(index, file)[0]


def _from(index: BidsIndex, file: BidsFile) -> tuple[Tree, ...]:
    """The data set that a file lies in, and the raw one."""
    # Derivatives come first: they may lie below the raw data set.
    holding = [tree for tree in index.trees if file.path.is_relative_to(tree.root)]
    own = holding[0] if holding else index.raw
    return (own,) if own is index.raw else (own, index.raw)


def _nearest(files: Sequence[BidsFile]) -> BidsFile:
    best = files[-1]
    alike = [
        file
        for file in files
        if file.path.parent == best.path.parent and len(file.entities) == len(best.entities)
    ]
    _only(alike)
    return best


def _only(files: Sequence[BidsFile]) -> BidsFile | None:
    if len(files) > 1:
        listed = ", ".join(file.path.name for file in files)
        raise ParameterError(f"one file must apply to a run, got {listed}")
    return files[0] if files else None
