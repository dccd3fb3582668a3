"""`StudyPlan`: all units of a study, in files that workers read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from boldstream.core.errors import TableError
from boldstream.io.writing import Outputs, write_json
from boldstream.study.inputs.found import StudyInputs
from boldstream.study.planning.group_units import group_units
from boldstream.study.planning.subject_units import SubjectPlanner
from boldstream.study.planning.unit import GROUP, Unit
from boldstream.study.settings.models import StudySettings

# Subjects of one file of a plan.
_TOGETHER = 64


@dataclass(frozen=True)
class StudyPlan:
    """What is to be done for a study.

    Attributes
    ----------
    root : Path
        Folder of the data.
    output : Path
        Folder of the results.
    units : mapping of str to Unit
        By their ids, each after those that it needs.
    mapped_above : int
        Bytes from which on betas stay in their file; below 0 they never do.
    cache : str or None
        Folder for what is read more than once; by default what each worker's
        environment says.
    base : Path
        Folder of the study file, whose revision is noted.
    """

    root: Path
    output: Path
    units: Mapping[str, Unit]
    mapped_above: int = 0
    cache: str | None = None
    base: Path = Path()


def make_plan(
    settings: StudySettings,
    inputs: StudyInputs,
    base: Path,
    output: Path,
    *,
    split: bool = False,
    mapped_above: int = 0,
) -> StudyPlan:
    """Say what is to be done for the subjects that can be used; reads no image.

    Parameters
    ----------
    settings : StudySettings
    inputs : StudyInputs
    base : Path
        Folder of the study file.
    output : Path
    split : bool
        Whether analyses of regions are a unit for each region.
    mapped_above : int

    Raises
    ------
    ParameterError
        If an analysis asks for a region or target that there is none of.
    """
    planner = SubjectPlanner(settings, inputs.root, base, split=split)
    units = [unit for files in inputs.subjects.values() for unit in planner.units(files)]
    units += group_units(settings, units)
    by_id = {unit.id: unit for unit in units}
    return StudyPlan(inputs.root, output, by_id, mapped_above, base=base)


def write_plan(plan: StudyPlan, folder: Path) -> dict[str, Path]:
    """Write a plan, a file for some subjects each; returns where each subject is.

    A worker reads one file, however many subjects there are, and of 50 000
    there are 782 files.
    """
    by_subject: dict[str, list[Unit]] = {}
    for unit in plan.units.values():
        by_subject.setdefault(unit.subject, []).append(unit)
    names: dict[str, str] = {}
    for i, subject in enumerate(name for name in by_subject if name):
        names[subject] = f"subjects-{i // _TOGETHER:04d}.json"
    if "" in by_subject:
        names[""] = f"{GROUP}.json"
    in_file: dict[str, list[Unit]] = {}
    for subject, name in names.items():
        in_file.setdefault(name, []).extend(by_subject[subject])
    with Outputs(folder, in_file, overwrite=True) as outputs:
        for name, units in in_file.items():
            write_json(outputs[name], _content(plan, units))
    for left in folder.glob("*.json"):
        # Of an earlier plan: a report would take its units for those of this study.
        if left.name not in in_file:
            left.unlink(missing_ok=True)
    return {subject: folder / name for subject, name in names.items()}


def write_group(plan: StudyPlan, units: Iterable[Unit], path: Path) -> None:
    """Write the units of the group anew, once it is known which subjects they are about."""
    with Outputs(path.parent, [path.name], overwrite=True) as outputs:
        write_json(outputs[path.name], _content(plan, units))


def _content(plan: StudyPlan, units: Iterable[Unit]) -> dict[str, Any]:
    return {
        "root": str(plan.root),
        "output": str(plan.output),
        "mapped_above": plan.mapped_above,
        "cache": plan.cache,
        "base": str(plan.base),
        "units": [asdict(unit) for unit in units],
    }


def read_plan(path: Path) -> StudyPlan:
    """Read a part of a plan that `write_plan` wrote.

    Raises
    ------
    TableError
        If it is not there or damaged.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TableError(f"{path} is no plan that can be read: {error}") from error
    return StudyPlan(
        Path(content["root"]),
        Path(content["output"]),
        _by_id(_unit(one) for one in content["units"]),
        content["mapped_above"],
        content["cache"],
        Path(content["base"]),
    )


def _unit(content: dict[str, Any]) -> Unit:
    return Unit(**{**content, "inputs": tuple(content["inputs"]), "needs": tuple(content["needs"])})


def _by_id(units: Iterable[Unit]) -> dict[str, Unit]:
    return {unit.id: unit for unit in units}
