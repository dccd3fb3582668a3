"""Some samples of images, betas and arrays: the same values, and no memory for the others."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

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
