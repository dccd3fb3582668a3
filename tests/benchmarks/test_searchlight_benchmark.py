"""The benchmark of searchlights compares what it says, and every part of it runs."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import convolve

from benchmarks.searchlight import GROUPS
from benchmarks.searchlight_brains import cases
from benchmarks.searchlight_data import (
    CLASSES_8,
    LARGE,
    SMALL_SPHERES,
    TRIALS_56,
    TRIALS_216,
    Trials,
    make_trials,
    read_trials,
)
from benchmarks.searchlight_runs import Measured, run_in_turn, variable
from benchmarks.searchlight_study import (
    FULL,
    QUICK,
    SOME,
    Sizes,
    days,
    equal_row,
    every_of,
    same_row,
)
from benchmarks.searchlight_ways import stepped_tfce
from benchmarks.settings import Settings
from benchmarks.words import spaced
from tests.benchmarks.groups import groups

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc for memory of processes"
)
needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="needs a system that lends single CPUs"
)


@pytest.mark.parametrize(
    ("trials", "n_voxels", "size"),
    [(TRIALS_56, 35_000, 67.5), (SMALL_SPHERES, 39_000, 18), (LARGE, 230_000, None)],
)
def test_brains_are_as_large_as_asked(trials: Trials, n_voxels: int, size: float | None) -> None:
    mask = trials.mask()
    assert np.count_nonzero(mask) == pytest.approx(n_voxels, rel=0.005)
    assert not mask[[0, -1]].any()
    assert not mask[:, :, [0, -1]].any()
    if size is not None:
        reach = np.arange(-2, 3) * trials.voxel_size
        ball = (reach[:, None, None] ** 2 + reach[:, None] ** 2 + reach**2) <= trials.radius**2
        near = convolve(mask.astype(np.int32), ball.astype(np.int32), mode="constant")
        assert near[mask].mean() == pytest.approx(size, rel=0.02)


@pytest.mark.parametrize("trials", [TRIALS_56, TRIALS_216, CLASSES_8, LARGE])
def test_runs_hold_each_class_about_as_often(tmp_path: Path, trials: Trials) -> None:
    small = Trials("small", (2, 2, 2), trials.n_samples, trials.n_runs, trials.n_classes)
    y, runs = read_trials(make_trials(tmp_path, small).labels)
    assert np.unique(runs, return_counts=True)[1].tolist() == (
        [trials.n_samples // trials.n_runs] * trials.n_runs
    )
    for run in range(1, trials.n_runs + 1):
        labels = [label for label, of in zip(y, runs, strict=True) if of == run]
        counts = np.unique(labels, return_counts=True)[1]
        assert len(counts) == trials.n_classes
        assert counts.max() - counts.min() <= 1
        assert labels != sorted(labels)


def test_classes_differ_in_one_region_and_files_are_made_once(tmp_path: Path) -> None:
    trials = Trials("trials", (8.0, 8.0, 8.0), 60, 4)
    inputs = make_trials(tmp_path, trials)
    values = np.asarray(nib.load(inputs.bold).dataobj)  # type: ignore[attr-defined]
    mask = np.asarray(nib.load(inputs.mask).dataobj) != 0  # type: ignore[attr-defined]
    assert values.dtype == np.float32
    assert values[mask].std() == pytest.approx(1, rel=0.05)
    assert not values[~trials.ellipsoid()].any()
    np.testing.assert_array_equal(mask, trials.mask())

    labels = np.array(read_trials(inputs.labels)[0])
    first, second = (values[..., labels == f"class_{code}"].mean(axis=-1) for code in (0, 1))
    difference = first - second
    # The standard error of a difference of two means of 30 is 0.26.
    region = trials.ellipsoid(0.25, at=0.5)
    assert difference[trials.ellipsoid() & ~region].std() == pytest.approx(0.26, rel=0.1)
    assert difference[region].std() > 0.5

    before = inputs.bold.stat().st_mtime_ns
    assert make_trials(tmp_path, trials) == inputs
    assert inputs.bold.stat().st_mtime_ns == before


def test_time_of_a_sphere_leaves_out_the_start() -> None:
    ours = Measured({"seconds": 3.0, "n_spheres": 1001, "calls": [9.0, 1.0]}, {}, 0)
    assert ours.ms == pytest.approx(2)
    assert ours.seconds_of(1001) == 3
    assert ours.seconds_of(10_001) == pytest.approx(21)
    theirs = Measured({"seconds": 3.0, "n_spheres": 1000}, {}, 0)
    assert theirs.ms == pytest.approx(3)
    assert days(theirs.ms, 36_000, 1000) == "1.2 days"
    assert days(theirs.ms, 36_000, 100) == "3.0 h"
    assert days(theirs.ms, 36_000, 1) == "1.8 min"
    assert spaced(35_019) == "35 019"


@pytest.mark.parametrize(
    ("folds", "got", "passed"),
    [
        ([0, 0, 0, 0], "0 % (of 400 spheres, by 0 at most)", True),
        ([0, 1 / 14, 0, 0], "0.25 % (of 400 spheres, by 1 at most)", True),
        ([0, 1 / 14, 0, 1 / 14], "0.25 % (of 400 spheres, by 2 at most)", False),
    ],
)
def test_spheres_may_differ_by_a_sample(folds: list[float], got: str, passed: bool) -> None:
    theirs = np.full((400, 4), 0.5)
    ours = theirs.astype(np.float32)
    ours[7] += np.array(folds, np.float32)
    row = same_row("image", "folds", ours, theirs, 14, judged=True)
    assert (row.told, row.passed) == (got, passed)
    assert same_row("image", "folds", ours, theirs, 14, judged=False).passed is None
    ours[:3, 0] += 1 / 14
    assert same_row("image", "folds", ours, theirs, 14, judged=True).passed is False
    with pytest.raises(RuntimeError, match=r"shapes \(3, 4\) and \(400, 4\)"):
        same_row("image", "folds", ours[:3], theirs, 14, judged=True)


def test_values_that_are_not_the_same_are_counted() -> None:
    values = np.array([0.5, 1.0, 0.25])
    assert equal_row("image", "p", values, values.copy()).passed is True
    row = equal_row("image", "p", values, values + np.array([0, 0, 1e-3]))
    assert (row.told, row.passed) == ("1 values (of 3 differ)", False)
    assert equal_row("image", "p", values, values[:2]).passed is False


def test_each_way_goes_first_in_turn() -> None:
    order: list[str] = []

    def way(name: str) -> Measured:
        order.append(name)
        return Measured({"name": name}, {}, 0)

    pairs = run_in_turn(lambda: way("a"), lambda: way("b"), 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [(a.figures["name"], b.figures["name"]) for a, b in pairs] == [("a", "b")] * 3


def test_a_variable_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_VARIABLE", "before")
    monkeypatch.delenv("OTHER_VARIABLE", raising=False)
    with variable("SOME_VARIABLE", "then"), variable("OTHER_VARIABLE", "then"):
        assert os.environ["SOME_VARIABLE"] == os.environ["OTHER_VARIABLE"] == "then"
    assert os.environ["SOME_VARIABLE"] == "before"
    assert "OTHER_VARIABLE" not in os.environ


def test_stepped_tfce_of_one_peak() -> None:
    values = np.zeros((5, 3, 3))
    values[1:4, 1, 1] = [1, 3, 1]
    # Three voxels up to the height 1, then one up to 3.
    expected = [3**0.5 / 3, 3**0.5 / 3 + (27 - 1) / 3, 3**0.5 / 3]
    assert stepped_tfce(values, 0.01)[1:4, 1, 1] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("sizes", [FULL, QUICK])
def test_spheres_of_nilearn_are_enough_and_among_ours(sizes: Sizes) -> None:
    for case in cases(sizes):
        trials = getattr(sizes, case.trials)
        every = every_of(trials, sizes.n_spheres)
        assert every % SOME == 0
        assert np.count_nonzero(trials.mask()) / every >= sizes.n_spheres
    for trials in (sizes.few, sizes.small):
        every = every_of(trials, sizes.n_exact)
        assert np.count_nonzero(trials.mask()) / every >= sizes.n_exact


# Rows that hold a time or a peak; all others of a small brain must pass, too.
_SPEED = ("time", "a sphere", "compiling", "first call, compiled", "peak")
# How many of these each group has.
COMPARED = {
    "one_core": 2,
    "labellings": 1,
    "whole_brain": 15,
    "tfce": 2,
    "threads": 3,
    "neighbourhoods": 1,
    "first_call": 0,
    "memory": 1,
}


# Processes by the dozen, and kernels that may be compiled first.
@pytest.mark.timeout(900)
@needs_proc
@needs_affinity
@pytest.mark.parametrize("key", groups(f"searchlight.{name}" for name in GROUPS))
def test_each_group_of_the_quick_benchmark_runs(quick: Settings, key: str) -> None:
    group = key.removeprefix("searchlight.")
    rows = list(GROUPS[group](quick))
    asked = [row for row in rows if row.passed is not None]
    assert len({(row.size, row.what) for row in rows}) == len(rows)
    compared = [row for row in asked if not row.what.endswith(_SPEED)]
    assert len(compared) == COMPARED[group]
    assert [row for row in compared if not row.passed] == []
    assert len(asked) > len(compared)
