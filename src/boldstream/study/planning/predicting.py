"""What units will take: memory, and time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from boldstream.io.opening import open_image
from boldstream.io.tables import read_table
from boldstream.study.planning.plan import StudyPlan
from boldstream.study.planning.unit import Unit
from boldstream.study.records.results import Results

# A worker with numpy, scikit-learn, nilearn, numba and pandas loaded: 330 MB, and room to stream.
_WORKER_BYTES = 512 << 20
# Measured on one core, for want of earlier units: a second for so many bytes of .nii.gz.
_BYTES_PER_SECOND = 60e6
_LEAST_SECONDS = 1.0


def worker_bytes(plan: StudyPlan) -> int:
    """Memory that a worker needs for any unit: its libraries, and the betas of one run.

    Opens the largest image and its table of events.

    Raises
    ------
    BoldstreamError
        If they cannot be read.
    """
    units = [unit for unit in plan.units.values() if unit.step == "betas"]
    if not units:
        return _WORKER_BYTES
    largest = max(units, key=lambda unit: max(_sizes(plan, unit)))
    sizes = _sizes(plan, largest)
    run = sizes.index(max(sizes))
    images, events = largest.parameters["images"], largest.parameters["events"]
    shape = open_image(str(plan.root / images[run])).series.grid.shape
    n_trials = len(read_table(plan.root / events[run]).lines)
    return _WORKER_BYTES + 4 * shape[0] * shape[1] * shape[2] * n_trials


def _sizes(plan: StudyPlan, unit: Unit) -> list[int]:
    return [(plan.root / text).stat().st_size for text in unit.parameters["images"]]


def predict_seconds(plan: StudyPlan, results: Results) -> dict[str, float]:
    """Time of each unit: as long as others of its step took, or by the size of what it reads.

    Parameters
    ----------
    plan : StudyPlan
    results : Results
        Of earlier runs.
    """
    taken: dict[str, list[float]] = defaultdict(list)
    for unit in plan.units.values():
        note = results.read(unit.id)
        if note is not None:
            taken[unit.step].append(note["seconds"])
    usual = {step: median(seconds) for step, seconds in taken.items()}
    return {
        name: usual[unit.step] if unit.step in usual else _reading_seconds(unit.inputs)
        for name, unit in plan.units.items()
    }


def _reading_seconds(inputs: Iterable[str]) -> float:
    return _LEAST_SECONDS + sum(Path(path).stat().st_size for path in inputs) / _BYTES_PER_SECOND
