"""`prepare`: the plan of a study, and how many workers memory carries for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from boldstream.core.budget import find_budget
from boldstream.core.errors import ParameterError
from boldstream.memory.config import GB, MemoryConfig
from boldstream.study.executors.fitting import fit_workers, usable_bytes
from boldstream.study.inputs.found import told
from boldstream.study.planning.memory import DRIVER_BYTES, memory_config_of
from boldstream.study.planning.opening import OpenStudy
from boldstream.study.planning.plan import StudyPlan, make_plan
from boldstream.study.planning.predicting import worker_bytes
from boldstream.study.planning.unit import Unit
from boldstream.study.records.keys import keys_of
from boldstream.study.records.results import Results
from boldstream.study.settings.execution import ExecutionSettings
from boldstream.study.steps import STEPS

# Subjects below which regions are divided, too. It depends on the study alone: units that another
# machine did, or more workers, are the same.
_FEW = 4
# Mistakes that an error lists.
_LINES = 20
# Of SLURM, where it is not said how many: as in the documented example.
_MOST_JOBS = 16


@dataclass(frozen=True)
class Prepared:
    """A study with its plan, and what is on disk of it.

    Attributes
    ----------
    study : OpenStudy
    plan : StudyPlan
    results : Results
    keys : mapping of str to str
        Key that the results of each unit must have.
    n_workers : int
    memory : int
        Bytes that each worker may hold.
    """

    study: OpenStudy
    plan: StudyPlan
    results: Results
    keys: Mapping[str, str]
    n_workers: int
    memory: int

    def is_done(self, unit: Unit) -> bool:
        """Whether a unit's results are on disk."""
        return self.results.find(unit.id, self.keys[unit.id]) is not None


def prepare(
    study: OpenStudy, memory_config: MemoryConfig | None = None, *, n_jobs: int | None = None
) -> Prepared:
    """Plan a study, and say how many workers the memory carries.

    Parameters
    ----------
    study : OpenStudy
    memory_config : MemoryConfig, optional
        By default that of the study file.
    n_jobs : int, optional
        Workers; by default those of the study file.

    Raises
    ------
    MemoryBudgetError
        If memory does not carry one worker.
    ParameterError, ImageFileError, StorageError
    """
    settings, memory = study.wanted, memory_config or memory_config_of(study.settings.memory)
    wanted = settings.execution.n_jobs if n_jobs is None else n_jobs
    above = int(memory.MEMMAP_THRESHOLD_GB * GB) if memory.USE_MEMMAP else -1
    plan = make_plan(
        settings,
        study.inputs,
        study.base,
        study.output,
        split=study.by_region or study.n_subjects < _FEW,
        mapped_above=above,
    )
    folder = memory.MEMMAP_TEMP_DIR
    cache = None if folder is None else str((study.base / folder).absolute())
    plan = replace(plan, cache=cache)
    if not plan.units or not study.inputs.subjects:
        raise ParameterError(_nothing(study))
    n_workers, each = _workers(settings.execution, plan, memory, settings.memory.limit, wanted)
    results = Results(study.output)
    keys = keys_of(plan, {name: step.version for name, step in STEPS.items()})
    return Prepared(study, plan, results, keys, n_workers, each)


def _nothing(study: OpenStudy) -> str:
    if not study.inputs.subjects:
        lines = told(study.inputs.problems) or ["it is empty"]
        if len(lines) > _LINES:
            lines[_LINES:] = [f"and {len(lines) - _LINES} more"]
        return "\n".join(["the study must have a subject that can be used, got none:", *lines])
    return "the study must have at least one of `analyses`, got none"


def _workers(
    execution: ExecutionSettings, plan: StudyPlan, memory: MemoryConfig, limit: Any, wanted: int
) -> tuple[int, int]:
    """How many workers, and how much memory each may hold."""
    most = int(memory.MAX_MEMORY_PER_PROCESS_GB * GB)
    need = min(most, worker_bytes(plan))
    if execution.kind == "slurm" or execution.scheduler is not None:
        # Their memory is that of other machines; each worker finds its own limit.
        n_subjects = len({unit.subject for unit in plan.units.values() if unit.subject})
        n_workers = wanted if wanted > 0 else min(n_subjects, _MOST_JOBS)
        return n_workers, 0
    if execution.kind == "serial" and wanted > 1:
        raise ParameterError(
            "`n_jobs` must be 1 with the kind 'serial', which does one job after another, "
            f"got {wanted}; the kind 'processes' has workers"
        )
    budget, left_free = find_budget(limit), memory.AVAILABLE_MEMORY_BUFFER
    n_jobs = 1 if execution.kind == "serial" else wanted
    fitting = fit_workers(n_jobs, budget, need, shared_bytes=DRIVER_BYTES, left_free=left_free)
    n_workers = min(fitting, len(plan.units))
    return n_workers, min(most, (usable_bytes(budget, left_free) - DRIVER_BYTES) // n_workers)
