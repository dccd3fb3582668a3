"""`BidsIndex`: a data set and its derivatives."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from boldstream.core.checks import did_you_mean, one_of
from boldstream.core.errors import ParameterError
from boldstream.io.bids.files import BidsFile, Tree
from boldstream.io.bids.names import Value, natural_order, value_of
from boldstream.io.bids.problems import find_problem
from boldstream.io.translate import expanded

Wanted: TypeAlias = Value | Collection[Value] | None
Scope: TypeAlias = Literal["all", "raw", "derivatives"]

_OTHER_KEYS = ("suffix", "extension", "datatype")
_KEYS = (
    *("sub", "ses", "sample", "task", "acq", "ce", "trc", "stain", "rec", "dir", "run", "mod"),
    *("echo", "flip", "inv", "mt", "part", "proc", "hemi", "space", "split", "recording"),
    *("chunk", "atlas", "res", "den", "label", "desc", "cohort", "from", "to", "mode"),
)


class BidsIndex:
    """Files of a BIDS data set and of one folder of derivatives.

    Each is walked once; no file is looked at. Files lie in the folder of the
    data set and below those of its subjects; what begins with a dot is left
    out. Links to folders outside the data set are not followed, nor those in
    folders that are reached by a link.

    Parameters
    ----------
    root : path
        Folder of the data set.
    derivatives : path, optional
        Folder of derivatives, such as ``derivatives/fmriprep``.

    Attributes
    ----------
    raw : Tree
    derived : Tree or None

    Raises
    ------
    ParameterError
        If one is no folder that can be read.

    Notes
    -----
    Names and inheritance are those of the Brain Imaging Data Structure
    (Gorgolewski et al. 2016, Scientific Data 3, 160044).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     func = Path(folder, "sub-01", "func")
    ...     func.mkdir(parents=True)
    ...     for run in ("01", "02", "10"):
    ...         (func / f"sub-01_task-rest_run-{run}_bold.nii.gz").touch()
    ...     index = BidsIndex(folder)
    ...     [file.path.name for file in index.find(sub="01", run=[2, "10"])]
    ['sub-01_task-rest_run-02_bold.nii.gz', 'sub-01_task-rest_run-10_bold.nii.gz']
    """

    def __init__(
        self, root: str | os.PathLike[str], derivatives: str | os.PathLike[str] | None = None
    ) -> None:
        self.raw = Tree.walk(expanded(root).absolute())
        self.derived: Tree | None = None
        if derivatives is not None:
            self.derived = Tree.walk(expanded(derivatives).absolute())

    @property
    def trees(self) -> tuple[Tree, ...]:
        """Derivatives, if there are any, and the data set."""
        return (self.raw,) if self.derived is None else (self.derived, self.raw)

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Labels of subjects that have a folder in either, in natural order."""
        labels = {label for tree in self.trees for label in tree.subjects}
        return tuple(sorted(labels, key=natural_order))

    def find(self, *, scope: Scope = "all", **entities: Wanted) -> tuple[BidsFile, ...]:
        """Files whose names say so.

        Parameters
        ----------
        scope : {"all", "raw", "derivatives"}
        **entities
            By their short names, as in files: ``sub``, ``ses``, ``task``,
            ``run``, ``space``, ``desc`` ...; also ``suffix``, ``extension`` and
            ``datatype``. A value, several of which one must hold, or None for
            files without the entity. Values of run and echo are numbers, and
            1 is "01"; others are compared as text.

        Returns
        -------
        tuple of BidsFile
            The data set's before those of derivatives, each in natural order.

        Raises
        ------
        ParameterError
            If there is no such entity.
        """
        one_of("scope", scope, ("all", "raw", "derivatives"))
        wanted = {key: _wanted(key, value) for key, value in entities.items()}
        found: list[BidsFile] = []
        for tree, name in ((self.raw, "raw"), (self.derived, "derivatives")):
            if tree is not None and scope in ("all", name):
                chosen = (file for file in _of_subjects(tree, wanted) if _fits(file, wanted))
                found += sorted(chosen, key=lambda file: natural_order(file.path))
        return tuple(found)

    def problem(self, file: BidsFile | Path) -> str:
        """What keeps a file from being read; empty if nothing does. See `find_problem`.

        Parameters
        ----------
        file : BidsFile or Path
            Below the root of the data set or its derivatives.
        """
        path = file.path if isinstance(file, BidsFile) else file
        return find_problem(path, [tree.root for tree in self.trees])


def _wanted(key: str, value: Wanted) -> frozenset[Value | None]:
    """Values that an entity may have, None for that it is not there."""
    if key not in _KEYS and key not in _OTHER_KEYS:
        hint = did_you_mean(key, (*_KEYS, *_OTHER_KEYS))
        raise ParameterError(f"an entity must be one of {', '.join(_KEYS)}, got {key!r}{hint}")
    several = value if isinstance(value, Collection) and not isinstance(value, str) else [value]
    return frozenset(
        None if one is None else value_of(key, str(one).removeprefix(f"{key}-")) for one in several
    )


def _of_subjects(tree: Tree, wanted: dict[str, frozenset[Value | None]]) -> Iterator[BidsFile]:
    for subject in wanted.get("sub") or {None, *tree.subjects}:
        if subject is None:
            yield from tree.files_in("")
        else:
            yield from tree.files_of(str(subject))


def _fits(file: BidsFile, wanted: dict[str, frozenset[Value | None]]) -> bool:
    for key, values in wanted.items():
        # A file has an empty text where it has no datatype.
        has = (getattr(file, key) or None) if key in _OTHER_KEYS else file.entities.get(key)
        if has not in values:
            return False
    return True
