"""Studies of ten and fifty thousand subjects: what planning and giving out work takes.

``python -m benchmarks.study_scale`` plans such studies and gives their jobs to
workers that do nothing but take the time that one subject took where it was
measured; time is simulated, the driver's own work is real.
"""

from __future__ import annotations

import heapq
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.command import run_suite
from benchmarks.harness import MIB
from benchmarks.rows import Row, figure
from benchmarks.settings import Group, Settings
from boldstream.core.limits import process_memory
from boldstream.study.executors.base import Outcome
from boldstream.study.inputs.found import RunFiles, StudyInputs, SubjectFiles
from boldstream.study.planning.plan import make_plan, write_plan
from boldstream.study.running.schedule import Schedule
from boldstream.study.running.status import status_of
from boldstream.study.settings.models import StudySettings

_ANALYSES = [
    {"kind": "decoding", "name": "regions", "permutations": 1000},
    {"kind": "searchlight", "name": "light", "target": "choice"},
    {"kind": "group", "name": "group_regions", "of": "regions"},
    {"kind": "group", "name": "group_light", "of": "light"},
]
# Of a whole brain at 2 mm with two runs of 400 volumes: decode, betas, searchlight.
_SUBJECT_SECONDS = 120.0


SUITE = "study_scale"
_N_WORKERS = 200


def made_up(n_subjects: int, root: Path) -> StudyInputs:
    """Subjects without files."""
    subjects = {}
    for i in range(1, n_subjects + 1):
        label = f"{i:05d}"
        folder = root / "derivatives" / "fmriprep" / f"sub-{label}" / "func"
        runs = tuple(
            RunFiles(
                f"run-{run}",
                folder / f"sub-{label}_task-choice_run-{run}_desc-preproc_bold.nii.gz",
                folder / f"sub-{label}_task-choice_run-{run}_events.tsv",
            )
            for run in (1, 2)
        )
        rois = {name: root / "masks" / f"{name}.nii.gz" for name in ("vmpfc", "striatum", "v1")}
        subjects[label] = SubjectFiles(label, runs, root / "mask.nii.gz", rois)
    return StudyInputs(root, subjects)


def simulate(schedule: Schedule, n_workers: int) -> tuple[float, int, float]:
    """Give out all jobs; simulated time, number of jobs, and the driver's CPU seconds for all."""
    started, now, n_jobs, running = time.process_time(), 0.0, 0, list[tuple[float, int, Outcome]]()
    waiting = deque(schedule.ready())
    while not schedule.is_over:
        while waiting and len(running) < n_workers:
            job = waiting.popleft()
            n_jobs += 1
            seconds = _SUBJECT_SECONDS * len(job.units) / 3
            heapq.heappush(running, (now + seconds, n_jobs, Outcome(job, job.units)))
        now, _, outcome = heapq.heappop(running)
        schedule.settle(outcome)
        waiting.extend(schedule.ready())
    return now, n_jobs, time.process_time() - started


def rows_of(n_subjects: int, settings: Settings) -> Iterator[Row]:
    """Plan and run one study, in processes of nobody: time is simulated, the driver is real."""
    study_settings = StudySettings.model_validate(
        {"targets": {"choice": {"column": "choice"}}, "analyses": _ANALYSES}
    )
    n_subjects //= 100 if settings.quick else 1
    row = partial(figure, SUITE, f"{n_subjects} subjects")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        inputs = made_up(n_subjects, root)
        started = time.perf_counter()
        plan = make_plan(study_settings, inputs, root, root / "out")
        planned = time.perf_counter() - started
        files = write_plan(plan, root / "plan")
        written = time.perf_counter() - started - planned
        n_files = len(set(files.values()))
        n_bytes = sum(file.stat().st_size for file in set(files.values()))
        schedule = Schedule(plan, files, lambda unit: False, chains=True)
        simulated, n_jobs, cpu = simulate(schedule, _N_WORKERS)
    yield row("units", len(plan.units), "units", note=f"in {n_jobs} jobs")
    yield row("plan", planned, "s")
    yield row("plan, files", n_files, "files", note=f"{n_bytes / 1e6:.0f} MB, {written:.1f} s")
    hours = simulated / 3600
    yield row(f"{_N_WORKERS} workers: time", hours, "h", note="simulated")
    yield row("driver, a job", 1e3 * cpu / n_jobs, "ms")
    started = time.perf_counter()
    table = status_of(schedule.units.values(), {}, ())
    text = table.to_csv(sep="\t", index=False)
    note = f"{len(table)} rows, {len(text) / 1e6:.0f} MB"
    yield row("status", time.perf_counter() - started, "s", note=note)
    yield row("driver: peak", process_memory().peak_rss_bytes / MIB, "MiB")


GROUPS: dict[str, Group] = {f"{n}_subjects": partial(rows_of, n) for n in (10_000, 50_000)}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
