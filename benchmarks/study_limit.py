"""A study under a limit that is just what two workers need: peak memory, and the same scores."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import asked
from benchmarks.harness import MIB, Finished, python, run_process
from benchmarks.rows import Row, figure
from boldstream.io.opening import open_image
from boldstream.io.volume import read_volume
from boldstream.simulate.choice_study import ChoiceStudyDesign, make_choice_study
from boldstream.study.planning.memory import DRIVER_BYTES
from boldstream.study.planning.opening import open_study
from boldstream.study.planning.predicting import worker_bytes
from boldstream.study.running.preparing import prepare
from boldstream.study.steps.tables import read_frame

FULL = ChoiceStudyDesign(n_subjects=8, shape=(72, 84, 72), t_r=1.0)
QUICK = ChoiceStudyDesign(n_subjects=2, n_trials=12, shape=(16, 18, 16))

SUITE = "studies"
_N_WORKERS = 2
_FLOAT64_BYTES = 8
_SUBJECT_SCORES = ("regions/**/*_decoding.tsv", "light/*_scores.nii.gz")
# Nothing is left free: the limit is all that is planned, and no more.
_STUDY = """
data: {{root: {root}, task: {task}}}
rois:
  masks: {{vmpfc: {root}/masks/vmpfc.nii.gz, striatum: {root}/masks/striatum.nii.gz}}
targets:
  choice: {{column: choice}}
analyses:
  - {{kind: decoding, name: regions}}
  - {{kind: searchlight, name: light, target: choice, radius: 8}}
memory: {{{memory}}}
"""


_row = partial(figure, SUITE)


@dataclass(frozen=True)
class LimitedStudy:
    """Study files of the same data, with and without a limit.

    Attributes
    ----------
    limited, free : Path
    limit_bytes : int
        What the driver and two workers need as planned.
    whole_bytes : int
        One run of each of two workers, loaded as float64.
    """

    limited: Path
    free: Path
    limit_bytes: int
    whole_bytes: int


def make_limited(folder: Path, design: ChoiceStudyDesign) -> LimitedStudy:
    """Write a study, and its file with and without the limit."""
    data = folder / "data"
    make_choice_study(data, design)
    images = sorted((data / "derivatives").rglob("*_bold.nii.gz"))
    task = images[0].name.split("task-")[1].split("_")[0]

    def study(name: str, memory: str) -> Path:
        path = folder / f"{name}.yaml"
        path.write_text(_STUDY.format(root=data, task=task, memory=memory))
        return path

    free = study("free", "")
    planned = prepare(open_study(free), n_jobs=1).plan
    limit = DRIVER_BYTES + _N_WORKERS * worker_bytes(planned)
    limited = study("limited", f'limit: "{limit}", available_memory_buffer: 0')
    series = open_image(images[0]).series
    whole = _N_WORKERS * _FLOAT64_BYTES * series.grid.n_voxels * design.n_volumes
    return LimitedStudy(limited, free, limit, whole)


def run_pinned(
    study: Path, n_workers: int, output: Path, *, sample: bool = False
) -> tuple[Finished, dict[str, Any]]:
    """Run it in a process of its own; to watch its memory takes a tenth of a core.

    Raises
    ------
    RuntimeError
        If memory does not carry so many workers.
    """
    command = python("-m", "benchmarks.study_way", study, str(n_workers), output)
    finished = run_process(command, sample_memory=sample)
    told = json.loads(finished.output)
    if told["workers"] != n_workers:
        raise RuntimeError(f"{study} ran with {told['workers']} of {n_workers} workers")
    return finished, told


def limit_rows(design: ChoiceStudyDesign) -> Iterator[Row]:
    """Peak of all processes under the limit, and what comes out beside what does without it."""
    image = f"{design.n_subjects} subjects, {'×'.join(map(str, design.shape))}"
    with tempfile.TemporaryDirectory() as folder:
        study = make_limited(Path(folder), design)
        out = {name: Path(folder, f"out-{name}") for name in ("limited", "free")}
        fitting = prepare(open_study(study.limited), n_jobs=_N_WORKERS + 1).n_workers
        finished, told = run_pinned(study.limited, _N_WORKERS, out["limited"], sample=True)
        _, told_free = run_pinned(study.free, _N_WORKERS, out["free"])
        scores = {name: read_scores(path) for name, path in out.items()}
    limit, peak = study.limit_bytes / MIB, finished.peak_bytes / MIB
    what, note = "workers that fit under the limit", f"of {_N_WORKERS + 1} asked for"
    apart = abs(fitting - _N_WORKERS)
    yield _row(image, what, fitting, "workers", ask=asked.TWO_WORKERS, judged=apart, note=note)
    whole = study.whole_bytes / MIB
    yield _row(
        image,
        f"two whole runs of {design.n_volumes} volumes as float64",
        whole,
        "MiB",
        ask=asked.BEYOND_LIMIT,
        judged=whole - limit,
        note=f"limit {limit:.0f} MiB",
    )
    yield _row(
        image,
        "peak of all processes (PSS) under the limit",
        peak,
        "MiB",
        ask=asked.WITHIN_LIMIT,
        judged=peak - limit,
        note=f"{100 * peak / limit:.0f} % of {limit:.0f} MiB",
    )
    yield _row(
        image,
        "time under the limit",
        told["seconds"],
        "s",
        peer="without",
        peer_value=told_free["seconds"],
    )
    yield same_scores_row(image, scores["limited"], scores["free"])


def read_scores(output: Path) -> NDArray[np.float64]:
    """Scores of all regions and spheres of all subjects, in the order of their files.

    Raises
    ------
    RuntimeError
        If there are none of a kind.
    """
    found = [sorted(output.glob(f"sub-*/{pattern}")) for pattern in _SUBJECT_SCORES]
    if not all(found):
        raise RuntimeError(f"{output} must hold {' and '.join(_SUBJECT_SCORES)}")
    tables, maps = found
    parts = [read_frame(path)["score"].to_numpy(np.float64) for path in tables]
    parts += [read_volume(path, None, name="scores").values.ravel() for path in maps]
    return np.concatenate(parts).astype(np.float64)


def same_scores_row(image: str, limited: NDArray[np.float64], free: NDArray[np.float64]) -> Row:
    """How many scores differ, and by how much at most."""
    if limited.shape != free.shape:
        raise RuntimeError(f"there are {limited.size} scores under the limit, else {free.size}")
    # Voxels that are no centre have 0.
    scored = (limited != 0) | (free != 0)
    apart = np.abs(limited[scored] - free[scored])
    n_apart = int(np.count_nonzero(~(apart == 0)))
    most = math.nan if np.isnan(apart).any() else apart.max()
    return _row(
        image,
        "scores unlike those without a limit",
        n_apart,
        "values",
        ask=asked.EQUAL,
        note=f"of {apart.size} differ, by {most:g} at most",
    )
