"""Searchlights of whole brains: with permutations, TFCE, and more than memory may hold."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness import MIB
from benchmarks.searchlight_data import Trials
from benchmarks.searchlight_runs import (
    fitting,
    imports_peak,
    run,
    run_nilearn,
    variable,
)
from benchmarks.searchlight_study import (
    SOME,
    Sizes,
    Study,
    days,
    every_of,
    median,
    most_row,
    n_voxels,
    same_row,
    spaced,
)
from benchmarks.searchlight_ways import stepped_tfce
from benchmarks.seed_scale import Row

# From one score to the next one.
_STEPS = 10
_MEMORY_LIMIT_MIB = 600


@dataclass(frozen=True, slots=True)
class Case:
    """A whole brain with two threads, and how many seconds it may take."""

    estimator: str
    most: float
    permutations: int = 0
    trials: str = "few"
    long: bool = False


def cases(sizes: Sizes) -> tuple[Case, ...]:
    """What is asked of whole brains."""
    n, most = sizes.permutations, sizes.most_permutations
    return (
        Case("ridge", 10, n),
        Case("ridge", 90, n, "many"),
        Case("ridge", 60, most),
        Case("ridge LDA", 10, n),
        Case("svc", 1800, n, long=True),
        Case("naive Bayes", 10),
        Case("naive Bayes", 100, n),
        Case("nearest centroid", 10),
        Case("nearest centroid", 100, n),
        Case("LDA", 10, trials="classes"),
    )


def whole_brain_rows(study: Study) -> Iterator[Row]:
    """Whole brains with two threads, each beside what nilearn would take."""
    for case in cases(study.sizes):
        yield from case_rows(study, case)


def case_rows(study: Study, case: Case) -> Iterator[Row]:
    """Time, peak and equality of one whole brain."""
    sizes, trials = study.sizes, getattr(study.sizes, case.trials)
    inputs, n = study.inputs(trials), case.permutations
    every = SOME if case.long and not study.whole else 1
    # One that takes minutes meets slow and fast moments by itself.
    repeats = 1 if case.long else study.repeats
    fit = fitting(inputs, case.estimator, n_jobs=2, every=every, permutations=n)
    runs = [fit() for _ in range(repeats)]
    n_spheres, own = n_voxels(trials), runs[-1]
    seconds = median([made.seconds_of(n_spheres) for made in runs])
    peak = (max(made.peak for made in runs) - imports_peak("boldstream")) / MIB
    scaled = "" if every == 1 else f", scaled from {spaced(own.n_spheres)} spheres"
    got = f"{seconds:.2f} s{scaled} ({own.ms:.3f} ms a sphere; peak {peak:.0f} MiB; n = {repeats})"
    what = f"{case.estimator} × {spaced(n)}" if n else f"{case.estimator} × 1"
    yield most_row(trials.name, f"{what}: time", case.most, seconds, "s", got)

    # Those of nilearn are among ours.
    their_every = every_of(trials, sizes.n_spheres)
    n_permuted = 0 if case.trials == "classes" else sizes.n_permuted
    other = run_nilearn(inputs, case.estimator, their_every, sizes.permutations, n_permuted)
    took = days(other.ms, n_spheres, n + 1)
    got = f"{took} on one core, reckoned from {other.n_spheres} spheres of {other.ms:.1f} ms"
    yield Row(trials.name, f"{what}: nilearn", "", got)
    step, scores = their_every // every, other.arrays["scores"]
    ours, judged = own.arrays["scores"][::step], case.estimator != "svc"
    what_same, n_samples = f"{what}: unlike nilearn", trials.n_samples
    yield same_row(trials.name, what_same, ours, scores, n_samples, judged=judged)
    if n == sizes.permutations and n_permuted:
        apart = np.abs(own.arrays["p"][::step][other.arrays["rows"]] - other.arrays["p"]).max()
        most, got = 2 / (n + 1), f"{apart:.1e} ({n_permuted} spheres)"
        yield most_row(trials.name, f"{what}: p from scikit-learn's", most, apart, "", got)


def tfce_rows(study: Study) -> Iterator[Row]:
    """TFCE of one map, and the whole way from an image to its p."""
    trials = study.sizes.few
    inputs = study.inputs(trials)
    found = run("tfce", mask=str(inputs.mask)).figures
    ms = 1000 * found["seconds"]
    got = f"{ms:.1f} ms ({spaced(found['n_voxels'])} voxels)"
    yield most_row(trials.name, "exact TFCE: time", 10, ms, "ms", got)
    got = f"{1000 * found['stepped_seconds']:.0f} ms, {100 * found['stepped_apart']:.1f} % apart"
    yield Row(trials.name, "TFCE in steps of 0.1", "", got)
    apart = found["apart"]
    what = "exact TFCE: from steps of 0.005"
    yield most_row(trials.name, what, 0.005, apart, "", f"{apart:.1e}")

    n = study.sizes.permutations
    fit = fitting(inputs, "ridge", n_jobs=2, permutations=n, tfce=True)
    runs = [fit() for _ in range(study.repeats)]
    seconds = median([made.seconds for made in runs])
    peak = (max(made.peak for made in runs) - imports_peak("boldstream")) / MIB
    arrays = runs[-1].arrays
    n_found = np.count_nonzero(arrays["p_tfce"] <= 0.05)
    what = f"ridge × {spaced(n)} → exact TFCE → FWE"
    got = f"{seconds:.2f} s ({n_found} voxels found; peak {peak:.0f} MiB; n = {len(runs)})"
    yield most_row(trials.name, f"{what}: time", 25, seconds, "s", got)
    apart = _from_stepped(trials, arrays["scores"], arrays["tfce"])
    yield most_row(trials.name, f"{what}: from steps", 0.005, apart, "", f"{apart:.1e}")


def _from_stepped(trials: Trials, scores: Any, enhanced: Any) -> float:
    """How far enhanced scores are from those of steps; chance is 0.5.

    Scores are whole numbers of samples, at which steps end, too.
    """
    inside = trials.mask()
    above = np.zeros(inside.shape)
    above[inside] = scores - 0.5
    stepped = stepped_tfce(above, 1 / (_STEPS * trials.n_samples))[inside]
    return float(np.abs(stepped - enhanced).max() / enhanced.max())


def neighbourhoods_rows(study: Study) -> Iterator[Row]:
    """Which voxels lie around each of many."""
    trials = study.sizes.large
    inputs = study.inputs(trials)
    runs = [
        run("neighbourhoods", mask=str(inputs.mask), radius=trials.radius)
        for _ in range(study.repeats)
    ]
    seconds, found = median([made.seconds for made in runs]), runs[-1]
    size = found.figures["members"] / found.n_spheres
    got = f"{seconds:.2f} s ({spaced(found.n_spheres)} spheres of {size:.0f}; n = {len(runs)})"
    yield most_row(trials.name, "neighbourhoods: time", 2, seconds, "s", got)
    same = bool(found.figures["same"])
    got = "the same" if same else "not the same"
    yield Row(trials.name, "neighbourhoods: those of a k-d tree", "the same", got, same)


def memory_rows(study: Study) -> Iterator[Row]:
    """More samples than memory may hold."""
    trials = study.sizes.large
    inputs, every = study.inputs(trials), 1 if study.whole else SOME
    with (
        tempfile.TemporaryDirectory(dir=study.folder) as folder,
        variable("BOLDSTREAM_CACHE", folder),
    ):
        found = run(
            "in_limit",
            **inputs.arguments,
            memory_limit=f"{_MEMORY_LIMIT_MIB}MiB",
            n_checked=3,
            estimator="naive Bayes",
            n_jobs=2,
            every=every,
        )
    of_data = 4 * n_voxels(trials) * trials.n_samples / MIB
    peak, some = found.peak / MIB, f"{spaced(found.n_spheres)} spheres"
    got = f"{peak:.0f} MiB, imports and all ({of_data:.0f} MiB of samples, {some})"
    what = f"naive Bayes within {_MEMORY_LIMIT_MIB} MiB"
    most = float(_MEMORY_LIMIT_MIB)
    yield most_row(trials.name, f"{what}: peak", most, peak, "MiB", got)
    yield Row(trials.name, f"{what}: time", "", f"{found.seconds:.0f} s, stored once in that")
    apart = found.figures["n_apart"]
    what = f"{what}: from scikit-learn, 3 spheres"
    yield most_row(trials.name, what, 1, apart, "sample", f"{apart} samples")
