"""Files that say which volumes of a run are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import TableError
from boldstream.io.translate import expanded

_MOST_VOLUMES = 1 << 53
_WORDS = {"true": True, "false": False}


def read_sample_mask(path: Path, n_volumes: int) -> NDArray[np.intp]:
    r"""Volumes of a run that a file keeps.

    Parameters
    ----------
    path : path
        A ``.npy`` file of one axis, or text with one entry a line; a ``.tsv``
        file may name its column in the first line. Entries are volumes from 0
        up, in any order, or true/false or 1/0 for every volume. As many
        entries as the run has volumes, and nothing but 0 and 1 among them,
        are the latter.
    n_volumes : int
        Of the run.

    Returns
    -------
    ndarray of int
        Ascending.

    Raises
    ------
    TableError
        If the file cannot be read, or is none of these; if it keeps no
        volume, one that is not there, or one twice.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "keep.txt")
    ...     _ = path.write_text("1\n0\n1\n")
    ...     read_sample_mask(path, 3)
    array([0, 2])
    """
    path = expanded(path)
    entries = _array_of(path) if path.suffix.lower() == ".npy" else _lines_of(path)
    if entries.ndim != 1 or entries.dtype.kind not in "biu":
        raise TableError(
            f"{path} must hold volumes, or true and false, along one axis, got {entries.dtype} "
            f"of shape {entries.shape}"
        )
    is_mask = len(entries) == n_volumes and np.isin(entries, (0, 1)).all()
    if is_mask:
        entries = np.flatnonzero(entries)
    elif entries.dtype == np.bool_:
        raise TableError(f"{path} must hold {n_volumes} of true and false, got {len(entries)}")
    if not len(entries):
        raise TableError(f"{path} must keep at least one of {n_volumes} volumes, got none")
    _check_volumes(path, entries, n_volumes)
    return np.sort(entries).astype(np.intp)


def _check_volumes(path: Path, volumes: NDArray[Any], n_volumes: int) -> None:
    outside = volumes[(volumes < 0) | (volumes >= n_volumes)]
    if len(outside):
        raise TableError(
            f"{path} must hold volumes from 0 to {n_volumes - 1}, got {int(outside[0])}"
        )
    found, times = np.unique(volumes, return_counts=True)
    if (times > 1).any():
        raise TableError(
            f"{path} must hold each volume once, got {int(found[times > 1][0])} twice; 1 and 0 for "
            f"every volume would be {n_volumes}, got {len(volumes)}"
        )


def _array_of(path: Path) -> NDArray[Any]:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise TableError(f"{path} cannot be read as an array: {error}") from error
    return np.asarray(array)


def _lines_of(path: Path) -> NDArray[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise TableError(f"{path} cannot be read: {reason}") from error
    lines = [(i, line.strip().lower()) for i, line in enumerate(text.splitlines(), 1)]
    entries = [(i, entry) for i, entry in lines if entry]
    if path.suffix.lower() == ".tsv" and entries and _is_name(entries[0][1]):
        del entries[0]
    words = any(entry in _WORDS for _, entry in entries)
    values = [_value_of(entry, words, f"{path}, line {i}") for i, entry in entries]
    return np.array(values, dtype=np.bool_ if words else np.intp)


def _is_name(entry: str) -> bool:
    return entry.isidentifier() and entry not in _WORDS


def _value_of(entry: str, words: bool, where: str) -> int | bool:
    if words and entry in _WORDS:
        return _WORDS[entry]
    if not words:
        try:
            # As `numpy.savetxt` writes whole numbers: 1.000e+00.
            number = float(entry)
            if number.is_integer() and abs(number) < _MOST_VOLUMES:
                return int(number)
        except ValueError:
            pass
    wanted = "true or false" if words else "a volume, or true or false"
    raise TableError(f"{where}: must be {wanted}, got {entry!r}")
