"""``boldstream betas``: what `bs.trial_betas` gives, in files, all of them or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import boldstream as bs
from tests.cli.conftest import Command
from tests.cli.task import SHAPE, TR, N, Task, make_task
from tests.cli.test_glm_faults import refused
from tests.oracle import fdata, load


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return make_task(tmp_path)


@pytest.fixture
def out(task: Task) -> Path:
    return task.folder / "new" / "out"


def trials_in(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t")


def both_runs(task: Task, **options: Any) -> bs.TrialBetas:
    return bs.trial_betas(list(task.bold), list(task.events), **options)


def test_an_image_and_its_trials(command: Command, task: Task, out: Path) -> None:
    done = command("betas", *task.given, "--method", "lss", "-o", out)
    assert (done.code, done.err) == (0, "")
    names = ["betas.json", "betas.nii.gz", "trials.tsv"]
    assert sorted(path.name for path in out.iterdir()) == names
    wanted = both_runs(task)
    image = load(out / "betas.nii.gz")
    np.testing.assert_array_equal(image.get_fdata(), wanted.image.get_fdata())
    np.testing.assert_array_equal(image.affine, load(task.bold[0]).affine)
    pd.testing.assert_frame_equal(trials_in(out / "trials.tsv"), wanted.trials, check_dtype=False)
    shape = " × ".join(map(str, image.shape))
    first, second, last = done.out.splitlines()
    assert first == f"{out}/betas.nii.gz  {shape}"
    assert second == f"{out}/trials.tsv  {image.shape[3]} × 6"
    assert "peak memory" in last


def test_every_option_is_the_functions(command: Command, task: Task, out: Path) -> None:
    masks = [task.folder / "first.npy", task.folder / "second.npy"]
    kept = [np.delete(np.arange(N), [0, 7, 8]), np.arange(2, N)]
    for path, volumes in zip(masks, kept, strict=True):
        np.save(path, volumes)
    pairs = zip(task.confounds, masks, strict=True)
    done = command(
        *(
            "betas",
            *task.given,
            "-o",
            out,
            "--mask",
            task.mask,
            "--t-r",
            2.1,
            "--smoothing-fwhm",
            5,
        ),
        *(word for pair in pairs for word in ("--confounds", pair[0], "--sample-mask", pair[1])),
        *("--confound-columns", "y", "--others", "all", "--conditions", "face,cat"),
        *("--hrf-model", "spm", "--drift-model", "polynomial"),
        *("--drift-order", 2, "--slice-time-ref", 0.5, "--signal-scaling", "voxel"),
    )
    assert (done.code, done.err) == (0, "")
    wanted = both_runs(
        task,
        mask=task.mask,
        t_r=2.1,
        smoothing_fwhm=5.0,
        confounds=[trials_in(path)[["y"]] for path in task.confounds],
        sample_mask=kept,
        others="all",
        conditions=["face", "cat"],
        hrf_model="spm",
        drift_model="polynomial",
        drift_order=2,
        slice_time_ref=0.5,
        signal_scaling=0,
    )
    np.testing.assert_array_equal(fdata(out / "betas.nii.gz"), wanted.image.get_fdata())
    facts = json.loads((out / "betas.json").read_text())
    shown = {
        "method": "lss",
        "others": "all",
        "conditions": ["face", "cat"],
        "unestimable": "raise",
        "signal_scaling": "voxel",
        "hrf_model": "spm",
        "drift_model": "polynomial",
        "drift_order": 2,
        "slice_time_ref": 0.5,
        "repetition_time": [2.1, 2.1],
        "smoothing_fwhm_mm": 5.0,
        "confound_columns": [["y"], ["y"]],
        "kept_volumes": [volumes.tolist() for volumes in kept],
        "events": [str(path) for path in task.events],
        "mask": str(task.mask),
        "n_trials": len(wanted.trials),
        "n_excluded": 0,
    }
    assert {name: facts[name] for name in shown} == shown
    assert not {"penalty", "fraction", "high_pass", "fir_delays"} & set(facts)


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        (["--penalty", 0.5, "--drift-model", "none"], {"penalty": 0.5, "drift_model": None}),
        (["--fraction", 0.6, "--hrf-model", "none"], {"fraction": 0.6, "hrf_model": None}),
        (["--high-pass", 0.02], {"high_pass": 0.02}),
    ],
    ids=str,
)
def test_a_store_that_is_mapped(
    command: Command, task: Task, out: Path, options: list[object], parameters: dict[str, Any]
) -> None:
    args = ["betas", *task.given, "--method", "lsa", "--store", "--mask", task.mask]
    done = command(*args, *options, "-o", out)
    assert (done.code, done.err) == (0, "")
    stored = bs.open_betas(out)
    wanted = both_runs(task, method="lsa", mask=task.mask, **parameters)
    inside = fdata(task.mask) > 0
    np.testing.assert_array_equal(stored.values.T, wanted.image.get_fdata()[inside])
    pd.testing.assert_frame_equal(stored.trials, wanted.trials, check_dtype=False)
    assert not (out / "betas.nii.gz").exists()
    assert f"{out}/betas.npy  {len(wanted.trials)} × {inside.sum()}\n" in done.out
    facts = json.loads((out / "betas.json").read_text())
    assert "others" not in facts
    assert facts.items() >= {**parameters, "method": "lsa"}.items()


def test_trials_without_a_beta(command: Command, task: Task, out: Path) -> None:
    with task.events[0].open("a") as table:
        table.write("n/a\t1\tface\t0\n1000\t1\thouse\t0\n")
    args = ["betas", *task.given, "-o", out]
    refused(command(*args), 1, str(task.events[0]), "must give each trial a beta", "got 1 without")
    assert not out.parent.exists()
    for options in ([], ["--store"]):
        done = command(*args, "--unestimable", "exclude", "--overwrite", *options)
        assert (done.code, done.err) == (0, "")
        excluded = trials_in(out / "excluded.tsv")
        assert f"{out}/excluded.tsv  2 × 7\n" in done.out
        assert excluded["row"].tolist() == [10, 11]
        assert excluded["run"].tolist() == [1, 1]
        assert excluded["reason"].str.len().min() > 0
        kept = trials_in(out / "trials.tsv")
        assert load(out / "betas.nii.gz").shape == (*SHAPE, len(kept))
    assert bs.open_betas(out).values.shape == (len(kept), np.prod(SHAPE))
    assert json.loads((out / "betas.json").read_text())["n_excluded"] == 2


def test_volumes_in_files_of_their_own(command: Command, task: Task, out: Path) -> None:
    image = load(task.bold[0])
    volumes = [task.folder / f"volume_{i:02}.nii" for i in range(N)]
    for i, path in enumerate(volumes):
        nib.save(image.slicer[..., i], path)
    args = ["betas", *volumes, "--events", task.events[0], "-o", out]
    refused(command(*args), 1, "--t-r must be given")
    assert command(*args, "--t-r", TR).code == 0
    wanted = bs.trial_betas(task.bold[0], task.events[0]).image.get_fdata()
    np.testing.assert_allclose(fdata(out / "betas.nii.gz"), wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--fraction", 0.5], "go with --method lsa only"),
        (["--penalty", 1], "go with --method lsa only"),
        (["--method", "lsa", "--penalty", 1, "--fraction", 0.5], "give one at most"),
        (["--method", "lsa", "--others", "all"], "goes with --method lss only"),
        (["--method", "lsz"], "--method"),
        (["--hrf-model", "fir"], "--hrf-model"),
        (["--method", "lsa", "--fraction", 2], "--fraction"),
        (["--penalty", -1], "--penalty"),
        (["--strategy", "compcor"], "--confounds fmriprep only"),
        (["--events", "c.tsv"], "give one for each of 2 runs, got 3"),
        (["--confounds", "c.tsv"], "give one for each of 2 runs, got 1"),
    ],
    ids=str,
)
def test_wrong_usage(
    command: Command,
    task: Task,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[object],
    hint: str,
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    refused(command("betas", *task.given, *options, "-o", out), 2, hint)
    assert not out.parent.exists()


def test_without_events(command: Command, task: Task, out: Path) -> None:
    refused(command("betas", *task.bold, "-o", out), 2, "Missing option '--events'")
    args = [task.bold[0], "--events", task.folder / "absent.tsv"]
    refused(command("betas", *args, "-o", out), 1, "absent.tsv cannot be read")


def test_what_cannot_be_done_is_said_before_images_are_read(
    command: Command, task: Task, out: Path
) -> None:
    for path in task.bold:
        path.write_bytes(path.read_bytes()[:-500])
    args = ["betas", *task.given, "-o", out]
    refused(command(*args, "--conditions", "fce"), 1, "did you mean 'face'?", str(task.events[0]))
    refused(command(*args, "--confounds", "fmriprep:compcorr"), 2, "did you mean")
    (task.folder / "sub-01_task-look_run-2_bold.json").write_text('{"RepetitionTime": 1.5}')
    refused(command(*args), 1, "--t-r must be given", "run-2_bold.nii.gz says 2 s")
    assert not out.parent.exists()


def test_results_that_are_there(command: Command, task: Task, out: Path) -> None:
    args = ["betas", *task.given, "-o", out]
    out.mkdir(parents=True)
    (out / "trials.tsv").write_text("mine")
    for store in ([], ["--store"]):
        refused(command(*args, *store), 1, f"{out}/trials.tsv exists", "--overwrite")
    assert [path.name for path in out.iterdir()] == ["trials.tsv"]
    assert command(*args, "--overwrite").code == 0
    assert len(trials_in(out / "trials.tsv")) > 1


@pytest.mark.parametrize("store", [[], ["--store"]], ids=["image", "store"])
def test_a_damaged_run_leaves_nothing(
    command: Command, task: Task, out: Path, store: list[str]
) -> None:
    task.bold[1].write_bytes(task.bold[1].read_bytes()[:-500])
    refused(command("betas", *task.given, *store, "-o", out), 1, str(task.bold[1]))
    assert not out.parent.exists()


def test_twelve_real_runs(command: Command, shared_data: Path, tmp_path: Path) -> None:
    folders = sorted((shared_data / "haxby_pymvpa/haxby2001/sub001/BOLD").iterdir())
    bold = [folder / "bold_25mm.nii.gz" for folder in folders]
    events = [folder / "bold_events.tsv" for folder in folders]
    given = [*bold, *(word for file in events for word in ("--events", file))]
    assert command("betas", *given, "--store", "-o", tmp_path).code == 0
    stored = bs.open_betas(tmp_path)
    wanted = bs.trial_betas(bold, events).image.get_fdata()
    np.testing.assert_array_equal(stored.values, wanted.reshape(-1, wanted.shape[-1]).T)
    assert stored.trials["run"].tolist() == np.repeat(np.arange(1, 13), 8).tolist()
