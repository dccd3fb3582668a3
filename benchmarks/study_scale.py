"""Studies of ten and fifty thousand subjects: what planning and giving out work takes.

``python -m benchmarks.study_scale`` plans such studies and gives their jobs to
workers that do nothing but take the time that one subject took where it was
measured; time is simulated, the driver's own work is real.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
import time
from collections import deque
from pathlib import Path

from benchmarks.seed_scale import Row, print_table
from boldstream.core.limits import process_memory
from boldstream.study.executors.base import Outcome
from boldstream.study.inputs.found import RunFiles, StudyInputs, SubjectFiles
from boldstream.study.planning.plan import StudyPlan, make_plan, write_plan
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


def rows_of(n_subjects: int, n_workers: int) -> list[Row]:
    """Plan and run one study."""
    settings = StudySettings.model_validate(
        {"targets": {"choice": {"column": "choice"}}, "analyses": _ANALYSES}
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        inputs = made_up(n_subjects, root)
        started = time.perf_counter()
        plan = make_plan(settings, inputs, root, root / "out")
        planned = time.perf_counter() - started
        files = write_plan(plan, root / "plan")
        written = time.perf_counter() - started - planned
        n_files = len(set(files.values()))
        n_bytes = sum(file.stat().st_size for file in set(files.values()))
        schedule = Schedule(plan, files, lambda unit: False, chains=True)
        simulated, n_jobs, cpu = simulate(schedule, n_workers)
    return [
        _row(n_subjects, "units", f"{len(plan.units)} in {n_jobs} jobs"),
        _row(n_subjects, "plan", f"{planned:.1f} s"),
        _row(n_subjects, "plan, files", f"{n_files}, {n_bytes / 1e6:.0f} MB, {written:.1f} s"),
        _row(n_subjects, f"{n_workers} workers: time", f"{simulated / 3600:.1f} h, simulated"),
        _row(n_subjects, "driver, a job", f"{1e3 * cpu / n_jobs:.2f} ms of CPU"),
        _row(n_subjects, "status", _status_cost(plan, schedule)),
        _row(n_subjects, "driver, peak memory", f"{process_memory().peak_rss_bytes >> 20} MiB"),
    ]


def _status_cost(plan: StudyPlan, schedule: Schedule) -> str:
    started = time.perf_counter()
    table = status_of(schedule.units.values(), {}, ())
    text = table.to_csv(sep="\t", index=False)
    seconds = time.perf_counter() - started
    return f"{len(table)} rows of {len(plan.units)}, {len(text) / 1e6:.0f} MB, {seconds:.1f} s"


def _row(n_subjects: int, what: str, got: str) -> Row:
    return Row(f"{n_subjects} subjects", what, "", got)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study_scale", description=__doc__)
    parser.add_argument("--subjects", type=int, action="append", help="may be given again")
    parser.add_argument("--workers", type=int, default=200)
    options = parser.parse_args()
    rows = [
        row for n in options.subjects or (10_000, 50_000) for row in rows_of(n, options.workers)
    ]
    print_table(rows, judged=False)


if __name__ == "__main__":
    main()
