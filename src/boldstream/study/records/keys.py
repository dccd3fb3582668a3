"""Content keys: what a result depends on, as one text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boldstream.core.errors import StorageError
from boldstream.study.planning.plan import StudyPlan
from boldstream.study.planning.unit import Unit

_BYTES = 16


def key_of(unit: Unit, version: int, root: Path, needed: Mapping[str, str]) -> str:
    """Key of the results of a unit: the same for the same inputs, parameters and code.

    Parameters
    ----------
    unit : Unit
    version : int
        Of the step; it grows when the step gives other results.
    root : Path
        Folder of the data: inputs below it keep their key where all of it is moved.
    needed : mapping of str to str
        Keys of the units that it needs.

    Raises
    ------
    StorageError
        If an input is not there.
    """
    content = {
        "step": unit.step,
        "version": version,
        "parameters": unit.parameters,
        "inputs": [_state(Path(path), root) for path in unit.inputs],
        "needs": [needed[name] for name in unit.needs],
    }
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=_BYTES).hexdigest()


def keys_of(plan: StudyPlan, versions: Mapping[str, int]) -> dict[str, str]:
    """Keys of all units of a plan.

    Parameters
    ----------
    plan : StudyPlan
    versions : mapping of str to int
        Of each step.
    """
    keys: dict[str, str] = {}
    for name, unit in plan.units.items():
        keys[name] = key_of(unit, versions[unit.step], plan.root, keys)
    return keys


def _state(path: Path, root: Path) -> list[Any]:
    """Name, size and time of a file: what tells that it is another one now."""
    try:
        status = path.stat()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    name = path.relative_to(root) if path.is_relative_to(root) else path
    return [str(name), status.st_size, status.st_mtime_ns]
