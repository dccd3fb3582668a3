"""Two ways to make the same signals, run in turn in processes of their own, and compared."""

from __future__ import annotations

import json
import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import forking
from benchmarks.asked import EQUAL, NO_FURTHER
from benchmarks.harness import MIB
from benchmarks.rows import Ask, Row, figure
from benchmarks.settings import PEER_SECONDS

_MODULE = "benchmarks.masker_ways"
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
        """Median over the repeats, in each of which both met the same slow moments.

        Where theirs ran once, of the medians.
        """
        if len(self.ours) != len(self.theirs):
            return seconds_of(self.theirs) / seconds_of(self.ours)
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
    faster, less : Ask, optional
        Of their time and peak as multiples of ours.
    most_peak : tuple of Ask and float, optional
        Of our peak less so many bytes, which it may take in any case; instead of `less`.
    apart : Ask, optional
        Of the difference of the signals.
    """

    faster: Ask | None = None
    less: Ask | None = None
    most_peak: tuple[Ask, float] | None = None
    apart: Ask | None = EQUAL


def seconds_of(runs: Sequence[Run]) -> float:
    """Median of several runs."""
    return statistics.median(run.seconds for run in runs)


def largest_peak(runs: Sequence[Run]) -> int:
    """The largest peak of several runs, in bytes above the imports."""
    return max(run.peak for run in runs)


@cache
def imports_peak(library: str) -> int:
    """Peak of a process that imports the maskers of a library, in bytes."""
    done = forking.run_way(_MODULE, "imports", library, "{}")
    return int(json.loads(done.output.splitlines()[-1])["peak"])


def run_way(way: Way, output: Path) -> Run:
    """Run a way to its end, its signals into a file."""
    arguments = json.dumps({**way.arguments, "output": str(output)})
    done = forking.run_way(
        _MODULE, way.name, way.package, arguments, sample_memory=way.has_children
    )
    measured = json.loads(done.output.splitlines()[-1])
    peak = done.peak_bytes if way.has_children else measured["peak"]
    above = peak - imports_peak(way.package)
    return Run(measured["seconds"], above, measured["read"], measured["bytes"])


def run_pair(ours: Way, theirs: Way, repeats: int, *, exact: Way | None = None) -> Pair:
    """Run two ways in turn, the other one first each time, and compare the last signals.

    `exact` makes the signals that both would without rounding, and is not timed.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "ours.npy"), Path(folder, "theirs.npy")
        own, other = run_in_turn(
            partial(run_way, ours, files[0]), partial(run_way, theirs, files[1]), repeats
        )
        apart, from_exact = difference(*files), None
        if exact is not None:
            reference = Path(folder, "exact.npy")
            run_way(exact, reference)
            from_exact = difference(files[0], reference), difference(files[1], reference)
        return Pair(own, other, apart, from_exact)


def run_in_turn(
    ours: Callable[[], Run], theirs: Callable[[], Run], repeats: int
) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Run two ways so many times, the other one first each time; theirs once if it takes long."""
    own, other = [ours()], [theirs()]
    for repeat in range(1, repeats):
        short = other[0].seconds <= PEER_SECONDS
        if short and repeat % 2:
            other.append(theirs())
        own.append(ours())
        if short and not repeat % 2:
            other.append(theirs())
    return tuple(own), tuple(other)


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
    suite: str,
    image: str,
    what: str,
    pair: Pair,
    asked: Asked,
    *,
    rival: str = "nilearn",
    compared: bool = True,
) -> Iterator[Row]:
    """Time, peak and equality of two ways, each beside what is asked of it.

    Where signals are compared elsewhere, `compared` is false.
    """
    row = partial(figure, suite, image)
    own, other = seconds_of(pair.ours), seconds_of(pair.theirs)
    read = statistics.median(run.read for run in (*pair.ours, *pair.theirs))
    peak, others = (largest_peak(runs) / MIB for runs in (pair.ours, pair.theirs))
    fewer = len(pair.theirs) < len(pair.ours)
    notes = (f"read {read:.2f} s" if read else "", f"{rival} once" if fewer else "")
    yield row(
        f"{what}: time",
        own,
        "s",
        ask=asked.faster,
        peer=rival,
        peer_value=other,
        ratio=pair.faster,
        ratio_unit="× faster",
        peak_mib=peak,
        peer_peak_mib=others,
        n=len(pair.ours),
        note=", ".join(note for note in notes if note),
    )
    ask, judged = asked.less, pair.less
    if asked.most_peak is not None:
        ask, judged = asked.most_peak[0], peak - asked.most_peak[1] / MIB
    yield row(
        f"{what}: peak",
        peak,
        "MiB",
        ask=ask,
        judged=judged,
        peer=rival,
        peer_value=others,
        ratio=pair.less,
        ratio_unit="× less",
        n=len(pair.ours),
        note=_within(asked.most_peak),
    )
    if compared:
        yield row(f"{what}: difference", pair.apart, "", ask=asked.apart, peer=rival)
    if pair.from_exact is not None:
        yield row(
            f"{what}: from nilearn in float64",
            pair.from_exact[0],
            "",
            ask=NO_FURTHER,
            judged=no_further(*pair.from_exact),
            peer="nilearn as it is",
            peer_value=pair.from_exact[1],
        )


def no_further(ours: float, theirs: float) -> float:
    """How many times as far ours is as theirs; 0 where it is not apart at all."""
    return ours / theirs if theirs else (math.inf if ours else 0.0)


def _within(most_peak: tuple[Ask, float] | None) -> str:
    if most_peak is None:
        return ""
    ask, n_bytes = most_peak
    return f"at most {(ask.most or 0) + n_bytes / MIB:.0f} MiB"
