"""Each comparison for real, on small images: all ways make what nibabel and numpy make."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from boldstream.benchmark.cases import Row
from boldstream.benchmark.inputs import Asked, Inputs
from boldstream.benchmark.requests import load_made
from boldstream.benchmark.results import Comparison
from boldstream.benchmark.running import run_cases
from boldstream.benchmark.seeds import SEEDS


def run(seed: str, asked: Asked, folder: Path) -> tuple[Sequence[Row], list[Any]]:
    """Rows of a comparison without problems, and what each way made."""
    cases = SEEDS[seed](Inputs(asked, folder))
    rows = run_cases(cases, folder)
    assert Comparison(rows, {}).problems == []
    made = [folder / f"made_{i}.npz" for i in range(len(rows))]
    return rows, [load_made(path) if path.exists() else None for path in made]


def load(path: str) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj)  # type: ignore[attr-defined]


def test_masks(asked: Asked, tmp_path: Path) -> None:
    rows, made = run("masks", asked, tmp_path)
    assert [row.case.way for row in rows] == [
        *("nilearn_paths", "nilearn_memory", "numpy_indexing", "shared_memory", "streamed")
    ]
    arguments = rows[-1].case.arguments
    assert len(arguments["masks"]) == 4
    data = load(arguments["bold"])
    for found in made:
        assert len(found) == 4
        for i, mask in enumerate(arguments["masks"], start=1):
            np.testing.assert_array_equal(found[f"region_{i}"], data[load(mask) != 0].T)
    ours = rows[-1].repeats[0]
    for row in rows[:-1]:
        assert row.largest_difference == 0
        # Of two jobs and the process that started them.
        assert row.repeats[0].peak_bytes > 2 * ours.peak_bytes
        assert row.repeats[0].hwm_bytes < row.repeats[0].peak_bytes


def test_loading(asked: Asked, tmp_path: Path) -> None:
    rows, made = run("loading", asked, tmp_path)
    arguments = rows[-1].case.arguments
    data = load(arguments["bold"])
    for row, found in zip(rows, made, strict=True):
        if row.case.task == "load":
            assert found["shape"].tolist() == list(data.shape)
        elif row.case.task == "mean":
            np.testing.assert_allclose(found["values"], data.mean(axis=-1, dtype="f8"), rtol=1e-5)
        else:
            np.testing.assert_array_equal(found["values"], data[..., arguments["t"]])
    assert {row.case.task for row in rows} == {"load", "mean", "volume 6"}


def test_memory(asked: Asked, tmp_path: Path) -> None:
    rows, made = run("memory", asked, tmp_path)
    for row, found in zip(rows, made, strict=True):
        if found is None:
            continue
        bold, mask = row.case.arguments["bold"], row.case.arguments["mask"]
        np.testing.assert_array_equal(found["series"], load(bold)[load(mask) != 0].T)
    peaks = [row.case for row in rows if row.case.table == "peak memory"]
    volumes = [nib.load(case.arguments["bold"]).shape[-1] for case in peaks[::2]]  # type: ignore[attr-defined]
    assert [round(n / volumes[0]) for n in volumes] == [1, 2, 4]
    sizes = [np.count_nonzero(load(r.case.arguments["mask"])) for r in rows if _is_region(r)]
    assert sizes[::4] == sorted(set(sizes))
    serial = [row for row in rows if row.case.task == "2, one by one"]
    assert [row.outcome for row in serial] == ["done", "done"]


def _is_region(row: Row) -> bool:
    return row.case.table == "regions"


def test_subjects_run_out_of_memory_where_images_are_loaded_whole(
    asked: Asked, tmp_path: Path
) -> None:
    # A compressed image of 200 MiB of zeros, of which four processes may take half each.
    bold = tmp_path / "bold.nii.gz"
    data = np.zeros((64, 64, 32, 400), np.float32)
    data[5, 5, 5] = 1
    nib.Nifti1Image(data, np.eye(4)).to_filename(bold)
    inputs = Inputs(Asked(size=asked.size, image=bold, subjects=(4,)), tmp_path)
    cases = [case for case in SEEDS["memory"](inputs) if "at once" in case.task]
    whole, streamed = run_cases(cases, tmp_path)
    assert (whole.outcome, streamed.outcome) == ("out of memory", "done")
    assert whole.why == "0 of 4 subjects finished: MemoryError"
    assert whole.case.arguments["limit"] == streamed.case.arguments["limit"]


def test_searchlight(asked: Asked, tmp_path: Path) -> None:
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.svm import LinearSVC

    rows, made = run("searchlight", asked, tmp_path)
    arguments = rows[0].case.arguments
    samples, brain = load(arguments["samples"]), load(arguments["brain"]) != 0
    centres = np.argwhere(load(arguments["centres"]))
    y = json.loads(Path(arguments["labels"]).read_text())
    # Each run of 18 volumes was brought to mean 0 and SD 1.
    runs = samples[brain].reshape(brain.sum(), -1, 18)
    np.testing.assert_allclose(runs.mean(axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(runs.std(axis=-1), 1, rtol=1e-5)
    places = np.argwhere(brain)
    for at in (0, len(centres) - 1):
        near = places[(((places - centres[at]) * 3.0) ** 2).sum(axis=1) <= 5.6**2]
        values = samples[tuple(near.T)].T.astype("f8")
        solver = LinearSVC(tol=1e-8, max_iter=1_000_000, random_state=0)
        wanted = cross_val_score(solver, values, y, cv=KFold(4)).mean()
        for found in made:
            assert found["scores"][at] == pytest.approx(wanted, abs=1.5 / len(y))
    assert made[0]["scores"].max() > 0.6
