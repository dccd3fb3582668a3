"""Rows of stored voxels, beside what nibabel reads."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from boldstream.core.errors import ParameterError, StorageError
from boldstream.memory.store import Store, StoredVoxels, voxels
from tests.memory.images import SHAPE, make_mask, save_bold, series_of

MASK = make_mask(0.9)
N_VOXELS = int(MASK.sum())


def stored(path: Path, tmp_path: Path) -> StoredVoxels:
    return Store(tmp_path / "store").voxels(path, MASK)


@pytest.mark.parametrize("window", [1, 1000, 1 << 15])
@pytest.mark.parametrize("n_volumes", [1, 20, 70, 150])
@pytest.mark.parametrize(
    ("dtype", "scaling"),
    [("float32", None), ("int16", None), ("int16", (0.37, -5.2)), ("u1", None)],
)
def test_rows(
    dtype: str,
    scaling: tuple[float, float] | None,
    n_volumes: int,
    window: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(voxels, "_WINDOW_VALUES", window)
    path = save_bold(tmp_path / "bold.nii", n_volumes, dtype=dtype, scaling=scaling)
    expected = series_of(path, MASK).T
    with stored(path, tmp_path) as found:
        for rows in (np.arange(N_VOXELS), np.arange(3, N_VOXELS, 7), np.array([N_VOXELS - 1])):
            values = found.read_rows(rows)
            assert values.flags.c_contiguous
            assert values.dtype == np.float32
            assert np.array_equal(values, expected[rows])
            assert np.array_equal(values, found.read(rows).T)
        assert found.read_rows(np.empty(0, np.intp)).shape == (0, n_volumes)
        assert found.find_finite().all()


@pytest.mark.parametrize("window", [1, 1000, 1 << 15])
def test_what_is_not_finite(window: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voxels, "_WINDOW_VALUES", window)
    data = np.zeros((*SHAPE, 70), np.float32)
    rows = [0, 17, N_VOXELS - 1]
    for row, t, value in zip(rows, (69, 64, 0), (np.nan, np.inf, -np.inf), strict=True):
        data[(*np.argwhere(MASK)[row], t)] = value
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "bold.nii.gz")
    with stored(tmp_path / "bold.nii.gz", tmp_path) as found:
        assert np.flatnonzero(~found.find_finite()).tolist() == rows
        some = found.find_finite(np.array([0, 68, 69]))
        assert np.flatnonzero(~some).tolist() == [0, N_VOXELS - 1]
        assert found.find_finite(np.arange(1, 64)).all()


def test_rows_that_cannot_be(tmp_path: Path) -> None:
    found = stored(save_bold(tmp_path / "bold.nii"), tmp_path)
    with pytest.raises(ParameterError, match="must lie from 0 to"):
        found.read_rows(np.array([0, N_VOXELS]))
    for rows in ([3, 2], [4, 4]):
        with pytest.raises(ParameterError, match="`rows` must ascend"):
            found.read_rows(np.array(rows))
    with pytest.raises(ParameterError, match="`volumes` must lie from 0 to"):
        found.find_finite(np.array([0, found.n_volumes]))
    data = found.path / "data.npy"
    with data.open("r+b") as file:
        file.truncate(200)
    with pytest.raises(StorageError, match="was cut short"):
        found.read_rows(np.arange(N_VOXELS))
    found.close()
    with pytest.raises(StorageError, match="is closed"):
        found.read_rows(np.array([0]))
    with pytest.raises(StorageError, match="is closed"):
        found.find_finite()
