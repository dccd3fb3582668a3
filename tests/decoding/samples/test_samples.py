"""Samples of every kind beside what nibabel reads."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.gifti.gifti import GiftiDataArray, GiftiImage
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core.grid import Grid
from boldstream.decoding.samples import Samples, opening
from boldstream.decoding.samples.betas import ArraySamples, FileSamples
from boldstream.decoding.samples.memory import MemorySamples, VoxelMajor
from boldstream.decoding.samples.selected import Selected
from boldstream.decoding.samples.stored import StoredSamples
from boldstream.io.masks import Mask
from boldstream.io.opening import open_image
from boldstream.streaming.once import stream_once
from tests.oracle import fdata

SHAPE, N = (7, 6, 5), 37
AFFINE = np.diag([2.0, 2.0, 2.5, 1.0])
INSIDE = np.random.default_rng(3).random(SHAPE) < 0.5
BAD = {3: np.nan, 8: np.inf, 20: -np.inf}
KINDS = ["memory", "stored", "folder", "object", "array", "map", "StoredVoxels", "gifti"]


def save(path: Path, n: int = N, dtype: str = "f4", seed: int = 0, bad: Any = None) -> Path:
    rng = np.random.default_rng(seed)
    data = (1000 * rng.normal(size=(*SHAPE, n))).astype(dtype)
    for row, value in (bad or {}).items():
        data[(*np.argwhere(INSIDE)[row], row % n)] = value
    nib.save(nib.Nifti1Image(data, AFFINE, dtype=np.dtype(dtype)), path)
    return path


def series_of(path: Path) -> NDArray[np.float32]:
    return np.asarray(fdata(path)[INSIDE], np.float32)


def write_folder(path: Path, values: NDArray[Any]) -> Path:
    """A folder as `trial_betas` writes them; `values` are (trials, voxels)."""
    path.mkdir()
    np.save(path / "betas.npy", np.ascontiguousarray(values))
    nib.save(nib.Nifti1Image(INSIDE.astype("u1"), AFFINE), path / "mask.nii.gz")
    trials = pd.DataFrame({"onset": np.arange(len(values)), "trial_type": "face"})
    trials.to_csv(path / "trials.tsv", sep="\t", index=False)
    (path / "manifest.json").write_text(
        f'{{"layout": "trials x voxels", "dtype": "{values.dtype}", "n_trials": {len(values)}}}'
    )
    return path


def open_kind(
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bad: Any = None,
    kept: Any = None,
    **options: Any,
) -> Samples:
    """The same samples, or those that are kept, opened in one way or another."""

    def opened(imgs: Any, *mask: Any, store: Any = None) -> Samples:
        some = imgs if kept is None else Selected(imgs, kept)
        return opening.open_samples(some, *mask, store=store, **options)

    path = save(tmp_path / "bold.nii.gz", bad=bad)
    values = series_of(path)
    if kind == "memory":
        return opened(path, INSIDE)
    if kind in ("stored", "StoredVoxels"):
        store = bs.Store(tmp_path / "store")
        if kind == "StoredVoxels":
            return opened(store.voxels(path, INSIDE))
        monkeypatch.setattr(opening, "_SHARE", 0)
        return opened(path, INSIDE, store=store)
    if kind in ("folder", "object"):
        folder = write_folder(tmp_path / "betas", values.T)
        given = folder if kind == "folder" else bs.open_betas(folder)
        return opened(given)
    if kind == "gifti":
        arrays = [GiftiDataArray(row, intent="NIFTI_INTENT_TIME_SERIES") for row in values.T]
        return opened(GiftiImage(darrays=arrays))
    if kind == "map":
        np.save(tmp_path / "values.npy", np.ascontiguousarray(values.T))
        mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
        return opened(mapped, nib.Nifti1Image(INSIDE.astype("u1"), AFFINE))
    return opened(values.T)


CLASSES = {
    **dict.fromkeys(["memory"], MemorySamples),
    **dict.fromkeys(["stored", "StoredVoxels"], StoredSamples),
    **dict.fromkeys(["folder", "object", "map"], FileSamples),
    **dict.fromkeys(["array", "gifti"], ArraySamples),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_kind(kind, tmp_path, monkeypatch) as samples:
        assert type(samples) is CLASSES[kind]
        expected = series_of(tmp_path / "bold.nii.gz")
        assert (samples.n_voxels, samples.n_samples) == expected.shape
        assert samples.usable is None
        if kind in ("array", "gifti"):
            assert samples.mask is None
        else:
            assert samples.mask is not None
            assert np.array_equal(samples.mask.array, INSIDE)
            assert np.array_equal(samples.mask.grid.affine, AFFINE)
        n = samples.n_voxels
        for rows in (np.arange(n), np.array([0, 3, n - 1]), np.array([5]), np.empty(0, np.intp)):
            values = samples.read(rows)
            assert values.dtype == np.float32
            assert values.flags.c_contiguous
            assert values.flags.writeable
            assert np.array_equal(values, expected[rows])
        values[...] = 0
        samples.read(np.arange(n))[...] = 0  # the caller's own
        assert np.array_equal(samples.read(np.arange(n)), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_nan_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = (
        rf"must hold finite numbers, got NaN or infinity in 3 of {INSIDE.sum()} voxels of the mask"
        r"; nan_policy='exclude' .* nan_policy='zero'"
    )
    with pytest.raises(bs.NonFiniteError, match=message):
        open_kind(kind, tmp_path, monkeypatch, BAD)


@pytest.mark.parametrize("kind", KINDS)
def test_nan_is_excluded(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_kind(kind, tmp_path, monkeypatch, BAD, nan_policy="exclude") as samples:
        assert samples.usable is not None
        assert np.flatnonzero(~samples.usable).tolist() == list(BAD)
        rows = np.flatnonzero(samples.usable)
        assert np.array_equal(samples.read(rows), series_of(tmp_path / "bold.nii.gz")[rows])


@pytest.mark.parametrize("kind", KINDS)
def test_nan_counts_as_zero(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_kind(kind, tmp_path, monkeypatch, BAD, nan_policy="zero") as samples:
        assert samples.usable is None
        expected = series_of(tmp_path / "bold.nii.gz")
        expected[~np.isfinite(expected)] = 0
        rows = np.arange(2, samples.n_voxels)
        assert np.array_equal(samples.read(rows), expected[rows])


@pytest.mark.parametrize("policy", ["raise", "exclude", "zero"])
@pytest.mark.parametrize("kind", KINDS)
def test_nan_that_is_not_kept_decides_nothing(
    kind: str, policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = np.delete(np.arange(N), list(BAD))
    with open_kind(kind, tmp_path, monkeypatch, BAD, kept, nan_policy=policy) as samples:
        assert samples.usable is None
        expected = series_of(tmp_path / "bold.nii.gz")[:, kept]
        assert np.array_equal(samples.read(np.arange(samples.n_voxels)), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_nan_that_is_kept(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = np.arange(4, 12)  # of the volumes with NaN only the eighth
    with open_kind(kind, tmp_path, monkeypatch, BAD, kept, nan_policy="exclude") as samples:
        assert samples.usable is not None
        assert np.flatnonzero(~samples.usable).tolist() == [8]


@pytest.mark.parametrize("kind", ["memory", "stored", "folder", "array"])
def test_nothing_is_usable(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = dict.fromkeys(range(int(INSIDE.sum())), np.nan)
    with pytest.raises(bs.NonFiniteError, match=rf"in {len(bad)} of {len(bad)} voxels"):
        open_kind(kind, tmp_path, monkeypatch, bad, nan_policy="exclude")


@pytest.mark.parametrize("kind", ["memory", "stored"])
@pytest.mark.parametrize("dtype", ["i2", "f8", "u1"])
def test_runs(kind: str, dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of several lengths and a scaling, by one thread and by two."""
    paths = [save(tmp_path / f"{n}.nii", n, dtype, n) for n in (5, 40, 1, 16)]
    expected = np.hstack([series_of(path) for path in paths])
    if kind == "stored":
        monkeypatch.setattr(opening, "_SHARE", 0)
    for n_jobs in (1, 2):
        with opening.open_samples(
            paths, INSIDE, store=bs.Store(tmp_path / "store"), n_jobs=n_jobs
        ) as samples:
            assert np.array_equal(samples.read(np.arange(samples.n_voxels)), expected)


def test_every_voxel_and_volumes_one_by_one(tmp_path: Path) -> None:
    images = [nib.Nifti1Image(np.full(SHAPE, i, "f4"), AFFINE) for i in range(20)]
    samples = opening.open_samples(images)
    assert (samples.n_voxels, samples.n_samples) == (int(np.prod(SHAPE)), 20)
    assert np.array_equal(samples.read(np.array([9])), [np.arange(20)])


def test_an_image_in_memory_cannot_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_SHARE", 0)
    image = nib.Nifti1Image(np.zeros((*SHAPE, 3), "f4"), AFFINE)
    assert isinstance(opening.open_samples(image, INSIDE), MemorySamples)


@pytest.mark.parametrize("cuts", [[], [9], [16, 17], [1, 33]])
def test_blocks_and_parts_do_not_matter(cuts: list[int], tmp_path: Path) -> None:
    path = save(tmp_path / "bold.nii", bad=BAD)
    source = open_image(path)
    series = source.series
    accumulator = VoxelMajor(Mask("mask", series.grid, INSIDE), zero=False).bind(series).accumulator
    ends = [0, *cuts, N]
    states = []
    for first, last in pairwise(ends):
        state = accumulator.init(range(first, last))
        for block in source.blocks(1):
            if first <= block.start < last:
                accumulator.update(state, block)
        states.append(state)
    whole = states[0]
    for state in states[1:]:
        whole = accumulator.merge(whole, state)
    assert np.array_equal(whole.values, series_of(path), equal_nan=True)
    assert np.flatnonzero(~whole.finite).tolist() == list(BAD)
    (again,) = stream_once(path, [VoxelMajor(Mask("mask", series.grid, INSIDE), zero=False)])
    assert np.array_equal(again[0], whole.values, equal_nan=True)
    assert np.array_equal(again[1], whole.finite)


def test_parts_that_are_read_side_by_side_find_what_is_not_finite(tmp_path: Path) -> None:
    paths = [save(tmp_path / "a.nii", bad={3: np.nan}), save(tmp_path / "b.nii", bad={8: np.inf})]
    samples = opening.open_samples(paths, INSIDE, nan_policy="exclude", n_jobs=2)
    assert samples.usable is not None
    assert np.flatnonzero(~samples.usable).tolist() == [3, 8]


@pytest.mark.parametrize("kind", ["folder", "object", "StoredVoxels"])
def test_a_part_of_what_is_kept(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = INSIDE & (np.random.default_rng(4).random(SHAPE) < 0.5)
    with open_kind(kind, tmp_path, monkeypatch, mask=part) as samples:
        assert samples.mask is not None
        assert np.array_equal(samples.mask.array, part)
        expected = np.asarray(fdata(tmp_path / "bold.nii.gz")[part], np.float32)
        assert np.array_equal(samples.read(np.arange(len(expected))), expected)


def test_more_than_what_is_kept(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "betas", np.zeros((4, INSIDE.sum()), "f4"))
    with pytest.raises(bs.MaskError, match=r"`mask` must lie inside the mask of the samples; \d+"):
        opening.open_samples(folder, np.ones(SHAPE, bool))
    other = Mask("mask", Grid(SHAPE, np.eye(4)), INSIDE)
    with pytest.raises(bs.GridMismatchError):
        opening.open_samples(folder, other)


def test_pieces_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(50, INSIDE.sum()))
    values[7, 3], values[49, 6] = np.nan, 1e300  # infinite as float32
    folder = write_folder(tmp_path / "betas", values)
    for size in (1, 900, 1 << 20):
        monkeypatch.setattr("boldstream.decoding.samples.betas._PIECE_BYTES", size)
        with opening.open_samples(folder, nan_policy="exclude") as samples:
            rows = np.arange(1, samples.n_voxels, 3)
            assert np.array_equal(samples.read(rows), values.T[rows].astype("f4"))
            assert samples.usable is not None
            assert np.flatnonzero(~samples.usable).tolist() == [3, 6]


def test_a_file_that_is_cut_while_it_is_open(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "betas", np.zeros((4, INSIDE.sum()), "f4"))
    with opening.open_samples(folder) as samples:
        with (folder / "betas.npy").open("r+b") as file:
            file.truncate(400)
        with pytest.raises(bs.CorruptImageError, match=r"betas\.npy is truncated"):
            samples.read(np.arange(samples.n_voxels))


def test_a_piece_of_a_map_is_an_array(tmp_path: Path) -> None:
    """Its place in the file is not that of the whole."""
    values = np.arange(60, dtype="f4").reshape(6, 10)
    np.save(tmp_path / "values.npy", values)
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    changed = np.load(tmp_path / "values.npy", mmap_mode="c")
    changed += 7
    for given, expected in [
        (changed, values + 7),
        (mapped[2:], values[2:]),
        (mapped[:, 3:], values[:, 3:]),
        (mapped + 1, values + 1),
        (values.astype(">i4"), values),
        (np.asfortranarray(values), values),
    ]:
        samples = opening.open_samples(given)
        assert isinstance(samples, ArraySamples)
        assert np.array_equal(samples.read(np.arange(samples.n_voxels)), expected.T)


def test_some_columns_of_an_array() -> None:
    values = np.arange(60.0).reshape(6, 10)
    chosen = np.arange(10) % 3 == 0
    assert np.array_equal(
        opening.open_samples(values, chosen).read(np.arange(4)), values[:, chosen].T
    )


@pytest.mark.parametrize(
    ("imgs", "mask", "error", "message"),
    [
        (np.zeros(3), None, bs.ParameterError, r"array \(samples, voxels\), got the shape \(3,\)"),
        (np.zeros((0, 3)), None, bs.ParameterError, r"got the shape \(0, 3\)"),
        (np.zeros((2, 3), complex), None, bs.UnsupportedImageError, "complex"),
        (np.zeros((2, 3), object), None, bs.UnsupportedImageError, "must hold numbers"),
        (np.zeros((2, 3)), np.ones(4, bool), bs.MaskError, "`mask` must be 3 booleans"),
        (np.zeros((2, 3)), np.zeros(3, bool), bs.MaskError, "not all False"),
        (
            np.zeros((2, 3)),
            nib.Nifti1Image(INSIDE.astype("u1"), AFFINE),
            bs.MaskError,
            rf"a column for each of {INSIDE.sum()} voxels of `mask`, got 3",
        ),
        ("/nowhere", None, bs.ImageFileError, "does not exist"),
        (3, None, bs.ParameterError, "`image` must be a path"),
        ([], None, bs.ParameterError, "at least one image"),
    ],
)
def test_what_cannot_be_opened(imgs: Any, mask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        opening.open_samples(imgs, mask)


def test_a_policy_that_is_none() -> None:
    with pytest.raises(bs.ParameterError, match="`nan_policy` must be one of 'raise', 'exclude'"):
        opening.open_samples(np.zeros((2, 3)), nan_policy="excluded")  # type: ignore[arg-type]
