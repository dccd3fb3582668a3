"""``python -m benchmarks.study_way STUDY N OUTPUT`` runs a study with N pinned workers.

With fewer, where memory does not carry so many.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from boldstream.study.executors.base import Job, Outcome
from boldstream.study.executors.processes import ProcessExecutor
from boldstream.study.planning.opening import open_study
from boldstream.study.running.preparing import prepare
from boldstream.study.running.run import PRELOADED, run_study
from boldstream.study.running.worker import do_job

UNIT_SECONDS = 0.5


def sleep(job: Job) -> Outcome:
    """A unit of work that takes a known time."""
    time.sleep(UNIT_SECONDS)
    return Outcome(job, job.units)


def main() -> None:
    """Print seconds, and the numbers of units and workers, as JSON."""
    path, n_workers, output = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    study = replace(open_study(path), output=output)
    prepared = prepare(study, n_jobs=n_workers)

    def pinned() -> ProcessExecutor:
        return ProcessExecutor(
            do_job,
            prepared.n_workers,
            memory_limit_per_worker=prepared.memory,
            pin=True,
            preload=PRELOADED,
        )

    began = time.perf_counter()
    result = run_study(prepared, executor=pinned)
    seconds = time.perf_counter() - began
    if len(result.failed):
        raise SystemExit(str(result.failed["error"].iloc[0]))
    told = {"seconds": seconds, "units": len(result.status), "workers": prepared.n_workers}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
