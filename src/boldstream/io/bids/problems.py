"""What keeps a file of a data set from being read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from boldstream.core.errors import BoldstreamError
from boldstream.io.translate import read_head

_ANNEX = ".git/annex/objects"


def find_problem(path: Path, roots: Iterable[Path]) -> str:
    """What keeps a file from being read, to follow its name; empty if nothing does.

    Parameters
    ----------
    path : Path
    roots : iterable of Path
        Data sets that it may lie in.

    Returns
    -------
    str
        That it does not exist, is empty, is a dangling link of git-annex, a
        pointer of git-LFS, a web page; or a link that leads out of the data
        sets, unless to an object of git-annex.

    Examples
    --------
    >>> find_problem(Path("/no/such/bold.nii.gz"), [Path("/no")])
    'does not exist'
    """
    if _is_link(path):
        target = os.path.realpath(path)
        inside = any(Path(target).is_relative_to(os.path.realpath(root)) for root in roots)
        if not inside and _ANNEX not in target:
            return f"is a link to {path.readlink()}, out of the data set"
    try:
        read_head(path)
    except BoldstreamError as error:
        return str(error).removeprefix(f"{path} ")
    return ""


def _is_link(path: Path) -> bool:
    """Whether it is one, as far as can be seen; who reads it tells what cannot be."""
    try:
        return path.is_symlink()
    except PermissionError:
        return False
