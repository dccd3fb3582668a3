"""`benchmarks.glm_ways` run in processes of their own, alone or in turn, and compared."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmarks import forking
from benchmarks.glm_ways import labels_path
from benchmarks.pairs import Pair, Run, Way, difference, run_in_turn

_MODULE = "benchmarks.glm_ways"


@cache
def imports_peak(library: str) -> int:
    """Peak of a process that imports what a library has for GLMs, in bytes."""
    done = forking.run_way(_MODULE, "imports", library, "{}")
    return int(json.loads(done.output.splitlines()[-1])["peak"])


def run_way(way: Way, output: Path) -> Run:
    """Run a way to its end, its maps into a file."""
    arguments = json.dumps({**way.arguments, "output": str(output)})
    done = forking.run_way(_MODULE, way.name, way.package, arguments)
    measured = json.loads(done.output.splitlines()[-1])
    above = measured["peak"] - imports_peak(way.package)
    return Run(measured["seconds"], above, measured["read"], measured["bytes"])


def run_alone(way: Way, repeats: int) -> list[Run]:
    """Run one way by itself; its maps are dropped."""
    with tempfile.TemporaryDirectory() as folder:
        return [run_way(way, Path(folder, "maps.npy")) for _ in range(repeats)]


def run_pair(ours: Way, theirs: Way, repeats: int, folder: Path) -> tuple[Pair, Path]:
    """Run two ways in turn, the other one first each time; where our last maps are, too."""
    files = folder / "ours.npy", folder / "theirs.npy"
    own, other = run_in_turn(
        partial(run_way, ours, files[0]), partial(run_way, theirs, files[1]), repeats
    )
    return Pair(own, other, difference(*files)), files[0]


def same_labels(ours: Path, theirs: Path) -> float:
    """Share of voxels, run by run, that have the same label in two ways' files."""
    own, other = (np.load(labels_path(path)) for path in (ours, theirs))
    if own.shape != other.shape:
        raise RuntimeError(f"the labels have the shapes {own.shape} and {other.shape}")
    return float((own == other).mean())


@contextmanager
def one_cpu() -> Iterator[None]:
    """Let the processes that are started meanwhile have one CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
