"""What units will take: memory, and time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from boldstream.io.masks import load_mask
from boldstream.io.opening import open_image
from boldstream.io.tables import read_table
from boldstream.study.planning.plan import StudyPlan
from boldstream.study.planning.unit import Unit
from boldstream.study.records.results import Results

# A worker with numpy, scikit-learn, nilearn, numba and pandas loaded: 330 MB, and room to stream.
_WORKER_BYTES = 512 << 20
# Of a model: conditions, drift and confounds, as they are usual; and a brain in its box.
_N_REGRESSORS, _BRAIN_SHARE = 32, 3
# Measured on one core, for want of earlier units: a second for so many bytes of .nii.gz.
_BYTES_PER_SECOND = 60e6
_LEAST_SECONDS = 1.0


def worker_bytes(plan: StudyPlan) -> int:
    """Memory that a worker needs for any unit: its libraries, and betas or models of runs.

    Opens the largest image, its table of events, and the mask of the brain.

    Raises
    ------
    BoldstreamError
        If they cannot be read.
    """
    needs = [0]
    for step, needed in (("betas", _betas_bytes), ("contrasts", _contrasts_bytes)):
        units = [unit for unit in plan.units.values() if unit.step == step]
        if units:
            needs.append(needed(plan, max(units, key=lambda unit: max(_sizes(plan, unit)))))
    return _WORKER_BYTES + max(needs)


def _betas_bytes(plan: StudyPlan, unit: Unit) -> int:
    """Sums of one run, of which its betas are made: in float64, and one more for the mean."""
    image, run = _largest_image(plan, unit)
    n_trials = len(read_table(plan.root / unit.parameters["events"][run]).lines)
    n_voxels = _n_masked(plan, unit) or open_image(image).series.grid.n_voxels
    return 8 * n_voxels * (n_trials + 1)


def _contrasts_bytes(plan: StudyPlan, unit: Unit) -> int:
    """Sums of one run twice, and estimates of all runs."""
    n_voxels = _n_masked(plan, unit)
    if not n_voxels:
        n_voxels = open_image(_largest_image(plan, unit)[0]).series.grid.n_voxels // _BRAIN_SHARE
    return 8 * _N_REGRESSORS * n_voxels * (2 + len(unit.parameters["images"]))


def _n_masked(plan: StudyPlan, unit: Unit) -> int:
    """Voxels of the mask of a unit, which is never empty; 0 where it has none."""
    mask = unit.parameters["mask"]
    return 0 if mask is None else int(load_mask(str(plan.root / mask)).array.sum())


def _largest_image(plan: StudyPlan, unit: Unit) -> tuple[str, int]:
    sizes = _sizes(plan, unit)
    run = sizes.index(max(sizes))
    return str(plan.root / unit.parameters["images"][run]), run


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
