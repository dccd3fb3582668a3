"""Searchlights sphere by sphere: on one core, with two threads, in a first call."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks import asked
from benchmarks.glm_pairs import one_cpu
from benchmarks.rows import Row
from benchmarks.searchlight_data import TrialInputs, Trials
from benchmarks.searchlight_runs import (
    Measured,
    fitting,
    run,
    run_in_turn,
    run_nilearn,
    variable,
)
from benchmarks.searchlight_study import (
    Study,
    equal_row,
    every_of,
    median,
    row_of,
    same_row,
)
from benchmarks.searchlight_ways import N_FOLDS
from benchmarks.words import spaced


def one_core_rows(study: Study) -> Iterator[Row]:
    """LinearSVC on one core, beside nilearn's and beside solutions of scikit-learn to the end."""
    sizes = study.sizes
    for size, trials in (("few", sizes.few), ("small", sizes.small)):
        inputs, every = study.inputs(trials), every_of(trials, sizes.n_spheres)
        # Not the one that is kept for others.
        theirs = partial(run_nilearn.__wrapped__, inputs, "svc", every)
        with one_cpu():
            pairs = run_in_turn(fitting(inputs, "svc"), theirs, study.repeats)
        own, other = pairs[-1]
        ms, their_ms = (median([pair[side].ms for pair in pairs]) for side in (0, 1))
        seconds = median([ours.seconds for ours, _ in pairs])
        what, n, around = "LinearSVC, one core", len(pairs), other.figures["size"]
        note = f"{spaced(own.n_spheres)} spheres in {seconds:.2f} s"
        yield row_of(
            trials.name, f"{what}: a sphere", ms, "ms", ask=asked.SVC_MS[size], n=n, note=note
        )
        yield row_of(
            trials.name,
            f"{what}: time of a sphere",
            ms,
            "ms",
            ask=asked.SVC_SECONDS[size],
            peer="nilearn",
            peer_value=their_ms,
            ratio=median([nilearn.ms / ours.ms for ours, nilearn in pairs]),
            ratio_unit="× faster",
            n=n,
            note=f"nilearn's {other.n_spheres} spheres of {around:.1f} voxels",
        )
        yield from exact_rows(study, trials, inputs, own, other)


def exact_rows(
    study: Study, trials: Trials, inputs: TrialInputs, own: Measured, other: Measured
) -> Iterator[Row]:
    """Spheres whose folds differ from scikit-learn's solved to the end, and from nilearn's."""
    every = every_of(trials, study.sizes.n_exact)
    found = run("exact", "nilearn", **inputs.arguments, estimator="svc", every=every)
    ours, theirs = own.arrays["fold_scores"][::every], found.arrays["fold_scores"]
    tests = trials.n_samples // N_FOLDS
    what = "LinearSVC: folds unlike tol 1e-8"
    yield same_row(trials.name, what, ours, theirs, tests, judged=True)
    ours = own.arrays["scores"][:: every_of(trials, study.sizes.n_spheres)]
    what, n = "LinearSVC: unlike nilearn, tol 1e-4", trials.n_samples
    yield same_row(trials.name, what, ours, other.arrays["scores"], n, judged=False)


def labellings_rows(study: Study) -> Iterator[Row]:
    """A ridge classifier with many labellings, beside one, on one core."""
    trials, n = study.sizes.few, study.sizes.permutations
    inputs = study.inputs(trials)
    with one_cpu():
        pairs = run_in_turn(
            fitting(inputs, "ridge", permutations=n), fitting(inputs, "ridge"), study.repeats
        )
    ms, alone = (median([pair[side].ms for pair in pairs]) for side in (0, 1))
    ratio = median([permuted.ms / one.ms for permuted, one in pairs])
    what = f"ridge × {spaced(n + 1)} labellings, one core"
    # Not judged by one labelling: the ratio falls as that gets slower.
    yield row_of(
        trials.name,
        f"{what}: a sphere",
        ms,
        "ms",
        ask=asked.LABELLINGS_MS,
        judged=ms,
        peer="one labelling",
        peer_value=alone,
        ratio=ratio,
        ratio_unit="× one",
        n=len(pairs),
    )
    permuted, one = (made.arrays["scores"] for made in pairs[-1])
    yield equal_row(trials.name, f"{what}: scores of one", permuted, one)


def threads_rows(study: Study) -> Iterator[Row]:
    """Two threads beside one."""
    trials = study.sizes.few
    inputs = study.inputs(trials)
    for estimator, n in (("ridge", study.sizes.permutations), ("svc", 0)):
        one, two = (fitting(inputs, estimator, permutations=n, n_jobs=n_jobs) for n_jobs in (1, 2))
        pairs = run_in_turn(one, two, study.repeats)
        alone, both = (median([pair[side].seconds for pair in pairs]) for side in (0, 1))
        what = f"{estimator} × {spaced(n or 1)}, two threads"
        yield row_of(
            trials.name,
            f"{what}: time",
            both,
            "s",
            ask=asked.THREADS,
            peer="one thread",
            peer_value=alone,
            ratio=median([alone.seconds / both.seconds for alone, both in pairs]),
            ratio_unit="× faster",
            n=len(pairs),
        )
        for name in ("p", "scores") if n else ("fold_scores",):
            first, second = (made.arrays[name] for made in pairs[-1])
            yield equal_row(trials.name, f"{what}: {name} of one", second, first)


def first_call_rows(study: Study) -> Iterator[Row]:
    """First calls in a process, with and without kernels that an earlier one compiled."""
    sizes, trials = study.sizes, study.sizes.few
    inputs, total = study.inputs(trials), 0.0
    for estimator in sizes.first_calls:
        permuted: dict[str, Any] = {}
        if estimator == "ridge":
            permuted = {"permutations": sizes.permutations, "tfce": True}
        every = every_of(trials, sizes.n_spheres)
        fit = fitting(inputs, estimator, every=every, n_jobs=2, **permuted)
        with tempfile.TemporaryDirectory() as folder, variable("NUMBA_CACHE_DIR", folder):
            (cold, _), (warm, again) = (fit().figures["calls"] for _ in range(2))
        above = cold - warm
        total += above
        what = f"{estimator} × {spaced(sizes.permutations)}, TFCE" if permuted else estimator
        yield row_of(
            trials.name,
            f"{what}: compiling",
            above,
            "s",
            ask=asked.COMPILING,
            note=f"first call {cold:.1f} s",
        )
        yield row_of(
            trials.name,
            f"{what}: first call, compiled",
            warm - again,
            "s",
            ask=asked.FIRST_CALL,
            note=f"beyond the second; {warm:.2f} s in all",
        )
    yield row_of(trials.name, "all of these: compiling", total, "s")
