"""What a worker does with a job."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from boldstream.core.limits import process_memory
from boldstream.study.executors.base import Job, Outcome
from boldstream.study.executors.doing import failure, this_worker
from boldstream.study.planning.plan import StudyPlan, read_plan
from boldstream.study.planning.unit import Unit
from boldstream.study.records.keys import key_of
from boldstream.study.records.provenance import MemoryTimeline, provenance
from boldstream.study.records.results import Results
from boldstream.study.steps import STEPS
from boldstream.study.steps.context import Context

# In the order in which they are asked; the first one decides.
_CACHE_VARIABLES = ("MEMMAP_TEMP_DIR", "BOLDSTREAM_CACHE")


def do_job(job: Job) -> Outcome:
    """Do the units of a job, one after another, up to the first that fails."""
    done: list[str] = []
    plan: StudyPlan | None = None
    for name in job.units:
        try:
            plan = plan or read_plan(Path(job.plan))
            with _cache_in(plan.cache):
                _do_unit(plan, name, job.memory)
        except Exception as error:  # noqa: BLE001 - whatever fails, other jobs go on and it is told
            return replace(failure(job, error), done=tuple(done), failed=name)
        done.append(name)
    return Outcome(job, tuple(done))


def _do_unit(plan: StudyPlan, name: str, memory: int) -> None:
    """Do one unit, unless another worker has done it meanwhile."""
    unit, results = plan.units[name], Results(plan.output)
    key = unit_key(plan, unit, results)
    if results.find(name, key) is not None:
        return
    # What stands there was made of something else: were this to fail, it would be taken for it.
    results.remove(name)
    note = _begin(plan, unit, key)
    started = time.perf_counter()
    with results.writing(name, note) as folder:
        context = Context(unit, folder, results, plan.root, memory or None, plan.mapped_above)
        with MemoryTimeline(memory or None) as timeline:
            STEPS[unit.step].do(context)
        note |= timeline.note()
        note["seconds"] = time.perf_counter() - started
        note["peak_bytes"] = process_memory().peak_rss_bytes


@contextmanager
def _cache_in(folder: str | None) -> Iterator[None]:
    """Have what is read more than once kept in a folder; in the caller's process only meanwhile."""
    before = {name: os.environ.get(name) for name in _CACHE_VARIABLES}
    if folder is not None:
        os.environ |= dict.fromkeys(_CACHE_VARIABLES, folder)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def unit_key(plan: StudyPlan, unit: Unit, results: Results) -> str:
    """Key of a unit whose needs are done."""
    needed = {name: str((results.read(name) or {}).get("key")) for name in unit.needs}
    return key_of(unit, STEPS[unit.step].version, plan.root, needed)


def _begin(plan: StudyPlan, unit: Unit, key: str) -> dict[str, Any]:
    return {
        "id": unit.id,
        "key": key,
        "step": unit.step,
        "parameters": unit.parameters,
        "inputs": unit.inputs,
        "needs": unit.needs,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "worker": this_worker(),
        **provenance(plan.base),
    }
