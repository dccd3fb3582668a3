"""The short functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nilearn.image import mean_img, smooth_img
from nilearn.signal import clean
from numpy.typing import NDArray

import boldstream as bs
from tests.oracle import fdata, load

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


@pytest.fixture
def bold(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "bold.nii.gz"
    nib.save(nib.Nifti1Image(rng.normal(9, 1, (6, 5, 4, 12)).astype("f4"), AFFINE), path)
    return path


def mask_file(folder: Path, name: str, mask: NDArray[Any]) -> Path:
    nib.save(nib.Nifti1Image(mask.astype("u1"), AFFINE), folder / name)
    return folder / name


def test_extract_takes_paths_images_arrays_lists_and_mappings(bold: Path, tmp_path: Path) -> None:
    data = fdata(bold)
    mask = data[..., 0] > 9
    path = mask_file(tmp_path, "V1.nii.gz", mask)
    expected = data[mask].T.astype("f4")
    cases: list[tuple[Any, str]] = [
        (path, "V1"),
        (str(path), "V1"),
        ([path], "V1"),
        (mask, "mask_1"),
        ({"left": load(path)}, "left"),
    ]
    for masks, name in cases:
        series = bs.extract(bold, masks)
        assert list(series) == [name]
        np.testing.assert_array_equal(series[name], expected)


def test_extract_calls_a_reduction_by_its_file(bold: Path, tmp_path: Path) -> None:
    values = np.where(fdata(bold)[..., 0] > 9, 2, 1)
    atlas = mask_file(tmp_path, "atlas.nii.gz", values)
    mask = mask_file(tmp_path, "V1.nii", values == 2)
    maps = mask_file(tmp_path, "networks.nii.gz", values[..., None] / 2)
    given: list[Any] = [
        bs.Labels(atlas), bs.Voxels(str(mask)), bs.Maps(maps), bs.Labels(values),
        bs.Spheres([(0, 0, 0)], radius=9.0),
    ]  # fmt: skip
    names = ["atlas", "V1", "networks", "mask_4", "mask_5"]
    assert list(bs.extract(bold, given)) == names
    assert list(bs.extract(bold, bs.Labels(load(atlas)))) == ["atlas"]
    with pytest.raises(bs.ParameterError, match="different names, got 'atlas' more than once"):
        bs.extract(bold, [bs.Labels(atlas), bs.Labels(atlas, strategy="sum")])


def test_extract_takes_reductions_in_the_place_of_masks(bold: Path) -> None:
    data = fdata(bold)
    mask = data[..., 0] > 9
    labels = bs.Labels(mask.astype(int), strategy="sum")
    masks: list[tuple[Any, str]] = [(labels, "mask_1"), ([labels], "mask_1"), ({"a": labels}, "a")]
    for given, name in masks:
        (found,) = bs.extract(bold, given).items()
        assert found[0] == name
        np.testing.assert_allclose(found[1].values[:, 0], data[mask].sum(axis=0), rtol=1e-6)
    both = bs.extract(bold, [mask, labels], dtype="float64")
    assert both["mask_1"].dtype == np.float64
    np.testing.assert_array_equal(both["mask_2"].values, found[1].values)


@pytest.mark.parametrize("smoothing", [6, [4.0, None, 8.0], "fast"])
def test_extract_smooths_as_nilearn_does(bold: Path, smoothing: Any) -> None:
    inside = fdata(bold)[..., 0] > 9
    smoothed = smooth_img(bold, smoothing).get_fdata()
    found = bs.extract(bold, inside, smoothing_fwhm=smoothing)["mask_1"]
    np.testing.assert_allclose(found, smoothed[inside].T, rtol=1e-6)


def test_extract_cleans_in_the_order_of_nilearn(bold: Path, rng: np.random.Generator) -> None:
    inside = fdata(bold)[..., 0] > 9
    confounds = rng.normal(size=(12, 2))
    options: dict[str, Any] = {
        "detrend": True,
        "confounds": confounds,
        "sample_mask": np.array([0, 2, 3, 5, 9]),
    }
    found = bs.extract(bold, inside, standardize="zscore_sample", dtype="float64", **options)
    wanted = clean(fdata(bold)[inside].T, standardize="zscore_sample", **options)
    np.testing.assert_allclose(found["mask_1"], wanted, atol=1e-12)


def test_extract_refuses_two_masks_of_one_name(bold: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    masks: list[Any] = [
        mask_file(tmp_path, "V1.nii.gz", np.ones((6, 5, 4))),
        mask_file(tmp_path / "other", "V1.nii.gz", np.ones((6, 5, 4))),
    ]
    with pytest.raises(
        bs.ParameterError, match="`masks` must have different names, got 'V1' more than once"
    ):
        bs.extract(bold, masks)


@pytest.mark.parametrize("none", [[], (), {}])
def test_extract_needs_a_mask(bold: Path, none: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`masks` must hold at least one mask"):
        bs.extract(bold, none)


@pytest.mark.parametrize(
    ("masks", "name"), [(None, "mask_1"), ([None], "mask_1"), ({"a": None}, "a")]
)
def test_extract_names_the_mask_that_is_none(bold: Path, masks: Any, name: str) -> None:
    with pytest.raises(bs.ParameterError, match=f"`masks` must hold masks, got None for '{name}'"):
        bs.extract(bold, masks)


def test_names_that_read_the_same_are_refused(bold: Path) -> None:
    masks: Any = {1: np.ones((6, 5, 4), bool), "1": np.ones((6, 5, 4), bool)}
    with pytest.raises(bs.ParameterError, match="got '1' more than once"):
        bs.extract(bold, masks)


def test_mean_image_is_nilearns(bold: Path) -> None:
    ours = bs.mean_image(bold)
    theirs = mean_img(bold, copy_header=True)
    np.testing.assert_allclose(ours.get_fdata(), theirs.get_fdata(), rtol=1e-6)
    np.testing.assert_array_equal(ours.affine, theirs.affine)


def test_mean_image_of_one_volume_is_the_volume(bold: Path, tmp_path: Path) -> None:
    one = bs.read_volume(bold, 3)
    nib.save(one, tmp_path / "one.nii.gz")
    np.testing.assert_array_equal(
        bs.mean_image(tmp_path / "one.nii.gz").get_fdata(), fdata(bold)[..., 3]
    )


def test_read_volume_counts_from_either_end(bold: Path) -> None:
    data = fdata(bold)
    np.testing.assert_array_equal(bs.read_volume(bold, 0).get_fdata(), data[..., 0])
    np.testing.assert_array_equal(bs.read_volume(bold, -2).get_fdata(), data[..., 10])
    with pytest.raises(bs.ParameterError, match="`t` must be an integer from -12 to 11, got 12"):
        bs.read_volume(bold, 12)


def test_images_are_left_as_they_were_found(bold: Path) -> None:
    image = load(bold)
    bs.extract(image, np.ones((6, 5, 4), bool))
    bs.mean_image([image, image])
    assert not image.in_memory
    image.get_fdata()
    bs.mean_image(image)
    assert image.in_memory


def test_read_volume_with_a_cache_decodes_once(bold: Path, tmp_path: Path) -> None:
    expected = fdata(bold)
    store = bs.Store(tmp_path / "store")
    for t in (3, 0, -1):
        volume = bs.read_volume(bold, t, cache=store)
        np.testing.assert_array_equal(volume.get_fdata(), expected[..., t])
        np.testing.assert_array_equal(volume.affine, AFFINE)
    assert store.stats()["entries"] == 1
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.npy")}
    bs.read_volume(bold, 7, cache=tmp_path / "store")
    bs.read_volume(bold, 7, cache=bs.CacheConfig(folder=tmp_path / "store"))
    assert made == {path: path.stat().st_mtime_ns for path in made}


def test_a_cached_volume_of_a_scaled_file_is_scaled(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    stored = nib.Nifti1Image(rng.integers(0, 99, (4, 3, 2, 5)).astype("i2"), AFFINE)
    stored.header.set_slope_inter(0.37, -4)
    nib.save(stored, tmp_path / "bold.nii.gz")
    ours = bs.read_volume(tmp_path / "bold.nii.gz", 2, cache=tmp_path / "store")
    expected = fdata(tmp_path / "bold.nii.gz")[..., 2].astype("f4")
    np.testing.assert_array_equal(ours.get_fdata(), expected)


def test_a_damaged_image_gives_no_volume_with_or_without_a_cache(
    bold: Path, tmp_path: Path
) -> None:
    whole = bold.read_bytes()
    bold.write_bytes(whole[:-40])
    for cache in (None, tmp_path / "store"):
        with pytest.raises(bs.CorruptImageError):
            bs.read_volume(bold, 0, cache=cache)
    assert bs.Store(tmp_path / "store").stats()["entries"] == 0


@pytest.mark.parametrize("cache", [True, 3, "", b"store"])
def test_a_cache_must_be_a_store_or_a_path(bold: Path, cache: Any) -> None:
    with pytest.raises(bs.ParameterError, match=r"`cache` must be a bs\.Store"):
        bs.read_volume(bold, 0, cache=cache)


def test_runs_are_read_side_by_side(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    paths = [tmp_path / f"run{i}.nii.gz" for i in range(3)]
    for path in paths:
        data = rng.normal(100, 5, (6, 5, 4, 12)).astype("f4")
        nib.Nifti1Image(data, np.eye(4)).to_filename(path)
    reductions = (bs.Mean(), bs.Voxels(np.ones((6, 5, 4), dtype=bool)))
    assert bs.plan(paths, *reductions, n_jobs=2).jobs == 2
    one, two = (bs.stream(paths, *reductions, n_jobs=n) for n in (1, 2))
    np.testing.assert_allclose(one[0], two[0], rtol=1e-6)
    np.testing.assert_array_equal(one[1], two[1])
    with pytest.raises(bs.ParameterError, match="n_jobs"):
        bs.stream(paths, *reductions, n_jobs=0)
