"""The store gives what nibabel reads, makes it once, and keeps within its limits."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream.core.errors import (
    GridMismatchError,
    MaskError,
    MemoryBudgetError,
    ParameterError,
    StorageError,
)
from boldstream.memory.store import Store, writing
from boldstream.memory.store.recipe import identify
from tests.memory.images import SHAPE, make_mask, save_bold, series_of
from tests.oracle import fdata, load

TYPES = ["uint8", "int16", "uint16", "int32", "float32", "float64", ">i2", ">f4"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def bold(tmp_path: Path) -> Path:
    return save_bold(tmp_path / "bold.nii.gz")


def names_in(store: Store) -> set[str]:
    return {path.name for path in store.folder.path.iterdir()}


def never(done: int, total: int) -> None:
    raise AssertionError("it was decoded again")


@pytest.mark.parametrize("scaling", [None, (0.37, -3.5)])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
def test_voxels_and_volumes_are_what_nibabel_reads(
    tmp_path: Path, store: Store, dtype: str, scaling: tuple[float, float] | None, ending: str
) -> None:
    path = save_bold(tmp_path / f"bold{ending}", 23, dtype=dtype, scaling=scaling)
    mask = make_mask()
    expected = series_of(path, mask)
    with store.voxels(path, mask) as voxels:
        np.testing.assert_array_equal(voxels.read(), expected)
        np.testing.assert_array_equal(voxels.read_volume(-1), expected[-1])
        assert voxels.read().dtype == np.float32
    with store.volumes(path) as volumes:
        np.testing.assert_array_equal(
            np.asarray(volumes, np.float32), fdata(path).astype(np.float32)
        )
        if scaling is None:
            stored = load(path).get_data_dtype()
            assert volumes.dtype == (stored if ending == ".nii" else stored.newbyteorder("="))


def test_small_integers_are_stored_as_they_are(tmp_path: Path, store: Store) -> None:
    path = save_bold(tmp_path / "bold.nii.gz", dtype="int16", scaling=(0.37, -3.5))
    with store.voxels(path, make_mask()) as voxels:
        assert np.load(voxels.path / "data.npy", mmap_mode="r").dtype == np.int16


@given(
    n_volumes=st.integers(1, 40),
    few=st.integers(1, 5),
    more=st.integers(0, 30),
    share=st.floats(0.05, 1),
)
def test_panels_of_any_size_hold_the_same(
    n_volumes: int, few: int, more: int, share: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("panels")
    path, mask = save_bold(folder / "bold.nii.gz", n_volumes), make_mask(share)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_FEWEST_VOLUMES", few)
        patch.setattr(writing, "_MOST_VOLUMES", few + more)
        patch.setattr(writing, "_TILE", 7)
        patch.setattr("boldstream.streaming.plan._BLOCK_BYTES", 3000)
        patch.setattr("boldstream.memory.store.voxels._TILE", 11)
        with Store(folder / "store").voxels(path, mask) as voxels:
            expected = series_of(path, mask)
            np.testing.assert_array_equal(voxels.read(), expected)
            for t in {0, n_volumes // 2, n_volumes - 1}:
                np.testing.assert_array_equal(voxels.read_volume(t), expected[t])
            raw = np.load(voxels.path / "data.npy")
            assert (raw.transpose(0, 2, 1).reshape(-1, raw.shape[1])[n_volumes:] == 0).all()
    shutil.rmtree(folder)


def test_a_panel_is_as_large_as_fits() -> None:
    assert writing.panel_volumes(857, 70_000, 4) == 59
    assert writing.panel_volumes(857, 70_000, 2) == 64
    assert writing.panel_volumes(857, 10_000_000, 4) == 8
    assert writing.panel_volumes(5, 100, 4) == 5


def test_states_of_a_pass_may_be_split_where_a_panel_begins(tmp_path: Path) -> None:
    from boldstream.io.opening import open_image
    from boldstream.memory.store.npy import NpyFile
    from boldstream.memory.store.writing import WriteVoxels

    source = open_image(save_bold(tmp_path / "bold.nii.gz", 10, dtype="int16"))
    rows = np.arange(30)
    file = NpyFile(tmp_path / "data.npy", (3, 30, 4), np.dtype("i2"), fortran_order=False)
    bound = WriteVoxels(file, rows, 4).bind(source.series)
    accumulator = bound.accumulator
    states = [accumulator.init(range(8)), accumulator.init(range(8, 10))]
    for block in source.blocks(2):
        accumulator.update(states[block.start >= 8], block)
    merged = accumulator.merge(*states)
    file.close()
    assert (merged.volumes, bound.finalize(merged)) == (range(10), [(8, 1, 0), (10, 1, 0)])
    expected = fdata(tmp_path / "bold.nii.gz").reshape(-1, 10, order="F")[:30].T
    stored = np.load(tmp_path / "data.npy").transpose(0, 2, 1).reshape(12, 30)
    np.testing.assert_array_equal(stored[:10], expected)
    with pytest.raises(ValueError, match="must start with a panel, got volume 3"):
        accumulator.init(range(3, 10))


def test_runs_keep_their_own_scaling(tmp_path: Path, store: Store) -> None:
    runs = [
        save_bold(tmp_path / f"run{i}.nii.gz", 5 + i, dtype="int16", scaling=(i + 0.5, i), seed=i)
        for i in range(3)
    ]
    mask = make_mask()
    with store.voxels(runs, mask) as voxels:
        expected = np.concatenate([series_of(run, mask) for run in runs])
        np.testing.assert_array_equal(voxels.read(), expected)
        assert voxels.run_lengths == (5, 6, 7)
    with store.volumes(runs) as volumes:
        together = np.concatenate([fdata(run) for run in runs], axis=-1)
        np.testing.assert_array_equal(volumes.array, together.astype(np.float32))


@pytest.mark.parametrize("types", [("int16", "uint16"), ("int16", "float32")])
def test_runs_of_different_types_are_stored_as_float32(
    tmp_path: Path, store: Store, types: tuple[str, str]
) -> None:
    runs = [save_bold(tmp_path / f"{t}.nii.gz", 4, dtype=t, seed=i) for i, t in enumerate(types)]
    mask = make_mask()
    with store.voxels(runs, mask) as voxels:
        expected = np.concatenate([series_of(run, mask) for run in runs])
        np.testing.assert_array_equal(voxels.read(), expected)


# nibabel, that it is compared with, leaves the second file of a PAR/REC image open.
@pytest.mark.filterwarnings("ignore:unclosed file .*[.]REC:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("name", "n_files"),
    [
        ("odd/phantom_EPI_asc_CLEAR_2_1.PAR", 2),
        ("odd/example4d+orig.HEAD", 2),
        ("small4d/nibabel_example4d.nii.gz", 1),
    ],
)
def test_real_files(shared_data: Path, store: Store, name: str, n_files: int) -> None:
    data = fdata(shared_data / name)
    mask = data[..., 0] > np.median(data[..., 0])
    with store.voxels(shared_data / name, mask) as voxels:
        np.testing.assert_array_equal(voxels.read(), data[mask].T.astype(np.float32))
    with store.volumes(shared_data / name) as volumes:
        np.testing.assert_array_equal(volumes.array, data.astype(np.float32))
    assert {len(entry.sources) for entry in store.entries()} == {n_files}


def test_a_region_is_read_from_what_is_stored(bold: Path, store: Store, tmp_path: Path) -> None:
    mask = make_mask(0.6)
    region = mask & make_mask(0.3, seed=2)
    nib.Nifti1Image(region.astype("u1"), load(bold).affine).to_filename(tmp_path / "roi.nii.gz")
    with store.voxels(bold, mask) as voxels:
        expected = series_of(bold, region)
        np.testing.assert_array_equal(voxels.read(region), expected)
        np.testing.assert_array_equal(voxels.read(tmp_path / "roi.nii.gz"), expected)
        everything = voxels.read()
        columns = np.array([5, 0, 5, len(voxels.voxels) - 1])
        np.testing.assert_array_equal(voxels.read(columns), everything[:, columns])
        assert voxels.read(np.array([], int)).shape == (20, 0)
        np.testing.assert_array_equal(voxels.voxels, np.flatnonzero(mask))
        assert voxels.grid.shape == SHAPE
        np.testing.assert_array_equal(voxels.grid.affine, load(bold).affine)


def test_reading_what_is_not_stored_is_refused(bold: Path, store: Store) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2:5] = True
    outside = mask.copy()
    outside[1, 0, :2] = True
    with store.voxels(bold, mask) as voxels:
        with pytest.raises(MaskError, match="2 of its 92 voxels are not in"):
            voxels.read(outside)
        with pytest.raises(ParameterError, match="from 0 to 89, got 3 to 90"):
            voxels.read(np.array([3, 90]))
        with pytest.raises(ParameterError, match="from 0 to 89, got -1 to 2"):
            voxels.read(np.array([2, -1]))
        with pytest.raises(ParameterError, match="must be integers, got an array of float64"):
            voxels.read(np.array([1.0]))
        with pytest.raises(ParameterError, match="from -20 to 19, got 20"):
            voxels.read_volume(20)
    with pytest.raises(StorageError, match="is closed; open it again"):
        voxels.read()
    with pytest.raises(StorageError, match="is closed; open it again"):
        voxels.read_volume(0)


def test_a_mask_elsewhere_is_refused_or_resampled(bold: Path, store: Store) -> None:
    mask = nib.Nifti1Image(np.ones((4, 4, 4), "u1"), np.diag([5.0, 5.0, 5.0, 1.0]))
    with pytest.raises(GridMismatchError):
        store.voxels(bold, mask)
    with store.voxels(bold, mask, resample="mask") as voxels:
        assert len(voxels.voxels) == np.prod(SHAPE)


def test_what_is_stored_is_not_decoded_again(bold: Path, store: Store) -> None:
    mask = make_mask()
    passes: list[int] = []
    store.voxels(bold, mask, progress=lambda done, total: passes.append(done)).close()
    assert passes[-1] == 20
    images: list[Any] = [bold, str(bold), load(bold), [bold]]
    for image in images:
        store.voxels(image, mask, progress=never).close()
    Store(store.folder.path).voxels(bold, mask, progress=never).close()
    store.volumes(bold).close()
    store.volumes(bold, progress=never).close()
    assert len(store.entries()) == 2


def test_masks_and_affines_have_entries_of_their_own(bold: Path, store: Store) -> None:
    moved = load(bold)
    moved.set_sform(np.eye(4), code="scanner")
    moved = nib.Nifti1Image(moved.dataobj, np.eye(4), moved.header)
    cases: list[Any] = [(bold, make_mask()), (bold, make_mask(seed=5)), (moved, make_mask())]
    for image, mask in cases:
        with store.voxels(image, mask) as voxels:
            np.testing.assert_array_equal(voxels.read(), series_of(bold, mask))
    assert len(store.entries()) == 3


def test_pickled_it_opens_again(bold: Path, store: Store) -> None:
    mask = make_mask()
    voxels, volumes = store.voxels(bold, mask), store.volumes(bold)
    for one in (voxels, volumes):
        assert len(pickle.dumps(one)) < 1500
    again = pickle.loads(pickle.dumps(voxels))
    voxels.close()
    np.testing.assert_array_equal(again.read(), series_of(bold, mask))
    copy = pickle.loads(pickle.dumps(volumes))
    volumes.close()
    np.testing.assert_array_equal(copy.array, fdata(bold))
    # Both copies keep their entries.
    assert store.clear() == 0
    letter = pickle.dumps(again)
    again.close()
    copy.close()
    assert store.clear() > 0
    with pytest.raises(StorageError, match="no whole entry of a store"):
        pickle.loads(letter)


def test_an_uncompressed_image_is_mapped_where_it_is(tmp_path: Path, store: Store) -> None:
    path = save_bold(tmp_path / "bold.nii", dtype="int16")
    before = path.read_bytes()
    with store.volumes(path) as volumes:
        assert volumes.file_path == path
        np.testing.assert_array_equal(volumes.array, fdata(path))
        with pytest.raises(ParameterError):
            volumes[0, 0, 0, 0] = 1
    assert names_in(store) == set()
    assert path.read_bytes() == before


def test_values_in_memory_cannot_be_stored(bold: Path, store: Store) -> None:
    made = nib.Nifti1Image(np.ones((*SHAPE, 3), "f4"), np.eye(4))
    with pytest.raises(ParameterError, match=r"must be a file, .* whose values are in memory"):
        store.volumes(made)
    edited = load(bold)
    edited.get_fdata()[:] = 0
    with pytest.raises(ParameterError, match=r"got .*bold\.nii\.gz, whose values are in memory"):
        store.voxels(edited, make_mask())


def test_files_are_the_users_own(bold: Path, store: Store) -> None:
    before = os.umask(0)
    try:
        store.voxels(bold, make_mask()).close()
    finally:
        os.umask(before)
    (entry,) = store.folder.path.iterdir()
    assert entry.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in entry.iterdir()} == {
        "data.npy": 0o600,
        "voxels.npy": 0o600,
        "manifest.json": 0o600,
    }


def test_the_manifest_says_what_the_entry_is(bold: Path, store: Store) -> None:
    with store.voxels(bold, make_mask()) as voxels:
        manifest: dict[str, Any] = json.loads((voxels.path / "manifest.json").read_text())
    status = bold.stat()
    (source,) = manifest["files"]
    assert (source["path"], source["size"], source["mtime_ns"], source["inode"]) == (
        str(bold.resolve()),
        status.st_size,
        status.st_mtime_ns,
        status.st_ino,
    )
    assert manifest["layout"] == "voxels"
    assert manifest["run_lengths"] == [20]


def test_what_was_used_longest_ago_goes_first(tmp_path: Path, bold: Path) -> None:
    masks = [make_mask(0.5, seed=seed) for seed in range(4)]
    store = Store(tmp_path / "store")
    with store.voxels(bold, masks[0]) as voxels:
        one = sum(path.stat().st_size for path in voxels.path.iterdir())
    small = Store(tmp_path / "store", max_bytes=int(one * 3.3))
    opened = []
    for i, mask in enumerate((masks[0], masks[1], masks[2], masks[0])):
        with small.voxels(bold, mask) as voxels:
            opened.append(voxels.path)
        os.utime(voxels.path, (i, i))
    with small.voxels(bold, masks[3]) as newest:
        kept = {entry.path for entry in small.entries()}
        assert kept == {opened[0], opened[2], newest.path}
    assert small.stats()["bytes"] <= one * 3.3


def test_what_is_open_is_never_removed(tmp_path: Path, bold: Path) -> None:
    masks = [make_mask(0.5, seed=seed) for seed in range(3)]
    store = Store(tmp_path / "store")
    voxels = store.voxels(bold, masks[0])
    size = store.stats()["bytes"]
    small = Store(tmp_path / "store", max_bytes=int(size * 1.5))
    with pytest.raises(StorageError, match=r"may hold .* of that is in use and .* is needed"):
        small.voxels(bold, masks[1])
    assert [entry.path for entry in small.entries()] == [voxels.path]
    assert (small.stats()["in_use"], small.clear()) == (1, 0)
    np.testing.assert_array_equal(voxels.read(), series_of(bold, masks[0]))
    voxels.close()
    small.voxels(bold, masks[1]).close()
    assert not voxels.path.exists()


def test_a_limit_too_small_for_one_image_is_said(tmp_path: Path, bold: Path) -> None:
    store = Store(tmp_path / "store", max_bytes=1000)
    with pytest.raises(StorageError, match=r"`max_bytes` must allow .* got 1000 B"):
        store.voxels(bold, make_mask())
    assert names_in(store) == set()
    with pytest.raises(ParameterError, match="`max_bytes` must be a positive size"):
        Store(tmp_path / "store", max_bytes="much")


def test_other_files_of_the_folder_are_left_alone(bold: Path, store: Store) -> None:
    (store.folder.path / ("0" * 32)).mkdir()
    (store.folder.path / "uv.lock").touch()
    (store.folder.path / "study.boldstream").mkdir()
    (store.folder.path / "notes.boldstream").touch()
    before = names_in(store)
    store.voxels(bold, make_mask()).close()
    assert len(store.entries()) == 1
    Store(store.folder.path).clear(unused_only=False)
    assert names_in(store) == before


def test_a_reader_that_is_forgotten_holds_nothing(bold: Path, store: Store) -> None:
    voxels = store.voxels(bold, make_mask())
    assert store.clear() == 0
    del voxels
    assert store.clear() > 0


def test_clear_frees_what_it_says(bold: Path, store: Store) -> None:
    store.volumes(bold).close()
    voxels = store.voxels(bold, make_mask())
    held = store.stats()["bytes"]
    freed = store.clear()
    assert 0 < freed < held
    assert store.clear(unused_only=False) == held - freed
    # Who reads it keeps it.
    np.testing.assert_array_equal(voxels.read(), series_of(bold, make_mask()))
    assert store.stats() == store.stats() | {"entries": 0, "bytes": 0, "in_use": 0}
    assert names_in(store) == set()
    voxels.close()


def test_stats_and_entries_describe_the_store(bold: Path, store: Store) -> None:
    with store.voxels(bold, make_mask()) as voxels:
        (entry,) = store.entries()
        assert (entry.path, entry.layout, entry.in_use) == (voxels.path, "voxels", True)
        assert entry.sources == (str(bold.resolve()),)
        assert entry.is_current
    stats = store.stats()
    assert (stats["entries"], stats["in_use"], stats["outdated"], stats["damaged"]) == (1, 0, 0, 0)
    du = sum(path.stat().st_size for path in store.folder.path.rglob("*") if path.is_file())
    assert stats["bytes"] == entry.n_bytes == du
    bold.unlink()
    # It may lie on a disk that comes back.
    assert store.entries()[0].is_current


def test_making_keeps_to_the_memory_limit(bold: Path, store: Store) -> None:
    with pytest.raises(MemoryBudgetError, match="the store's voxels"):
        store.voxels(bold, make_mask(), memory_limit="1MiB")
    assert names_in(store) == set()


@pytest.mark.parametrize(
    "name", ["a b ünï.nii.gz", "x" * 240 + ".nii.gz", os.fsdecode(b"caf\xe9.nii.gz")]
)
def test_any_file_name(tmp_path: Path, store: Store, name: str) -> None:
    deep = tmp_path / "a folder, with ß" / ("y" * 200)
    deep.mkdir(parents=True)
    path = save_bold(deep / name, 4)
    with store.voxels(path, make_mask()) as voxels:
        np.testing.assert_array_equal(voxels.read(), series_of(path, make_mask()))
    assert store.entries()[0].sources == (str(path.resolve()),)
    assert Store(deep / "store").folder.path == deep / "store"


def test_a_file_whose_name_this_locale_cannot_write_counts_as_gone(bold: Path) -> None:
    # A lone surrogate is to UTF-8 what an accent is to ASCII.
    assert replace(identify(bold), path=f"{bold}\ud800").is_current()
