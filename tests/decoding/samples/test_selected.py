"""Some samples of images, betas and arrays: the same values, and no memory for the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import boldstream as bs
from boldstream.decoding.samples import open_samples
from boldstream.decoding.samples.selected import Selected, SelectedSamples
from boldstream.decoding.samples.stored import StoredSamples
from boldstream.memory.store import Store

KEPT = np.array([0, 1, 5, 13, 14, 19])


@pytest.fixture
def data(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(6, 5, 4, 20)).astype("f4")


@pytest.fixture
def mask(data: np.ndarray) -> np.ndarray:
    return data[..., 0] > 0


def test_of_runs(data: np.ndarray, mask: np.ndarray, tmp_path: Path) -> None:
    paths = [tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"]
    for path, part in zip(paths, (data[..., :12], data[..., 12:]), strict=True):
        nib.save(nib.Nifti1Image(part, np.eye(4)), path)
    for n_jobs in (1, 2):
        with open_samples(Selected(paths, KEPT), mask, n_jobs=n_jobs) as samples:
            assert samples.n_samples == len(KEPT)
            values = samples.read(np.arange(samples.n_voxels))
            np.testing.assert_array_equal(values, data[mask][:, KEPT])


def test_of_an_array(data: np.ndarray, mask: np.ndarray) -> None:
    with open_samples(Selected(data[mask].T, KEPT)) as samples:
        rows = np.array([3, 7, 20])
        np.testing.assert_array_equal(samples.read(rows), data[mask][rows][:, KEPT])


def test_in_pieces_of_few_voxels(data: np.ndarray, mask: np.ndarray) -> None:
    every = open_samples(nib.Nifti1Image(data, np.eye(4)), mask)
    samples = SelectedSamples(every, KEPT)
    samples._step = 3
    rows = np.arange(0, samples.n_voxels, 2)
    np.testing.assert_array_equal(samples.read(rows), data[mask][rows][:, KEPT])
    assert samples.scratch_bytes > every.scratch_bytes


def test_of_the_store_where_memory_does_not_hold_them(
    data: np.ndarray, mask: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bold.nii.gz"
    nib.save(nib.Nifti1Image(data, np.eye(4)), path)
    monkeypatch.setattr("boldstream.decoding.samples.opening._SHARE", 0.0)
    store = Store(tmp_path / "store")
    with open_samples(Selected(path, KEPT), mask, store=store) as samples:
        assert isinstance(samples, SelectedSamples)
        assert isinstance(samples._samples, StoredSamples)
        values = samples.read(np.arange(samples.n_voxels))
        np.testing.assert_array_equal(values, data[mask][:, KEPT])


def test_volumes_that_are_not_kept_may_hold_nan(data: np.ndarray, mask: np.ndarray) -> None:
    data[..., 2] = np.nan
    with open_samples(Selected(nib.Nifti1Image(data, np.eye(4)), KEPT), mask) as samples:
        assert samples.usable is None


@pytest.fixture
def forms(data: np.ndarray, mask: np.ndarray, tmp_path: Path) -> list[Callable[[], Any]]:
    """20 samples, wherever they are kept."""
    image = nib.Nifti1Image(data, np.eye(4))
    nib.save(image, tmp_path / "bold.nii")
    onsets = 2.0 * np.arange(20)
    events = pd.DataFrame({"onset": onsets, "duration": 1.0, "trial_type": list("ab") * 10})
    run = nib.Nifti1Image(np.tile(data, 4), np.eye(4))
    bs.trial_betas(run, events, t_r=1.0, mask=mask, output=tmp_path / "betas")
    values = np.ascontiguousarray(data[mask].T)
    store = Store(tmp_path / "store")
    return [
        lambda: image,
        lambda: values,
        lambda: (100 * values).astype("i2"),
        lambda: tmp_path / "betas",
        # Closed with its samples.
        lambda: store.voxels(tmp_path / "bold.nii", mask),
    ]


@pytest.mark.parametrize("kept", [[3, 20], [0, 99]])
def test_samples_that_are_not_there(forms: list[Callable[[], Any]], kept: list[int]) -> None:
    for form in forms:
        got = rf"`kept` must hold some of the 20 .*, ascending, got {kept[0]} to {kept[1]}$"
        with pytest.raises(bs.ParameterError, match=got):
            open_samples(Selected(form(), np.array(kept)))


def test_positions_may_be_of_any_integers(forms: list[Callable[[], Any]]) -> None:
    positions: list[Any] = [[1, 4], np.array([1, 4], np.uint8)]
    for form in forms:
        with open_samples(form()) as samples:
            expected = samples.read(np.arange(5))[:, [1, 4]]
        for kept in positions:
            with open_samples(Selected(form(), kept)) as found:
                np.testing.assert_array_equal(found.read(np.arange(5)), expected)


@pytest.mark.parametrize(
    ("kept", "got"),
    [
        ([5, 3], r"\[5, 3\]"),
        (np.array([5, 3], np.uint8), r"\[5, 3\]"),
        ([3, 3], r"\[3, 3\]"),
        ([-1, 3], "-1 to 3"),
        ([], r"\[\]"),
        ([1.0, 2.0], r"\[1.0, 2.0\]"),
        ([True, False], r"\[True, False\]"),
        ([[1, 2]], r"\[\[1, 2\]\]"),
        ([[1], [2, 3]], r"\[\[1\], \[2, 3\]\]"),
        (None, "None"),
        (3, "3"),
    ],
)
def test_what_is_no_choice_of_samples(kept: Any, got: str) -> None:
    with pytest.raises(bs.ParameterError, match=f"`kept` must hold positions of .*, got {got}$"):
        Selected("bold.nii.gz", kept)
