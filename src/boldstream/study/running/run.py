"""`run_study`: from a plan to results on disk, whoever does the work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from boldstream.core.budget import format_bytes
from boldstream.core.errors import StorageError
from boldstream.memory.locks import try_writer_lock
from boldstream.streaming.progress import Report, open_progress
from boldstream.study.executors.base import Executor, Job, Outcome
from boldstream.study.executors.opening import open_executor
from boldstream.study.planning.plan import write_group, write_plan
from boldstream.study.planning.predicting import worker_bytes
from boldstream.study.planning.unit import GROUP
from boldstream.study.records.gathering import gather
from boldstream.study.records.provenance import provenance
from boldstream.study.records.results import Results
from boldstream.study.running.preparing import Prepared
from boldstream.study.running.result import CacheStatistics, StudyResult
from boldstream.study.running.schedule import Progress, Schedule
from boldstream.study.running.status import name_of, status_of, write_status
from boldstream.study.running.worker import do_job
from boldstream.study.steps.tables import DECODING_TABLE

# Subjects for each worker from which on a job is all units of one.
_MANY = 4
# How often it is looked whether someone wants the run to end.
_WAIT_SECONDS = 1.0
# What local workers have from the start, in pages that they share.
PRELOADED = (
    "boldstream.study.running.worker",
    "boldstream.study.steps.volumes",
    "boldstream.study.steps.decoding",
)
_log = logging.getLogger(__name__)


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
                _tell_of(outcome, schedule, prepared.results)
                report(schedule.n_over, len(schedule.units))


def _tell_of(outcome: Outcome, schedule: Schedule, results: Results) -> None:
    """Log what a job did, unit by unit."""
    done = [name for name in outcome.job.units if schedule.units[name].state == "done"]
    for name in done:
        note = results.read(name)
        if note is not None:
            taken = f"{note['seconds']:.1f} s, peak memory {format_bytes(note['peak_bytes'])}"
            _log.info("%s: %s (%d of %d)", name, taken, schedule.n_over, len(schedule.units))
    if outcome.error:
        _log.warning("%s: %s", outcome.failed or outcome.job.id, outcome.error)


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
    notes = {name: _told(results.read(name) or {}) for name in done}
    status = status_of(schedule.units.values(), notes, prepared.study.inputs.problems)
    statistics = _statistics(schedule.units.values(), notes)
    description = {
        "Name": name_of(prepared.study.inputs.root),
        **provenance(prepared.study.base),
        "settings": prepared.study.settings.model_dump(mode="json"),
        "cache": vars(statistics),
    }
    study = prepared.study
    write_status(output, status, study.inputs.table(), description, is_whole=study.is_whole)
    table = gather(results, (one.unit for one in done.values()), DECODING_TABLE)
    return StudyResult(table, status, output, statistics)


def _told(note: Mapping[str, Any]) -> dict[str, Any]:
    """What tables say of a note: whole ones, with memory over time, are large together."""
    return {name: note[name] for name in ("seconds", "peak_bytes", "worker") if name in note}


def _statistics(
    units: Iterator[Progress] | Any, notes: Mapping[str, Mapping[str, Any]]
) -> CacheStatistics:
    seconds = {"cached": 0.0, "done": 0.0}
    counts = {"cached": 0, "done": 0}
    for one in units:
        if one.state in counts:
            counts[one.state] += 1
            # Whoever removed results meanwhile has removed their time.
            seconds[one.state] += notes[one.unit.id].get("seconds", 0.0)
    return CacheStatistics(counts["cached"], counts["done"], seconds["cached"], seconds["done"])
