"""Folders of null maps: written whole or not at all, and opened again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from boldstream.core.errors import (
    BoldstreamError,
    CorruptImageError,
    ImageFileError,
    OutputExistsError,
)
from boldstream.core.grid import Grid
from boldstream.decoding.inference.adjacency import adjacency_of
from boldstream.decoding.inference.null_maps import MapsFolder, open_null_maps
from boldstream.decoding.inference.tally import Tally
from boldstream.io.masks import Mask
from tests.decoding.inference.made_up import MASK, smooth_scores, tallied

GRID = Grid((7, 8, 6), np.diag([3.0, 3.0, 4.0, 1.0]))


def write(path: Path, means: np.ndarray, mask: Mask | None) -> None:
    with Tally(len(means), means.shape[1] - 1, folder=MapsFolder(path, mask)) as tally:
        for start in range(0, len(means), 40):
            tally.put(start, means[start : start + 40])
        found = tally.finish(chance=0.5, adjacency=adjacency_of(MASK), tfce=True)
    np.testing.assert_array_equal(found.p_tfce_fwe, tallied(means, tfce=True).p_tfce_fwe)


@pytest.fixture
def folder(rng: np.random.Generator, tmp_path: Path) -> Path:
    write(tmp_path / "maps", smooth_scores(rng), Mask("mask", GRID, MASK))
    return tmp_path / "maps"


def test_what_was_put_is_there(folder: Path) -> None:
    means = smooth_scores(np.random.default_rng(20261121))
    maps = open_null_maps(folder)
    np.testing.assert_array_equal(maps.values, means[:, 1:].T.astype("f4"))
    np.testing.assert_array_equal(maps.scores, means[:, 0])
    assert maps.chance == 0.5
    assert maps.mask is not None
    np.testing.assert_array_equal(maps.mask.array, MASK)
    np.testing.assert_allclose(maps.mask.grid.affine, GRID.affine)
    np.testing.assert_array_equal(maps.maps.read(4), means[:, 5].astype("f4"))
    np.testing.assert_array_equal(maps.maps.columns(3, 9), means[3:9, 1:].T.astype("f4"))
    image: Any = nib.load(folder / "mask.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj) > 0, MASK)


def test_a_surface_has_no_mask(rng: np.random.Generator, tmp_path: Path) -> None:
    write(tmp_path / "maps", smooth_scores(rng), None)
    assert open_null_maps(tmp_path / "maps").mask is None
    assert not (tmp_path / "maps" / "mask.nii.gz").exists()


def test_a_score_may_have_no_chance(rng: np.random.Generator, tmp_path: Path) -> None:
    means = smooth_scores(rng)
    with Tally(len(means), 39, folder=MapsFolder(tmp_path / "maps", None)) as tally:
        tally.put(0, means)
        tally.finish(chance=np.nan)
    assert np.isnan(open_null_maps(tmp_path / "maps").chance)


def test_a_folder_is_never_replaced(folder: Path, rng: np.random.Generator) -> None:
    before = (folder / "scores.npy").read_bytes()
    with pytest.raises(OutputExistsError, match="overwrite"):
        write(folder, smooth_scores(rng), Mask("mask", GRID, MASK))
    assert (folder / "scores.npy").read_bytes() == before


def test_an_error_on_the_way_leaves_nothing(rng: np.random.Generator, tmp_path: Path) -> None:
    means = smooth_scores(rng)

    def stop_early() -> None:
        with Tally(len(means), 39, folder=MapsFolder(tmp_path / "maps", None)) as tally:
            tally.put(0, means[:100])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_early()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["null_maps.npy", "scores.npy", "manifest.json", "mask.nii.gz"])
def test_a_missing_or_damaged_file_is_told(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BoldstreamError, match=name):
        open_null_maps(folder)
    (folder / name).unlink()
    with pytest.raises(ImageFileError, match=name):
        open_null_maps(folder)


def test_files_that_do_not_belong_together_are_told(folder: Path) -> None:
    np.save(folder / "scores.npy", np.zeros(5))
    with pytest.raises(ImageFileError, match=r"manifest\.json must say"):
        open_null_maps(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"n_voxels": 5}))
    with pytest.raises(CorruptImageError, match="must hold"):
        open_null_maps(folder)


def test_objects_are_not_unpickled(folder: Path) -> None:
    np.save(folder / "scores.npy", np.array([print], object), allow_pickle=True)
    with pytest.raises(CorruptImageError, match=r"scores\.npy"):
        open_null_maps(folder)
