"""What is found of a data set, for the study file that `init_study` writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from boldstream.core.cells import is_no_value, is_number
from boldstream.core.errors import ParameterError, TableError
from boldstream.io.bids import (
    BidsFile,
    BidsIndex,
    confounds_of,
    events_of,
    find_problem,
    natural_order,
    space_of,
)
from boldstream.io.bids.index import Scope
from boldstream.io.study import FMRIPREP, is_label
from boldstream.io.tables import Table, read_table

Find: TypeAlias = Callable[[BidsIndex, BidsFile], BidsFile | None]

_MASKS = "masks"
_ENDINGS = (".nii.gz", ".nii")
# More values than this are no conditions.
_MOST_CONDITIONS = 12
_OF_BIDS = ("onset", "duration", "trial_type")
_OF_CHOICES = ("choice", "delayed_amount", "delay", "immediate_amount")
_MOTION = tuple(f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz")
# What nilearn's strategy "simple" takes, beside derivatives and powers of motion.
_OF_SIMPLE = (*_MOTION, "rot_z_derivative1_power2", "csf", "white_matter")


@dataclass(frozen=True)
class Survey:
    """What is found of a data set.

    Attributes
    ----------
    subjects, tasks, spaces : tuple of str
        The task and the space with most images first.
    runs : tuple of str
    masks : mapping of str to str
        Regions, and their files relative to the data set.
    conditions : tuple of str
        Values of ``trial_type`` in the first table of events.
    values : tuple of str
        Its columns of numbers, beside onset and duration.
    has_choices : bool
        Whether it has the columns that `BehaviourSettings` takes by default.
    strategy : str
        Of confounds, where the first table has what it takes.
    motion : tuple of str
        Columns of motion in the first table of confounds.
    """

    subjects: tuple[str, ...]
    tasks: tuple[str, ...]
    spaces: tuple[str, ...]
    runs: tuple[str, ...]
    masks: dict[str, str] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    has_choices: bool = False
    strategy: str = ""
    motion: tuple[str, ...] = ()


def survey(root: Path) -> Survey:
    """Look at the names of a data set, and at its first tables of events and confounds."""
    derivatives = root / FMRIPREP
    index = BidsIndex(root, derivatives if derivatives.is_dir() else None)
    images = _images(index)
    tasks = _by_count(_texts(images, "task"))
    images = [file for file in images if not tasks or str(file.entities.get("task")) == tasks[0]]
    events, confounds = _first(index, images, events_of), _first(index, images, confounds_of)
    columns = confounds.columns if confounds is not None else {}
    is_simple = set(_OF_SIMPLE) <= set(columns) and any(x.startswith("cosine") for x in columns)
    return Survey(
        index.subjects,
        tasks,
        _by_count(space for space in (space_of(file.entities) for file in images) if space),
        tuple(sorted(set(_texts(images, "run")), key=natural_order)),
        _masks(root),
        _conditions(events),
        _values(events),
        events is not None and set(_OF_CHOICES) <= set(events.columns),
        "simple" if is_simple else "",
        tuple(name for name in _MOTION if name in columns),
    )


def _images(index: BidsIndex) -> list[BidsFile]:
    scope: Scope = "raw" if index.derived is None else "derivatives"
    found = index.find(scope=scope, suffix="bold", extension=_ENDINGS)
    return [file for file in found if file.entities.get("desc") == "preproc"] or list(found)


def _texts(images: Iterable[BidsFile], entity: str) -> list[str]:
    return [str(file.entities[entity]) for file in images if entity in file.entities]


def _by_count(texts: Iterable[str]) -> tuple[str, ...]:
    counts = Counter(texts)
    return tuple(sorted(counts, key=lambda text: (-counts[text], natural_order(text))))


def _first(index: BidsIndex, images: Iterable[BidsFile], find: Find) -> Table | None:
    """The first table that can be read; `find_inputs` tells what is wrong with others."""
    for image in images:
        with suppress(ParameterError, TableError):
            file = find(index, image)
            if file is not None and not index.problem(file):
                return read_table(file.path)
    return None


def _masks(root: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((root / _MASKS).glob("*.nii*"), key=natural_order):
        name = path.name.removesuffix(".gz").removesuffix(".nii")
        if path.name.endswith(_ENDINGS) and is_label(name) and not find_problem(path, [root]):
            found[name] = f"{_MASKS}/{path.name}"
    return found


def _conditions(events: Table | None) -> tuple[str, ...]:
    if events is None or "trial_type" not in events.columns:
        return ()
    values = {cell for cell in events.columns["trial_type"] if not is_no_value(cell)}
    return tuple(sorted(values)) if len(values) <= _MOST_CONDITIONS else ()


def _values(events: Table | None) -> tuple[str, ...]:
    if events is None:
        return ()
    return tuple(
        name
        for name, cells in events.columns.items()
        if name not in _OF_BIDS and _are_numbers(cells)
    )


def _are_numbers(cells: Iterable[str]) -> bool:
    """Whether they are numbers that differ, beside cells without one."""
    there = {cell for cell in cells if not is_no_value(cell, of_numbers=True)}
    return len(there) > 1 and all(map(is_number, there))
