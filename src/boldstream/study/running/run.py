"""`run_study`: from a plan to results on disk, whoever does the work."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from boldstream.core.budget import find_budget, format_bytes, parse_bytes
from boldstream.core.errors import MemoryBudgetError, ParameterError, StorageError
from boldstream.memory.config import GB, MemoryConfig
from boldstream.memory.locks import try_writer_lock
from boldstream.streaming.progress import Report, open_progress
from boldstream.study.executors.base import Executor, Job
from boldstream.study.executors.fitting import fit_workers
from boldstream.study.executors.opening import open_executor
from boldstream.study.inputs import Problem
from boldstream.study.planning.memory import DRIVER_BYTES, memory_config_of, usable_bytes
from boldstream.study.planning.opening import OpenStudy
from boldstream.study.planning.plan import StudyPlan, make_plan, write_group, write_plan
from boldstream.study.planning.predicting import worker_bytes
from boldstream.study.planning.unit import GROUP, Unit
from boldstream.study.records.gathering import gather
from boldstream.study.records.keys import keys_of
from boldstream.study.records.provenance import provenance
from boldstream.study.records.results import Results
from boldstream.study.running.result import CacheStatistics, StudyResult
from boldstream.study.running.schedule import Progress, Schedule
from boldstream.study.running.status import status_of, write_status
from boldstream.study.running.worker import do_job
from boldstream.study.settings.execution import ExecutionSettings
from boldstream.study.steps import STEPS
from boldstream.study.steps.tables import DECODING_TABLE

# Subjects for each worker from which on a job is all units of one.
_MANY = 4
# Subjects below which regions are divided, too. It depends on the study alone: units that another
# machine did, or more workers, are the same.
_FEW = 4
# How often it is looked whether someone wants the run to end.
_WAIT_SECONDS = 1.0
# Of SLURM, where it is not said how many: as in the documented example.
_MOST_JOBS = 16
# What local workers have from the start, in pages that they share.
PRELOADED = (
    "boldstream.study.running.worker",
    "boldstream.study.steps.volumes",
    "boldstream.study.steps.decoding",
)
_log = logging.getLogger(__name__)


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
        some = "; ".join(f"subject {one.subject}: {one}" for one in _first(study))
        return f"the study must have a subject that can be used, got none: {some or 'it is empty'}"
    return "the study must have at least one of `analyses`, got none"


def _first(study: OpenStudy) -> tuple[Problem, ...]:
    return study.inputs.problems[:3]


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
    budget = find_budget(limit)
    peak = budget.peak_bytes if limit is None else min(budget.peak_bytes, parse_bytes(limit))
    whole = usable_bytes(peak, memory)
    _require_room(whole, need, memory, limit)
    n_jobs = 1 if execution.kind == "serial" else wanted
    n_workers = fit_workers(n_jobs, whole, need, shared_bytes=DRIVER_BYTES)
    n_workers = min(n_workers, len(plan.units))
    return n_workers, min(most, (whole - DRIVER_BYTES) // n_workers)


def _require_room(whole: int, need: int, memory: MemoryConfig, limit: Any) -> None:
    """Raise `MemoryBudgetError` if memory does not carry one worker."""
    if need + DRIVER_BYTES <= whole:
        return
    share = 1 - memory.AVAILABLE_MEMORY_BUFFER
    least = format_bytes(math.ceil((need + DRIVER_BYTES) / share))
    got = f"{format_bytes(math.ceil(whole / share))} may be taken on this machine"
    name = "memory" if limit is None else "`memory.limit`"
    raise MemoryBudgetError(
        f"{name} must be at least {least}: {format_bytes(need)} for a worker, "
        f"{format_bytes(DRIVER_BYTES)} for the program that gives it work, and "
        f"{memory.AVAILABLE_MEMORY_BUFFER:.0%} of all left free; "
        f"{got if limit is None else f'got {limit}'}"
    )


def run_study(
    prepared: Prepared,
    *,
    progress: bool | Report = False,
    executor: Callable[[], Executor] | None = None,
    forget: bool = False,
) -> StudyResult:
    """Do what is not done yet of a study, and gather its results.

    Parameters
    ----------
    prepared : Prepared
    progress : bool or callable
        A bar, or a function that is called with units done and units in all.
    executor : callable, optional
        Makes who does the work; by default as the study file says.
    forget : bool
        Whether results of earlier runs are removed first.

    Returns
    -------
    StudyResult
        A unit that fails is tried again, then told in ``status``; others go on.

    Raises
    ------
    StorageError
        If another run works on the same folder, or it cannot be written to.
    """
    with _alone(prepared.results):
        for name in prepared.plan.units if forget else ():
            prepared.results.remove(name)
        files = write_plan(prepared.plan, prepared.results.private / "plan")
        schedule = Schedule(
            prepared.plan,
            files,
            prepared.is_done,
            retries=prepared.study.settings.execution.retries,
            memory=prepared.memory,
            chains=len(prepared.study.inputs.subjects) >= _MANY * prepared.n_workers,
        )
        _tell(prepared, schedule)
        try:
            if not schedule.is_over:
                with (executor or (lambda: _executor(prepared)))() as workers:
                    _work(prepared, schedule, workers, progress)
        finally:
            result = _result(prepared, schedule)
    return result


def _executor(prepared: Prepared) -> Executor:
    return open_executor(
        prepared.study.settings.execution,
        do_job,
        n_workers=prepared.n_workers,
        memory=prepared.memory or worker_bytes(prepared.plan),
        log_folder=prepared.results.private / "logs",
        preload=PRELOADED,
    )


@contextmanager
def _alone(results: Results) -> Iterator[None]:
    """Keep other runs away from the folder of the results."""
    results.private.mkdir(parents=True, exist_ok=True)
    lock = try_writer_lock(results.private / "run.lock")
    if lock is None:
        raise StorageError(
            f"another run works on {results.output} now; wait for its end, or take another folder "
            "(`output`, or `--output-dir` of the command)"
        )
    with lock:
        yield


def _tell(prepared: Prepared, schedule: Schedule) -> None:
    n_subjects, n_units = len(prepared.study.inputs.subjects), len(schedule.units)
    memory = f" of {format_bytes(prepared.memory)}" if prepared.memory else ""
    _log.info(
        "%d units of %d subjects, %d done before; %d workers%s",
        *(n_units, n_subjects, schedule.n_over, prepared.n_workers, memory),
    )


def _work(
    prepared: Prepared, schedule: Schedule, workers: Executor, progress: bool | Report
) -> None:
    with open_progress(progress, "study", unit="units") as report:
        report(schedule.n_over, len(schedule.units))
        while not schedule.is_over:
            for job in schedule.ready():
                workers.submit(_met(prepared, schedule, job))
            for outcome in workers.wait(_WAIT_SECONDS):
                schedule.settle(outcome)
                if outcome.error:
                    _log.warning("%s: %s", outcome.failed or outcome.job.id, outcome.error)
                report(schedule.n_over, len(schedule.units))


def _met(prepared: Prepared, schedule: Schedule, job: Job) -> Job:
    """A job of the group with a plan of its own: now it is known which subjects there are."""
    (name, *others) = job.units
    if others or schedule.units[name].unit.subject:
        return job
    unit = schedule.meet(name)
    path = Path(job.plan).with_name(f"{GROUP}-{unit.name}.json")
    write_group(prepared.plan, [unit], path)
    return replace(job, plan=str(path))


def _result(prepared: Prepared, schedule: Schedule) -> StudyResult:
    results, output = prepared.results, prepared.results.output
    done = {name: one for name, one in schedule.units.items() if one.state in ("done", "cached")}
    notes = {name: results.read(name) or {} for name in done}
    status = status_of(schedule.units.values(), notes, prepared.study.inputs.problems)
    statistics = _statistics(schedule.units.values(), notes)
    description = {
        **provenance(prepared.study.base),
        "settings": prepared.study.settings.model_dump(mode="json"),
        "cache": vars(statistics),
    }
    study = prepared.study
    write_status(output, status, study.inputs.table(), description, is_whole=study.is_whole)
    table = gather(results, (one.unit for one in done.values()), DECODING_TABLE)
    return StudyResult(table, status, output, statistics)


def _statistics(
    units: Iterator[Progress] | Any, notes: Mapping[str, Mapping[str, Any]]
) -> CacheStatistics:
    seconds = {"cached": 0.0, "done": 0.0}
    counts = {"cached": 0, "done": 0}
    for one in units:
        if one.state in counts:
            counts[one.state] += 1
            seconds[one.state] += notes[one.unit.id]["seconds"]
    return CacheStatistics(counts["cached"], counts["done"], seconds["cached"], seconds["done"])
