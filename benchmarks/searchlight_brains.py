"""Searchlights of whole brains: with permutations, TFCE, and more than memory may hold."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import asked
from benchmarks.harness import MIB
from benchmarks.rows import Ask, Row
from benchmarks.searchlight_data import Trials
from benchmarks.searchlight_runs import (
    Measured,
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
    n_voxels,
    row_of,
    same_row,
)
from benchmarks.searchlight_ways import N_MAPS, stepped_tfce
from benchmarks.settings import OWN_SECONDS
from benchmarks.words import spaced

# From one score to the next one.
_STEPS = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A whole brain with two threads, and what is asked of its time."""

    estimator: str
    ask: Ask
    permutations: int
    trials: str
    long: bool


def cases(sizes: Sizes) -> tuple[Case, ...]:
    """What is asked of whole brains."""
    numbers = {"": 0, "some": sizes.permutations, "most": sizes.most_permutations}
    return tuple(
        Case(estimator, ask, numbers[n], trials, long=estimator == "svc")
        for (estimator, trials, n), ask in asked.BRAINS.items()
    )


def whole_brain_rows(study: Study) -> Iterator[Row]:
    """Whole brains with two threads, each beside what nilearn would take."""
    for case in cases(study.sizes):
        yield from case_rows(study, case)


def case_rows(study: Study, case: Case) -> Iterator[Row]:
    """Time, peak and equality of one whole brain."""
    sizes, trials = study.sizes, getattr(study.sizes, case.trials)
    inputs, n = study.inputs(trials), case.permutations
    every = SOME if case.long else 1
    fit = fitting(inputs, case.estimator, n_jobs=2, every=every, permutations=n)
    runs = [fit()]
    while len(runs) < study.repeats and runs[0].seconds < OWN_SECONDS:
        runs.append(fit())
    n_spheres, own = n_voxels(trials), runs[-1]
    seconds = median([made.seconds_of(n_spheres) for made in runs])
    # Those of nilearn are among ours.
    their_every = every_of(trials, sizes.n_spheres)
    n_permuted = 0 if case.trials == "classes" else sizes.n_permuted
    other = run_nilearn(inputs, case.estimator, their_every, sizes.permutations, n_permuted)
    their_seconds = other.ms * n_spheres * (n + 1) / 1000
    took = days(other.ms, n_spheres, n + 1)
    scaled = "" if every == 1 else f"scaled from {spaced(own.n_spheres)} spheres; "
    what = f"{case.estimator} × {spaced(n)}" if n else f"{case.estimator} × 1"
    yield row_of(
        trials.name,
        f"{what}: time",
        seconds,
        "s",
        ask=case.ask,
        judged=seconds,
        peer="nilearn, reckoned",
        peer_value=their_seconds,
        ratio=their_seconds / seconds,
        ratio_unit="× faster",
        peak_mib=_peak_mib(runs),
        n=len(runs),
        note=f"{scaled}nilearn {took} on one core, from {other.n_spheres} spheres",
    )
    step, scores = their_every // every, other.arrays["scores"]
    ours, judged = own.arrays["scores"][::step], case.estimator != "svc"
    what_same, n_samples = f"{what}: unlike nilearn", trials.n_samples
    yield same_row(trials.name, what_same, ours, scores, n_samples, judged=judged)
    if n == sizes.permutations and n_permuted:
        apart = np.abs(own.arrays["p"][::step][other.arrays["rows"]] - other.arrays["p"]).max()
        ask, what = asked.within_two_labellings(n), f"{what}: p from scikit-learn's"
        yield row_of(trials.name, what, apart, "", ask=ask, note=f"{n_permuted} spheres")


def _peak_mib(runs: Sequence[Measured]) -> float:
    """The largest, without what the imports take."""
    return (max(made.peak for made in runs) - imports_peak("boldstream")) / MIB


def tfce_rows(study: Study) -> Iterator[Row]:
    """TFCE of one map, and the whole way from an image to its p."""
    trials = study.sizes.few
    inputs = study.inputs(trials)
    found = run("tfce", mask=str(inputs.mask)).figures
    ms, slow = 1000 * found["seconds"], 1000 * found["stepped_seconds"]
    yield row_of(
        trials.name,
        "exact TFCE: time",
        ms,
        "ms",
        ask=asked.TFCE_MS,
        judged=ms,
        peer="steps of 0.1",
        peer_value=slow,
        ratio=slow / ms,
        ratio_unit="× faster",
        n=N_MAPS - 1,
        note=f"{spaced(found['n_voxels'])} voxels; "
        f"steps are {100 * found['stepped_apart']:.1f} % apart",
    )
    what = "exact TFCE: from steps of 0.005"
    yield row_of(trials.name, what, found["apart"], "", ask=asked.TFCE_APART)

    n = study.sizes.permutations
    fit = fitting(inputs, "ridge", n_jobs=2, permutations=n, tfce=True)
    runs = [fit() for _ in range(study.repeats)]
    seconds, arrays = median([made.seconds for made in runs]), runs[-1].arrays
    n_found = np.count_nonzero(arrays["p_tfce"] <= 0.05)
    what = f"ridge × {spaced(n)} → exact TFCE → FWE"
    yield row_of(
        trials.name,
        f"{what}: time",
        seconds,
        "s",
        ask=asked.CHAIN_SECONDS,
        peak_mib=_peak_mib(runs),
        n=len(runs),
        note=f"{n_found} voxels found",
    )
    apart = _from_stepped(trials, arrays["scores"], arrays["tfce"])
    yield row_of(trials.name, f"{what}: from steps", apart, "", ask=asked.TFCE_APART)


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
    note = f"{spaced(found.n_spheres)} spheres of {size:.0f}"
    ask, n = asked.NEIGHBOURHOODS, len(runs)
    yield row_of(trials.name, "neighbourhoods: time", seconds, "s", ask=ask, n=n, note=note)
    what, apart = "neighbourhoods: unlike a k-d tree's", not found.figures["same"]
    yield row_of(trials.name, what, apart, "", ask=asked.EQUAL)


def memory_rows(study: Study) -> Iterator[Row]:
    """More samples than memory may hold."""
    trials = study.sizes.large
    inputs, limit = study.inputs(trials), f"{asked.LIMIT_PEAK.most:.0f}MiB"
    with (
        tempfile.TemporaryDirectory(dir=study.folder) as folder,
        variable("BOLDSTREAM_CACHE", folder),
    ):
        found = run(
            "in_limit",
            **inputs.arguments,
            memory_limit=limit,
            n_checked=3,
            estimator="naive Bayes",
            n_jobs=2,
            every=SOME,
        )
    of_data = 4 * n_voxels(trials) * trials.n_samples / MIB
    what = f"naive Bayes within {limit}"
    yield row_of(
        trials.name,
        f"{what}: peak",
        found.peak / MIB,
        "MiB",
        ask=asked.LIMIT_PEAK,
        note=f"imports and all; {spaced(of_data)} MiB of samples, "
        f"{spaced(found.n_spheres)} spheres in {found.seconds:.0f} s",
    )
    what, apart = f"{what}: from scikit-learn, 3 spheres", found.figures["n_apart"]
    yield row_of(trials.name, what, apart, "samples", ask=asked.ONE_SAMPLE)
