"""Find the regions of a study that respond to its task, from its files alone.

A small analysis with the public functions: each subject's runs are read once,
and region means, voxels and the mean image come out of that one pass.
"""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from boldstream.api import plan, stream
from boldstream.core.errors import ImageFileError
from boldstream.core.limits import process_memory
from boldstream.simulate.study import ATLAS, ATLAS_NAMES, BRAIN_MASK
from boldstream.simulate.task import TaskBlock, expected_response
from boldstream.streaming.reductions import Labels, Mean, Voxels
from boldstream.streaming.results import RegionSeries

# Chance of one false alarm or more among all that is tested.
_FALSE_ALARM = 0.001
_COLUMNS_AT_A_TIME = 1024


@dataclass(frozen=True, slots=True)
class Pass:
    """One subject's runs, read in one pass: what was read, and time and memory it took.

    Attributes
    ----------
    subject : str
    n_volumes : int
    seconds : float
    predicted_peak_bytes : int
        As the plan said before anything was read.
    measured_peak_bytes : int
        Most resident memory of this process during the pass.
    """

    subject: str
    n_volumes: int
    seconds: float
    predicted_peak_bytes: int
    measured_peak_bytes: int


@dataclass(frozen=True, slots=True)
class RegionResponse:
    """How a region responds to the task, over all runs of all subjects.

    Attributes
    ----------
    name : str
    z : float
        Normal under no response, with SD 1.
    change_percent : float
        Of the mean of the brain, while the task holds on.
    responds : bool
        Whether `z` is beyond what chance gives for so many regions.
    """

    name: str
    z: float
    change_percent: float
    responds: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """What an analysis of a study found.

    Attributes
    ----------
    regions : tuple of RegionResponse
        All of the atlas, in its order.
    n_voxels, n_responding_voxels : int
        Voxels of the brain, and how many of them respond on their own.
    passes : tuple of Pass
        One for each subject.
    """

    regions: tuple[RegionResponse, ...]
    n_voxels: int
    n_responding_voxels: int
    passes: tuple[Pass, ...]

    @property
    def responding(self) -> tuple[str, ...]:
        """Names of the regions that respond."""
        return tuple(region.name for region in self.regions if region.responds)


@dataclass(frozen=True, eq=False)
class _Scores:
    """Of each run and column: z of the response, and its size."""

    z: NDArray[np.float64]
    size: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Analysed:
    """One subject: names and scores of its regions, scores of its voxels."""

    names: tuple[str, ...]
    regions: _Scores
    voxels: _Scores
    done: Pass


def find_responses(folder: str | os.PathLike[str]) -> Findings:
    """Find which regions of the atlas respond to the task.

    Each time course is correlated with the expected response, run by run,
    with slow drift (a parabola) taken out of both; Fisher's z of the runs are
    combined by Stouffer's method and held against a normal deviate with
    Bonferroni's correction. That is exact for white noise, which made-up
    images have and real ones have not.

    Parameters
    ----------
    folder : path
        A study as `boldstream.simulate.study.make_study` writes it.

    Raises
    ------
    ImageFileError
        The folder holds no runs.

    Examples
    --------
    >>> import tempfile
    >>> from boldstream.simulate.study import StudyDesign, make_study
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_study(folder, StudyDesign(n_subjects=1, shape=(20, 20, 20)))
    ...     find_responses(folder).responding == truth.planted
    True
    """
    root = Path(folder)
    subjects = sorted(path for path in root.glob("sub-*") if path.is_dir())
    if not subjects:
        raise ImageFileError(f"{root} holds no study: it has no folders named sub-*")
    analysed = [_analyse(root, subject) for subject in subjects]
    z, size = _combined([subject.regions for subject in analysed])
    voxel_z, _ = _combined([subject.voxels for subject in analysed])
    rows = zip(analysed[0].names, z, size, _beyond_chance(z), strict=True)
    return Findings(
        tuple(RegionResponse(n, float(v), 100 * float(s), bool(r)) for n, v, s, r in rows),
        len(voxel_z),
        int(_beyond_chance(voxel_z).sum()),
        tuple(subject.done for subject in analysed),
    )


def _analyse(root: Path, subject: Path) -> _Analysed:
    runs = sorted((subject / "func").glob("*_bold.nii.gz"))
    (regions, voxels, mean), done = _read_once(root, runs, subject.name)
    courses = [_response(run, n) for run, n in zip(runs, regions.run_lengths, strict=True)]
    brain_mean = float(mean[mean > 0].mean())
    return _Analysed(
        regions.names,
        _scores(regions.values, courses, brain_mean),
        _scores(voxels, courses, brain_mean),
        done,
    )


def _read_once(
    root: Path, runs: Sequence[Path], subject: str
) -> tuple[tuple[RegionSeries, NDArray[np.float32], NDArray[np.float32]], Pass]:
    wanted = (Labels(root / ATLAS, names=root / ATLAS_NAMES), Voxels(root / BRAIN_MASK), Mean())
    _forget_peak()
    planned = plan(list(runs), *wanted)
    began = time.perf_counter()
    regions, voxels, mean = stream(list(runs), *wanted)
    seconds = time.perf_counter() - began
    _, peak = process_memory()
    done = Pass(subject, len(voxels), seconds, planned.peak_bytes, peak)
    return (regions, voxels, mean), done


def _forget_peak() -> None:
    """Make the kernel's record of this process' peak start anew.

    Where it cannot, the peak is that of the whole process, never too small.
    """
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _response(run: Path, n_volumes: int) -> NDArray[np.float64]:
    stem = run.name.removesuffix("_bold.nii.gz")
    with run.with_name(f"{stem}_events.tsv").open(newline="") as table:
        rows = csv.DictReader(table, delimiter="\t")
        blocks = [TaskBlock(float(row["onset"]), float(row["duration"])) for row in rows]
    sidecar = json.loads(run.with_name(f"{stem}_bold.json").read_text())
    return expected_response(blocks, n_volumes, float(sidecar["RepetitionTime"]))


def _scores(
    values: NDArray[np.float32], courses: Sequence[NDArray[np.float64]], unit: float
) -> _Scores:
    """Correlate each column (volumes, columns) with the course of each of the runs."""
    # A few columns at a time: float64 copies of all voxels would outweigh the pass.
    starts = range(0, values.shape[1], _COLUMNS_AT_A_TIME)
    parts = [_scores_at_once(values[:, i : i + _COLUMNS_AT_A_TIME], courses) for i in starts]
    z = np.concatenate([part.z for part in parts], axis=1)
    return _Scores(z, np.concatenate([part.size for part in parts], axis=1) / unit)


def _scores_at_once(values: NDArray[np.float32], courses: Sequence[NDArray[np.float64]]) -> _Scores:
    z, size, start = [], [], 0
    for course in courses:
        n = len(course)
        drift = np.vander(np.linspace(-1.0, 1.0, n), 3)
        series = _without(drift, values[start : start + n].astype(np.float64))
        course = _without(drift, course)
        product, power = course @ series, course @ course
        r = product / np.sqrt(power * (series**2).sum(axis=0))
        # Two of the degrees of freedom went into the slopes of the drift.
        z.append(np.arctanh(r) * math.sqrt(n - 5))
        size.append(product / power)
        start += n
    return _Scores(np.stack(z), np.stack(size))


def _without(drift: NDArray[np.float64], series: NDArray[np.float64]) -> NDArray[np.float64]:
    basis = np.linalg.qr(drift)[0]
    return np.asarray(series - basis @ (basis.T @ series))


def _combined(scores: Sequence[_Scores]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    z = np.concatenate([score.z for score in scores])
    size = np.concatenate([score.size for score in scores])
    return z.sum(axis=0) / math.sqrt(len(z)), size.mean(axis=0)


def _beyond_chance(z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of these deviates have a two-sided p below the level, for as many as they are."""
    threshold = NormalDist().inv_cdf(1 - _FALSE_ALARM / (2 * len(z)))
    return np.abs(z) > threshold
