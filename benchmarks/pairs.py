"""Two ways to make the same signals, run in turn in processes of their own, and compared."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import MIB, python, run_process
from benchmarks.seed_scale import Row

# Of signals that are compared at a time; bounds the memory of this process.
_COLUMNS = 1000


@dataclass(frozen=True, slots=True)
class Way:
    """One of `benchmarks.masker_ways`, and whether it starts processes, to be counted too."""

    name: str
    arguments: Mapping[str, Any]
    package: str = "boldstream"
    has_children: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """What one process measured.

    Attributes
    ----------
    seconds : float
        After the imports.
    peak : int
        Bytes above those of a process that does nothing but import.
    read : float
        Seconds of the read-through of the same image, right after; 0 where none is read.
    n_bytes : int
        Size of the signals.
    """

    seconds: float
    peak: int
    read: float
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Runs of two ways: ours, and what it is held against.

    Attributes
    ----------
    ours, theirs : tuple of Run
    apart : float
        Difference of their signals.
    from_exact : tuple of float, optional
        How far ours and theirs are from the exact signals.
    """

    ours: tuple[Run, ...]
    theirs: tuple[Run, ...]
    apart: float
    from_exact: tuple[float, float] | None = None

    @property
    def faster(self) -> float:
        """Median over the repeats, in each of which both met the same slow moments."""
        each = zip(self.ours, self.theirs, strict=True)
        return statistics.median(other.seconds / own.seconds for own, other in each)

    @property
    def less(self) -> float:
        """Their largest peak as a multiple of ours."""
        return largest_peak(self.theirs) / largest_peak(self.ours)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a pair; nothing where it is None.

    Attributes
    ----------
    faster, less : float, optional
        Their time and peak as multiples of ours, at least.
    most_peak : tuple of str and float, optional
        Our peak at most, in words and in bytes; instead of `less`.
    most_apart : float, optional
        Difference of the signals at most.
    """

    faster: float | None = None
    less: float | None = None
    most_peak: tuple[str, float] | None = None
    most_apart: float | None = 0.0


def largest_peak(runs: Sequence[Run]) -> int:
    """The largest peak of several runs, in bytes above the imports."""
    return max(run.peak for run in runs)


@cache
def imports_peak(library: str) -> int:
    """Peak of a process that imports the maskers of a library, in bytes."""
    done = run_process(python("-m", "benchmarks.masker_ways", "imports", library, "{}"))
    return int(json.loads(done.output.splitlines()[-1])["peak"])


def run_way(way: Way, output: Path) -> Run:
    """Run a way to its end, its signals into a file."""
    arguments = json.dumps({**way.arguments, "output": str(output)})
    command = python("-m", "benchmarks.masker_ways", way.name, way.package, arguments)
    done = run_process(command, sample_memory=way.has_children)
    measured = json.loads(done.output.splitlines()[-1])
    peak = done.peak_bytes if way.has_children else measured["peak"]
    above = peak - imports_peak(way.package)
    return Run(measured["seconds"], above, measured["read"], measured["bytes"])


def run_pair(ours: Way, theirs: Way, repeats: int, *, exact: Way | None = None) -> Pair:
    """Run two ways in turn, the other one first each time, and compare the last signals.

    `exact` makes the signals that both would without rounding, and is not timed.
    """
    runs: tuple[list[Run], list[Run]] = ([], [])
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "ours.npy"), Path(folder, "theirs.npy")
        sides = list(zip((ours, theirs), files, runs, strict=True))
        for repeat in range(repeats):
            for way, file, measured in sides if repeat % 2 == 0 else reversed(sides):
                measured.append(run_way(way, file))
        apart, from_exact = difference(*files), None
        if exact is not None:
            reference = Path(folder, "exact.npy")
            run_way(exact, reference)
            from_exact = difference(files[0], reference), difference(files[1], reference)
        return Pair(tuple(runs[0]), tuple(runs[1]), apart, from_exact)


def difference(ours: Path, theirs: Path) -> float:
    """Largest |ours − theirs| as a share of the largest |theirs| in its column.

    It is NaN where one of both is, and infinite where only theirs is 0.
    """
    a, b = np.load(ours, mmap_mode="r"), np.load(theirs, mmap_mode="r")
    if a.shape != b.shape:
        raise RuntimeError(f"the signals have the shapes {a.shape} and {b.shape}")
    worst = 0.0
    for start in range(0, a.shape[1], _COLUMNS):
        x, y = (np.asarray(values[:, start : start + _COLUMNS], np.float64) for values in (a, b))
        gap = np.abs(x - y).max(axis=0)
        # Where both hold nothing but 0 there is no difference to divide.
        apart = gap != 0
        with np.errstate(divide="ignore"):
            shares = gap[apart] / np.abs(y).max(axis=0)[apart]
        worst = float(np.maximum(worst, shares.max(initial=0.0)))
    return worst


def pair_rows(
    image: str, what: str, pair: Pair, asked: Asked, *, rival: str = "nilearn"
) -> Iterator[Row]:
    """Time, peak and equality of two ways, each beside what is asked of it."""
    own, other = (statistics.median(r.seconds for r in runs) for runs in (pair.ours, pair.theirs))
    got = f"{pair.faster:.2f} × ({own:.2f} s, {rival} {other:.2f} s; n = {len(pair.ours)})"
    read = statistics.median(run.read for run in (*pair.ours, *pair.theirs))
    got += f"; read {read:.2f} s" if read else ""
    yield _at_least(image, f"{what}: time", "faster", asked.faster, pair.faster, got)

    peak, others = (largest_peak(runs) / MIB for runs in (pair.ours, pair.theirs))
    got = f"{pair.less:.1f} × ({peak:.0f} MiB, {rival} {others:.0f} MiB)"
    if asked.most_peak is None:
        yield _at_least(image, f"{what}: peak", "less", asked.less, pair.less, got)
    else:
        words, n_bytes = asked.most_peak
        most = f"≤ {words} = {n_bytes / MIB:.0f} MiB"
        yield Row(image, f"{what}: peak", most, got, peak * MIB <= n_bytes)

    apart, most_apart = f"{pair.apart:.1e}", asked.most_apart
    if most_apart is None:
        yield Row(image, f"{what}: difference", "", apart)
    else:
        within = pair.apart <= most_apart
        yield Row(image, f"{what}: difference", f"≤ {most_apart:g}", apart, within)
    if pair.from_exact is not None:
        own, other = pair.from_exact
        got = f"{own:.1e} (nilearn as it is {other:.1e})"
        yield Row(image, f"{what}: from nilearn in float64", "no further", got, own <= other)


def _at_least(image: str, what: str, word: str, least: float | None, value: float, got: str) -> Row:
    if least is None:
        return Row(image, what, "", got)
    return Row(image, what, f"≥ {least:g} × {word}", got, value >= least)
