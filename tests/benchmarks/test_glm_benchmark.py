"""The benchmark of GLMs compares what it says, and every part of it runs."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import make_first_level_design_matrix

from benchmarks.glm import (
    GROUPS,
    IMAGES,
    OF_IMAGES,
    QUICK_IMAGES,
    Image,
    few_regressors_way,
    over_read_row,
)
from benchmarks.glm_pairs import one_cpu, same_labels
from benchmarks.glm_ways import labels_path, separate
from benchmarks.harness import python, run_process
from benchmarks.inputs import (
    CONDITIONS,
    QUICK_RUN_SCALE,
    QUICK_SCALE,
    RUN_SCALE,
    SEED_SCALE,
    T_R,
    GlmInputs,
    Scale,
    make_events,
    make_glm_inputs,
    make_task_inputs,
)
from benchmarks.pairs import Run
from benchmarks.rows import Ask
from benchmarks.settings import Settings

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc for memory of processes"
)
needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="needs a system that lends single CPUs"
)


def _values(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj)  # type: ignore[attr-defined]


def test_same_labels_counts_voxels_of_all_runs(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.npy", tmp_path / "theirs.npy"
    labels = np.array([["0.1", "0.2"], ["-0.03", "0.1"], ["0.0", "0.0"]])
    np.save(labels_path(ours), labels)
    np.save(labels_path(theirs), labels)
    assert same_labels(ours, theirs) == 1
    labels[2, 1] = "0.01"
    np.save(labels_path(theirs), labels)
    assert same_labels(ours, theirs) == pytest.approx(5 / 6)
    np.save(labels_path(theirs), labels[:1])
    with pytest.raises(RuntimeError, match=r"shapes \(3, 2\) and \(1, 2\)"):
        same_labels(ours, theirs)


@needs_affinity
def test_one_cpu_is_what_processes_get() -> None:
    count = python("-c", "import os; print(len(os.sched_getaffinity(0)))")
    before = os.sched_getaffinity(0)
    with one_cpu():
        assert run_process(count).output == "1\n"
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(("most", "passed"), [(2.0, True), (1.9, False), (None, None)])
def test_time_is_judged_beside_the_read_of_each_repeat(
    most: float | None, passed: bool | None
) -> None:
    # The ratio of the medians would be 1.5.
    runs = [Run(2, 0, 1, 0), Run(3, 0, 2, 0), Run(8, 0, 4, 0)]
    row = over_read_row("image", "OLS", runs, None if most is None else Ask("", most=most))
    assert row.passed is passed
    assert row.told == "3.00 s (read 2.00 s; 2.00 × the read; 0 MiB; n = 3)"


@pytest.mark.parametrize("scale", [SEED_SCALE, QUICK_SCALE])
def test_few_regressors_are_twenty(tmp_path: Path, scale: Scale) -> None:
    inputs = GlmInputs((tmp_path / "run.nii.gz",), tmp_path / "mask.nii.gz", tmp_path)
    way = few_regressors_way(Image("image", scale, "float32", ()), inputs)
    (events,) = way.arguments["events"]
    times = T_R * np.arange(scale.n_volumes)
    table, high_pass = pd.read_csv(events, sep="\t"), way.arguments["high_pass"]
    assert make_first_level_design_matrix(times, table, high_pass=high_pass).shape[1] == 20


@pytest.mark.parametrize("n_trials", [None, 6, 60, 120])
@pytest.mark.parametrize("scale", [SEED_SCALE, RUN_SCALE, QUICK_RUN_SCALE])
def test_trials_fit_their_runs(tmp_path: Path, scale: Scale, n_trials: int | None) -> None:
    inputs = GlmInputs((tmp_path / "1.nii", tmp_path / "2.nii"), tmp_path / "mask.nii", tmp_path)
    paths = make_events(inputs, scale, n_trials)
    texts = [path.read_text() for path in paths]
    assert texts[0] != texts[1]
    assert [path.read_text() for path in make_events(inputs, scale, n_trials)] == texts
    for path in paths:
        table = pd.read_csv(path, sep="\t")
        assert len(table) == (n_trials or round(scale.n_volumes * T_R / 14))
        assert set(table["trial_type"]) == set(CONDITIONS)
        assert table["onset"].between(0, scale.n_volumes * T_R - 18).all()


def test_runs_have_an_effect_and_noise_that_is_autocorrelated(tmp_path: Path) -> None:
    scale = Scale((20, 22, 16), 200)
    inputs = make_task_inputs(tmp_path, scale, "int16", 2)
    first, second = (_values(run) for run in inputs.runs)
    assert first.dtype == np.int16
    assert first.shape == (*scale.shape, scale.n_volumes)
    assert (first != second).any()
    assert nib.load(inputs.runs[0]).header.get_zooms()[3] == T_R  # type: ignore[attr-defined]

    brain = _values(inputs.brain).ravel(order="F") != 0
    signals = first.reshape(-1, scale.n_volumes, order="F")[brain].T.astype(float)
    events = pd.read_csv(make_events(inputs, scale)[0], sep="\t")
    design = make_first_level_design_matrix(
        T_R * np.arange(scale.n_volumes), events, drift_model=None
    )
    theta, *_ = np.linalg.lstsq(design.to_numpy(), signals, rcond=None)
    effect = theta[design.columns.get_loc(CONDITIONS[0])] / theta[-1]
    effect *= design[CONDITIONS[0]].max()
    x = np.flatnonzero(brain) % scale.shape[0]
    assert effect[x < 6].mean() == pytest.approx(0.01, rel=0.05)
    assert effect[x > 7].mean() == pytest.approx(0, abs=0.0005)

    left = signals - design.to_numpy() @ theta
    rho = (left[1:] * left[:-1]).sum(axis=0) / (left**2).sum(axis=0)
    assert rho[:50].mean() == pytest.approx(0, abs=0.05)
    assert rho[-50:].mean() == pytest.approx(0.6, abs=0.05)
    assert left.std(axis=0) == pytest.approx(0.01 * theta[-1], rel=0.5)


def test_inputs_are_made_once_and_the_mask_has_a_rim(tmp_path: Path) -> None:
    inputs = make_glm_inputs(tmp_path, QUICK_SCALE, "int16")
    mask, brain = _values(inputs.mask) != 0, _values(inputs.brain) != 0
    varies = _values(inputs.runs[0]).std(axis=3) > 0
    np.testing.assert_array_equal(brain, varies)
    assert mask[brain].all()
    assert mask.sum() > brain.sum()
    runs = make_task_inputs(tmp_path, QUICK_RUN_SCALE, "int16", 2)
    paths = (inputs.mask, inputs.brain, *inputs.runs, *runs.runs)
    before = [path.stat().st_mtime_ns for path in paths]
    assert make_glm_inputs(tmp_path, QUICK_SCALE, "int16") == inputs
    assert make_task_inputs(tmp_path, QUICK_RUN_SCALE, "int16", 2) == runs
    assert [path.stat().st_mtime_ns for path in paths] == before


def test_a_trial_at_a_time_has_a_name_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    path.write_text("onset\tduration\ttrial_type\n1\t1\tface\n2\t1\thouse\n3\t1\tface\n")
    trials = {name: list(table["trial_type"]) for name, table in separate(str(path))}
    assert trials == {
        "face__000": ["face__000", "house", "face"],
        "house__001": ["face", "house__001", "face"],
        "face__002": ["face", "house", "face__002"],
    }


def test_every_group_has_an_image() -> None:
    for images in (IMAGES, QUICK_IMAGES):
        assert {group for image in images for group in image.groups} == set(OF_IMAGES)


# How many results of each group are held against nilearn's in float64.
COMPARED = {"first_level": 2, "few_regressors": 1, "one_core": 0, "betas": 2, "long": 0}


@needs_proc
@needs_affinity
@pytest.mark.parametrize("group", OF_IMAGES)
def test_each_group_of_the_quick_benchmark_runs(quick: Settings, group: str) -> None:
    rows = list(GROUPS[group](quick))
    assert any("beside the read" in row.what for row in rows)
    equality = [row for row in rows if row.what.endswith(("in float64", "same ρ bins"))]
    with_labels = 1 if group == "betas" else 2
    assert len(equality) == with_labels * COMPARED[group]
    assert all(row.passed for row in equality)
