"""Groups, geometry and behaviour: time and memory beside nilearn, rsatoolbox and scipy.

``python -m benchmarks.models`` makes maps of many subjects, trials of a whole
brain and choices, runs every way in a process of its own, and prints what was
measured. Kernels are compiled before the clock runs.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks import asked
from benchmarks.command import run_suite
from benchmarks.harness import MIB, python, run_process
from benchmarks.rows import Row, figure
from benchmarks.searchlight_data import CLASSES_8, QUICK_CLASSES, make_trials
from benchmarks.settings import Group, Settings

SUITE = "models"
# Files of maps; more subjects take them again.
_N_FILES = 20
_LIMIT_MIB = 500

_row = partial(figure, SUITE)


def run_way(way: str, **arguments: Any) -> dict[str, Any]:
    """Run one of `benchmarks.model_ways` and return what it printed."""
    done = run_process(python("-m", "benchmarks.model_ways", way, json.dumps(arguments)))
    found: dict[str, Any] = json.loads(done.output.splitlines()[-1])
    return found


def _runs(way: str, repeats: int, **arguments: Any) -> tuple[float, dict[str, Any]]:
    """Median of the seconds, and all of the last run."""
    runs = [run_way(way, **arguments) for _ in range(repeats)]
    return statistics.median(run["seconds"] for run in runs), runs[-1]


def group_rows(settings: Settings) -> Iterator[Row]:
    """Sign flips of maps beside nilearn's, and of ten thousand maps within a limit."""
    trials = QUICK_CLASSES if settings.quick else CLASSES_8
    mask = str(make_trials(settings.folder, trials).mask)
    n_flips, many = (100, 200) if settings.quick else (1000, 10_000)
    with tempfile.TemporaryDirectory(dir=settings.folder) as folder:
        run_way("maps", mask=mask, folder=folder, n_maps=_N_FILES)
        few = {"mask": mask, "folder": folder, "n_subjects": _N_FILES, "permutations": n_flips}
        seconds, ours = _runs("group", settings.repeats, **few)
        theirs = run_way("permuted_ols", **few)
        size, what = f"{ours['n_voxels']} voxels", f"{_N_FILES} maps × {n_flips} flips"
        yield _row(
            size,
            f"{what}, FWE: time",
            seconds,
            "s",
            peer="nilearn permuted_ols",
            peer_value=theirs["seconds"],
            ratio=theirs["seconds"] / seconds,
            ratio_unit="× faster",
            peak_mib=ours["peak"] / MIB,
            peer_peak_mib=theirs["peak"] / MIB,
            n=settings.repeats,
        )
        apart = _apart(ours["t"], theirs["t"])
        yield _row(size, f"{what}: t from nilearn's", apart, "", ask=asked.GROUP_APART)
        limit = f"{_LIMIT_MIB}MiB"
        found = run_way("group", **few | {"n_subjects": many}, tfce=True, memory_limit=limit)
        yield _row(
            size,
            f"{many} maps × {n_flips} flips, TFCE: peak",
            found["peak"] / MIB,
            "MiB",
            ask=asked.GROUP_PEAK,
            judged=found["peak"] / MIB - _LIMIT_MIB,
            note=f"imports and all; memory_limit {_LIMIT_MIB} MiB; {found['seconds']:.0f} s",
        )


def geometry_rows(settings: Settings) -> Iterator[Row]:
    """Crossnobis dissimilarities of one region and around every voxel, beside rsatoolbox."""
    trials = QUICK_CLASSES if settings.quick else CLASSES_8
    inputs = make_trials(settings.folder, trials)
    for way, arguments, size, what in (
        ("rdm", {}, "36 conditions, 8 runs, 500 voxels", "crossnobis"),
        ("rdm_searchlight", inputs.arguments, trials.name, "crossnobis, Spearman, a sphere"),
    ):
        seconds, ours = _runs(way, settings.repeats, **arguments, library="boldstream")
        theirs = run_way(way, **arguments, library="rsatoolbox")
        yield _row(
            size,
            f"{what}: time",
            1000 * seconds,
            "ms",
            peer="rsatoolbox",
            peer_value=1000 * theirs["seconds"],
            ratio=theirs["seconds"] / seconds,
            ratio_unit="× faster",
            peak_mib=ours["peak"] / MIB,
            peer_peak_mib=theirs["peak"] / MIB,
            n=settings.repeats,
            note=ours["note"],
        )
        apart = _apart(ours["values"], theirs["values"])
        yield _row(size, f"{what}: from rsatoolbox", apart, "", ask=asked.GEOMETRY_APART)


def behaviour_rows(settings: Settings) -> Iterator[Row]:
    """Discounting of subjects fitted, beside a search of scipy's for the same maximum."""
    n = 4 if settings.quick else 100
    seconds, ours = _runs("discounting", settings.repeats, n_subjects=n)
    theirs = run_way("search", n_subjects=4)
    yield _row(
        "120 trials",
        "discounting, a subject: time",
        1000 * seconds,
        "ms",
        peer="scipy differential_evolution",
        peer_value=1000 * theirs["seconds"],
        ratio=theirs["seconds"] / seconds,
        ratio_unit="× faster",
        n=settings.repeats,
        note=f"mean of {n} subjects",
    )
    # A search that stops early is below ours, which is no fault.
    lacks = np.array(theirs["log_likelihood"]) - np.array(ours["log_likelihood"][:4])
    what = "discounting: log-likelihood below scipy's"
    yield _row("120 trials", what, max(0.0, lacks.max()), "", ask=asked.MAXIMUM)


def _apart(ours: Any, theirs: Any) -> float:
    """Largest difference as a share of the largest value."""
    a, b = np.array(ours), np.array(theirs)
    return float(np.abs(a - b).max() / np.abs(b).max())


GROUPS: dict[str, Group] = {
    "group_maps": group_rows,
    "geometry": geometry_rows,
    "behaviour": behaviour_rows,
}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
