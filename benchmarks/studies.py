"""Whole studies: two workers beside one, what giving out work costs, and peak memory.

``python -m benchmarks.studies`` makes a study of eight subjects, runs it with
one worker and with two in turn, each pinned to a core, in processes of their
own, and prints what was asked and measured. Another such study with larger
images runs under a memory limit that is just what two workers need. Nothing
else should run meanwhile.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from benchmarks import asked, study_limit
from benchmarks.command import run_suite
from benchmarks.harness import MIB
from benchmarks.rows import Row, figure
from benchmarks.settings import Group, Settings
from benchmarks.study_limit import SUITE, run_pinned
from benchmarks.study_plans import plan_rows
from benchmarks.study_way import UNIT_SECONDS, sleep
from boldstream.core.budget import parse_bytes
from boldstream.simulate.choice_study import ChoiceStudyDesign, make_choice_study
from boldstream.study.executors.base import Job
from boldstream.study.executors.processes import ProcessExecutor

_LIMIT = "3GB"
_STUDY = """
data: {{root: {root}, task: {task}}}
rois:
  masks: {{vmpfc: {root}/masks/vmpfc.nii.gz, striatum: {root}/masks/striatum.nii.gz}}
targets:
  choice: {{column: choice}}
analyses:
  - {{kind: decoding, name: regions, permutations: 100, permutation_blocks: trials}}
  - {{kind: searchlight, name: light, target: choice, radius: 8}}
memory: {{limit: {limit}}}
"""


_row = partial(figure, SUITE)


@dataclass(frozen=True)
class Sizes:
    """What is measured, and on how much of it.

    Attributes
    ----------
    study, limited : ChoiceStudyDesign
        To be timed, and to run under a limit.
    n_units : int
        Of half a second, to see what is lost between them.
    repeats : int
    """

    study: ChoiceStudyDesign
    limited: ChoiceStudyDesign
    n_units: int
    repeats: int = 3


_FULL = Sizes(ChoiceStudyDesign(n_subjects=8, shape=(40, 48, 40)), study_limit.FULL, 40)
_QUICK = Sizes(study_limit.QUICK, study_limit.QUICK, 4)


def make(folder: Path, design: ChoiceStudyDesign) -> Path:
    """Write a study and its file."""
    make_choice_study(folder / "data", design)
    images = sorted((folder / "data").rglob("*_bold.nii.gz"))
    task = images[0].name.split("task-")[1].split("_")[0]
    study = folder / "study.yaml"
    study.write_text(_STUDY.format(root=folder / "data", task=task, limit=_LIMIT))
    return study


def study_rows(sizes: Sizes) -> Iterator[Row]:
    """One worker and two, in turn."""
    image, repeats = f"{sizes.study.n_subjects} subjects", sizes.repeats
    limit = parse_bytes(_LIMIT)
    with tempfile.TemporaryDirectory() as folder:
        study = make(Path(folder), sizes.study)
        ratios, seconds = list[float](), {1: list[float](), 2: list[float]()}
        for repeat in range(repeats):
            for n in (1, 2):
                _, told = run_pinned(study, n, Path(folder, f"out-{repeat}-{n}"))
                seconds[n].append(told["seconds"])
            ratios.append(seconds[1][-1] / seconds[2][-1])
        finished, _ = run_pinned(study, 2, Path(folder, "out-watched"), sample=True)
    one, two = (statistics.median(seconds[n]) for n in (1, 2))
    yield _row(
        image,
        "two workers: time",
        two,
        "s",
        ask=asked.WORKERS,
        peer="one worker",
        peer_value=one,
        ratio=statistics.median(ratios),
        ratio_unit="× faster",
        n=repeats,
    )
    peak = finished.peak_bytes / MIB
    yield _row(
        image,
        "peak of all processes (PSS)",
        peak,
        "MiB",
        ask=asked.WITHIN_LIMIT,
        judged=peak - limit / MIB,
        note=f"limit {limit / MIB:.0f} MiB",
    )


def overhead_rows(sizes: Sizes) -> Iterator[Row]:
    """What is lost between units of half a second."""
    with ProcessExecutor(sleep, 2) as executor:
        executor.submit(Job("warm", "", ()))
        executor.submit(Job("warm too", "", ()))
        left = 2
        while left:
            left -= len(executor.wait())
        began = time.perf_counter()
        for i in range(sizes.n_units):
            executor.submit(Job(str(i), "", ()))
        left = sizes.n_units
        while left:
            left -= len(executor.wait())
        seconds = time.perf_counter() - began
    share = seconds / (UNIT_SECONDS * sizes.n_units / 2) - 1
    what = f"overhead of {sizes.n_units} units of {UNIT_SECONDS} s"
    yield _row("two workers", what, 100 * share, "%", ask=asked.OVERHEAD)


def limited_rows(sizes: Sizes) -> Iterator[Row]:
    """Two workers under a limit that is just what they need."""
    return study_limit.limit_rows(sizes.limited)


SizeRows: TypeAlias = Callable[[Sizes], Iterator[Row]]


def sized_rows(rows_of: SizeRows, settings: Settings) -> Iterator[Row]:
    """The figures of a group."""
    return rows_of(replace(_QUICK if settings.quick else _FULL, repeats=settings.repeats))


GROUPS: dict[str, Group] = {
    "workers": partial(sized_rows, study_rows),
    "overhead": partial(sized_rows, overhead_rows),
    "limit": partial(sized_rows, limited_rows),
    "plan": plan_rows,
}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
