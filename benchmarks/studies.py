"""Whole studies: two workers beside one, what giving out work costs, and peak memory.

``python -m benchmarks.studies`` makes a study of eight subjects, runs it with
one worker and with two in turn, each pinned to a core, in processes of their
own, and prints what was asked and measured. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import MIB, Finished, python, run_process
from benchmarks.seed_scale import Row, print_table
from benchmarks.study_way import UNIT_SECONDS, sleep
from boldstream.core.budget import parse_bytes
from boldstream.simulate.choice_study import ChoiceStudyDesign, make_choice_study
from boldstream.study.executors.base import Job
from boldstream.study.executors.processes import ProcessExecutor

_IMAGE = "8 subjects"
_LIMIT = "3GB"
_N_UNITS = 40
_SHAPE = (40, 48, 40)
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


def make(folder: Path) -> Path:
    """Write a study and its file."""
    design = ChoiceStudyDesign(n_subjects=8, shape=_SHAPE)
    make_choice_study(folder / "data", design)
    images = sorted((folder / "data").rglob("*_bold.nii.gz"))
    task = images[0].name.split("task-")[1].split("_")[0]
    study = folder / "study.yaml"
    study.write_text(_STUDY.format(root=folder / "data", task=task, limit=_LIMIT))
    return study


def run(
    study: Path, n_workers: int, output: Path, *, sample: bool = False
) -> tuple[Finished, dict[str, Any]]:
    """Run it in a process of its own; to watch its memory takes a tenth of a core."""
    command = python("-m", "benchmarks.study_way", study, str(n_workers), output)
    finished = run_process(command, sample_memory=sample)
    return finished, json.loads(finished.output)


def study_rows(repeats: int) -> Iterator[Row]:
    """One worker and two, in turn."""
    limit = parse_bytes(_LIMIT)
    with tempfile.TemporaryDirectory() as folder:
        study = make(Path(folder))
        ratios, seconds = list[float](), {1: list[float](), 2: list[float]()}
        for repeat in range(repeats):
            for n in (1, 2):
                _, told = run(study, n, Path(folder, f"out-{repeat}-{n}"))
                seconds[n].append(told["seconds"])
            ratios.append(seconds[1][-1] / seconds[2][-1])
        finished, _ = run(study, 2, Path(folder, "out-watched"), sample=True)
    ratio = statistics.median(ratios)
    one, two = (statistics.median(seconds[n]) for n in (1, 2))
    got = f"{ratio:.2f} × ({two:.1f} s, one {one:.1f} s; n = {repeats})"
    yield Row(_IMAGE, "two workers: time", "≥ 1.8 × faster", got, ratio >= 1.8)
    peak = finished.peak_bytes
    got = f"{peak / MIB:.0f} MiB of {limit / MIB:.0f} MiB"
    yield Row(_IMAGE, "peak of all processes (PSS)", "≤ limit", got, peak <= limit)


def overhead_row() -> Row:
    """What is lost between units of half a second."""
    with ProcessExecutor(sleep, 2) as executor:
        executor.submit(Job("warm", "", ()))
        executor.submit(Job("warm too", "", ()))
        left = 2
        while left:
            left -= len(executor.wait())
        began = time.perf_counter()
        for i in range(_N_UNITS):
            executor.submit(Job(str(i), "", ()))
        left = _N_UNITS
        while left:
            left -= len(executor.wait())
        seconds = time.perf_counter() - began
    share = seconds / (UNIT_SECONDS * _N_UNITS / 2) - 1
    what = f"overhead of {_N_UNITS} units of {UNIT_SECONDS} s"
    return Row("two workers", what, "< 2 %", f"{100 * share:.2f} %", share < 0.02)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print_table([*study_rows(options.repeats), overhead_row()], judged=True)


if __name__ == "__main__":
    main()
