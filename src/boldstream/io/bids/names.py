"""What a BIDS name says: entities, suffix, extension."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import TypeAlias

Value: TypeAlias = str | int
Entities: TypeAlias = Mapping[str, Value]

# Values of these are whole numbers: run-01 is run-1. All others are compared as text.
INDICES = frozenset({"run", "echo", "flip", "inv", "split", "chunk"})
# What tells one run of a subject from another.
RUN_ENTITIES = ("ses", "task", "acq", "ce", "rec", "dir", "run")
# What tells images of a run in several spaces from each other.
SPACE_ENTITIES = ("space", "cohort", "res", "den")


def entities_of(path: PurePath) -> dict[str, str]:
    """The key-value pairs of a BIDS name, as they are written.

    Parameters
    ----------
    path : PurePath
        Of which only the name counts.

    Examples
    --------
    >>> entities_of(PurePath("sub-01_task-rest_run-02_bold.nii.gz"))
    {'sub': '01', 'task': 'rest', 'run': '02'}
    """
    pairs = (part.partition("-") for part in path.name.split("_"))
    return {key: value for key, dash, value in pairs if dash}


def parse_name(name: str) -> tuple[dict[str, Value], str, str]:
    """Entities with their values, suffix and extension of a file's name.

    Examples
    --------
    >>> parse_name("sub-01_run-02_desc-preproc_bold.nii.gz")
    ({'sub': '01', 'run': 2, 'desc': 'preproc'}, 'bold', '.nii.gz')
    """
    stem, dot, extension = name.partition(".")
    entities: dict[str, Value] = {}
    suffix = ""
    for part in stem.split("_"):
        key, dash, text = part.partition("-")
        if dash:
            entities[key] = value_of(key, text)
        else:
            suffix = part
    return entities, suffix, dot + extension


def value_of(key: str, text: str) -> Value:
    """Value of an entity, so that those that mean the same are equal.

    Examples
    --------
    >>> value_of("run", "01") == value_of("run", "1"), value_of("ses", "01")
    (True, '01')
    """
    return int(text) if key in INDICES and text.isascii() and text.isdecimal() else text


def run_of(entities: Entities) -> tuple[Value, ...]:
    """What tells a run from others of its subject: equal for a run and what belongs to it.

    Parameters
    ----------
    entities : mapping of str to str
        As `entities_of` gives them.
    """
    return tuple(entities.get(key, "") for key in RUN_ENTITIES)


def space_of(entities: Entities) -> str:
    """The space of an image, as fMRIPrep takes it; empty where it has none.

    Parameters
    ----------
    entities : mapping of str to str
        As `entities_of` gives them.

    Examples
    --------
    >>> space_of({"sub": "01", "space": "MNI152NLin6Asym", "res": "2"})
    'MNI152NLin6Asym:res-2'
    """
    modifiers = (f"{key}-{entities[key]}" for key in SPACE_ENTITIES[1:] if key in entities)
    return ":".join([str(entities.get("space", "")), *modifiers])


def natural_order(path: PurePath | str) -> list[tuple[int, int, str]]:
    """Key that sorts run-2 before run-10.

    Parameters
    ----------
    path : path or str
        Whose text is ordered.

    Examples
    --------
    >>> sorted(["run-10", "run-9"], key=natural_order)
    ['run-9', 'run-10']
    """
    parts = re.split(r"(\d+)", str(path))
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
