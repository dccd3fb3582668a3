"""`benchmarks.searchlight_ways` run in processes of their own, and what they made compared."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import forking
from benchmarks.searchlight_data import TrialInputs


@dataclass(frozen=True, eq=False)
class Measured:
    """What one process measured and made.

    Attributes
    ----------
    figures : mapping
    arrays : mapping of str to ndarray
    peak : int
        Bytes of the whole process.
    """

    figures: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    peak: int

    @property
    def seconds(self) -> float:
        return float(self.figures["seconds"])

    @property
    def n_spheres(self) -> int:
        return int(self.figures["n_spheres"])

    @property
    def start(self) -> float:
        """Seconds of a searchlight of one sphere: what does not grow with their number."""
        calls = self.figures.get("calls", ())
        return float(calls[-1]) if calls else 0.0

    @property
    def ms(self) -> float:
        """Of a sphere, without what does not grow with their number."""
        n = self.n_spheres - 1 if self.start else self.n_spheres
        return 1000 * (self.seconds - self.start) / n

    def seconds_of(self, n_spheres: int) -> float:
        """Seconds of so many spheres."""
        if n_spheres == self.n_spheres:
            return self.seconds
        return self.start + self.ms * (n_spheres - 1) / 1000


@cache
def imports_peak(library: str) -> int:
    """Peak of a process that imports what a library has for searchlights, in bytes."""
    return run("imports", library).peak


def run(way: str, library: str = "boldstream", /, **arguments: Any) -> Measured:
    """Run one way to its end."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "arrays.npz")
        text = json.dumps({**arguments, "output": str(output)})
        done = forking.run_way("benchmarks.searchlight_ways", way, library, text)
        figures = json.loads(done.output.splitlines()[-1])
        arrays = dict(np.load(output)) if output.exists() else {}
    return Measured(figures, arrays, figures["peak"])


def run_in_turn(
    first: Callable[[], Measured], second: Callable[[], Measured], repeats: int
) -> list[tuple[Measured, Measured]]:
    """Run two ways so many times, the other one first each time."""
    pairs = []
    for repeat in range(repeats):
        if repeat % 2 == 0:
            a, b = first(), second()
        else:
            b, a = second(), first()
        pairs.append((a, b))
    return pairs


def fitting(inputs: TrialInputs, estimator: str, **options: Any) -> Callable[[], Measured]:
    """Our searchlight."""
    return partial(run, "fit", **inputs.arguments, estimator=estimator, **options)


@cache
def run_nilearn(
    inputs: TrialInputs, estimator: str, every: int, permutations: int = 0, n_permuted: int = 0
) -> Measured:
    """A searchlight of nilearn around every so many-th voxel, once for all that ask for it."""
    return run(
        "search_light",
        "nilearn",
        **inputs.arguments,
        estimator=estimator,
        every=every,
        permutations=permutations,
        n_permuted=n_permuted,
    )


@contextmanager
def variable(name: str, value: str | Path) -> Iterator[None]:
    """Set a variable of the environment for the processes that are started meanwhile."""
    before = os.environ.get(name)
    os.environ[name] = str(value)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
