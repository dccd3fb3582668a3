"""Masks, atlases and maps: what they select, on their own grid and on another."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from nilearn.image import resample_to_img

from boldstream.core.errors import GridMismatchError, MaskError, ParameterError, TableError
from boldstream.core.grid import Grid
from boldstream.io.labels import load_labels
from boldstream.io.maps import load_maps
from boldstream.io.masks import load_mask, mask_name
from boldstream.io.opening import open_image
from tests.io.reading import AFFINE, load

SHAPE = (9, 8, 7)
GRID = Grid(SHAPE, AFFINE)


def nilearn_resampled(image: Any, grid: Grid, interpolation: str) -> Any:
    target = nib.Nifti1Image(np.zeros(grid.shape, "f4"), grid.affine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nilearn remarks on headers and binary images
        return resample_to_img(image, target, interpolation=interpolation).get_fdata()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


class TestValues:
    @pytest.mark.parametrize("one", [1, 1.00000006, 0.9999, 255, -1, 3e-5, np.float32(1e30)])
    @pytest.mark.parametrize("outside", ["zero", "nan", "inf", "nearly zero"])
    def test_one_value_beside_zero(self, rng: Any, one: float, outside: str) -> None:
        inside = rng.random(SHAPE) < 0.3
        zero = {"zero": 0, "nan": np.nan, "inf": np.inf, "nearly zero": 1e-6 * one}[outside]
        mask = nib.Nifti1Image(np.where(inside, one, zero).astype("f4"), AFFINE)
        np.testing.assert_array_equal(load_mask(mask, GRID).array, inside)

    @pytest.mark.parametrize("load_any", [load_mask, load_labels, load_maps])
    def test_what_scaling_makes_too_large_is_as_infinite(
        self, rng: Any, tmp_path: Path, load_any: Any
    ) -> None:
        inside = rng.random(SHAPE) < 0.3
        path = tmp_path / "scaled.nii"
        nib.Nifti1Image(np.where(inside, 0.01, 1e308), AFFINE).to_filename(path)
        stored = bytearray(path.read_bytes())
        stored[112:120] = np.array([100, 0], "<f4").tobytes()
        path.write_bytes(stored)
        found = load_any(path, GRID)
        if load_any is load_maps:
            np.testing.assert_array_equal(found.rows, np.flatnonzero(inside.ravel(order="F")))
            np.testing.assert_allclose(found.weights, 1.0, rtol=1e-6)
        else:
            np.testing.assert_array_equal(found.array != 0, inside)

    @pytest.mark.parametrize("dtype", [bool, "u1", "i1", "i2", "f8", "i8"])
    def test_arrays_of_the_images_shape(self, rng: Any, dtype: Any) -> None:
        inside = rng.random(SHAPE) < 0.3
        mask = load_mask(inside.astype(dtype), GRID)
        assert mask.array.dtype == bool
        np.testing.assert_array_equal(mask.array, inside)

    @pytest.mark.parametrize("mask", [5, None, b"mask.nii", ["mask.nii", 5], {"a": "mask.nii"}])
    @pytest.mark.parametrize("load_any", [load_mask, load_labels])
    def test_other_types_are_named_with_their_parameter(self, mask: Any, load_any: Any) -> None:
        name = "mask" if load_any is load_mask else "atlas"
        message = (
            f"^`{name}` must be a path, a nibabel image or an array, got {type(mask).__name__}$"
        )
        with pytest.raises(ParameterError, match=message):
            load_any(mask, GRID)

    def test_values_decoded_from_scaled_integers(self, shared_data: Path) -> None:
        path = shared_data / "rapidtide/preselectmask.nii.gz"
        expected = load(path).get_fdata() > 0.5
        assert 0 < expected.sum() < expected.size
        np.testing.assert_array_equal(load_mask(path).array, expected)

    @pytest.mark.parametrize(
        "name",
        [
            "atlas/MNI6_res-2_WM_mask.nii.gz",
            "odd/f64_binmask.nii.gz",
            "haxby_pymvpa/mask4d.nii.gz",
            "small4d/fsl_av_mask.nii.gz",
        ],
    )
    def test_real_masks(self, shared_data: Path, name: str) -> None:
        data = load(shared_data / name).get_fdata()
        np.testing.assert_array_equal(
            load_mask(shared_data / name).array, data.reshape(data.shape[:3]) != 0
        )

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("rapidtide/sub-RAPIDTIDETEST_nullmask.nii.gz", "is empty"),
            ("haxby_pymvpa/mask4dfail.nii.gz", "one volume, got 2"),
            ("atlas/atlas_aal.nii.gz", "0 and one other value, got 2001, 2002"),
            ("rapidtide/sub-RAPIDTIDETEST_synthseg.nii.gz", "Labels"),
            ("odd/narps_tmap.nii.gz", "one other value"),
        ],
    )
    def test_refused(self, shared_data: Path, name: str, says: str) -> None:
        with pytest.raises(MaskError, match=says) as caught:
            load_mask(shared_data / name)
        assert Path(name).name in str(caught.value)

    def test_only_nan_is_empty(self) -> None:
        with pytest.raises(MaskError, match="empty"):
            load_mask(np.full(SHAPE, np.nan), GRID, name="left")

    @pytest.mark.parametrize(
        ("mask", "error"),
        [
            (np.ones((9, 8, 6)), MaskError),
            (np.ones(SHAPE, complex), ParameterError),
            (7, ParameterError),
        ],
    )
    def test_other_things(self, mask: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            load_mask(mask, GRID)

    def test_an_array_needs_a_grid(self) -> None:
        with pytest.raises(ParameterError, match="no affine"):
            load_mask(np.ones(SHAPE))

    def test_the_mask_is_not_changed(self, rng: Any) -> None:
        data = np.where(rng.random(SHAPE) < 0.5, np.nan, 1)
        image = nib.Nifti1Image(data, AFFINE)
        load_mask(image, Grid((5, 5, 5), np.diag([4.0, 4, 4, 1])), resample="mask")
        assert np.isnan(data).any()
        assert image._fdata_cache is None


class TestGrids:
    def test_another_grid_names_both(self, rng: Any) -> None:
        mask = nib.Nifti1Image(np.ones((3, 4, 5), "u1"), np.diag([2.0, 2, 2, 1]))
        with pytest.raises(GridMismatchError) as caught:
            load_mask(mask, GRID)
        for part in ("(3, 4, 5)", "(9, 8, 7)", "[2 0 0 0;", "[-3 0 0 12;", 'resample="mask"'):
            assert part in str(caught.value)

    @pytest.mark.parametrize("resample", ["image", "Mask", True, ""])
    def test_resample_is_none_or_mask(self, resample: Any) -> None:
        with pytest.raises(ParameterError, match="`resample` must be None or 'mask'"):
            load_mask(np.ones(SHAPE), GRID, resample=resample)

    @given(
        zooms=st.tuples(*[st.sampled_from([-4.0, -1.5, 1.0, 2.0, 3.0])] * 3),
        origin=st.tuples(*[st.integers(-12, 12)] * 3),
        shear=st.sampled_from([0.0, 0.25]),
        seed=st.integers(0, 9),
    )
    def test_nearest_is_nilearns(
        self, zooms: tuple[float, ...], origin: tuple[int, ...], shear: float, seed: int
    ) -> None:
        affine = np.diag([*zooms, 1.0])
        affine[:3, 3] = origin
        affine[0, 1] = shear
        mask = nib.Nifti1Image(
            (np.random.default_rng(seed).random((8, 9, 10)) < 0.5).astype("u1"), affine
        )
        try:
            expected = nilearn_resampled(mask, GRID, "nearest") != 0
        except ValueError:  # nilearn refuses boxes that do not overlap, or only touch
            reject()
        if expected.any():
            np.testing.assert_array_equal(load_mask(mask, GRID, resample="mask").array, expected)
        else:
            with pytest.raises(MaskError, match="no voxel left"):
                load_mask(mask, GRID, resample="mask")

    def test_a_voxel_where_two_grids_touch_is_found(self) -> None:
        mask, corner = np.zeros((4, 3, 3), "u1"), AFFINE @ [8, 0, 0, 1]
        mask[3, 0, 0] = 1
        affine = np.diag([-4.0, 1, -4, 1])
        affine[:3, 3] = corner[:3] + np.array([12, 0, 0])
        image = nib.Nifti1Image(mask, affine)
        found = load_mask(image, GRID, resample="mask").array
        assert np.argwhere(found).tolist() == [[8, 0, 0]]

    def test_a_mask_out_of_reach(self) -> None:
        far = np.eye(4)
        far[:3, 3] = 1000
        with pytest.raises(MaskError, match="no voxel left"):
            load_mask(nib.Nifti1Image(np.ones((3, 3, 3), "u1"), far), GRID, resample="mask")

    @pytest.mark.parametrize("image", ["rapidtide/sub-RAPIDTIDETEST_brainmask.nii.gz"])
    def test_real_masks_and_atlas_on_a_real_grid(self, shared_data: Path, image: str) -> None:
        grid = open_image(shared_data / image).series.grid
        path = shared_data / "atlas/MNI6_res-2_WM_mask.nii.gz"
        np.testing.assert_array_equal(
            load_mask(path, grid, resample="mask").array,
            nilearn_resampled(load(path), grid, "nearest") != 0,
        )
        path = shared_data / "atlas/atlas_aal.nii.gz"
        atlas = load_labels(path, grid, resample="mask")
        np.testing.assert_array_equal(atlas.array, nilearn_resampled(load(path), grid, "nearest"))
        assert len(atlas.labels) == len(np.unique(load(path).get_fdata())) - 1


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("masks/left.nii.gz", "left"),
        (Path("a/b.c_mask.nii"), "b.c_mask"),
        ("x+orig.HEAD", "x+orig"),
        ("m.img", "m"),
    ],
)
def test_names_of_masks(path: Any, name: str) -> None:
    assert mask_name(path) == name


def test_masks_without_a_file_have_no_name() -> None:
    assert mask_name(np.ones(SHAPE)) is None
    assert mask_name(nib.Nifti1Image(np.ones(SHAPE), AFFINE)) is None


class TestLabels:
    def test_labels_that_vanish_keep_their_place(self) -> None:
        data = np.zeros((18, 16, 14), "i4")
        data[0, 0, 0], data[8, 8, 6], data[1, 1, 1] = 70_000, -2, 5
        fine = Grid(data.shape, AFFINE @ np.diag([0.5, 0.5, 0.5, 1]))
        atlas = load_labels(nib.Nifti1Image(data, fine.affine), GRID, resample="mask")
        assert atlas.labels.tolist() == [-2, 5, 70_000]
        assert atlas.names == ("-2", "5", "70000")
        assert 5 not in atlas.array

    def test_nearly_whole_numbers_are_rounded_and_nan_is_background(self) -> None:
        data = np.zeros(SHAPE)
        data[0, 0, :3] = 3.0004, np.nan, 8.9996
        atlas = load_labels(data, GRID)
        assert atlas.labels.tolist() == [3, 9]
        assert atlas.array[0, 0].tolist() == [3, 0, 9, 0, 0, 0, 0]

    @pytest.mark.parametrize(
        ("value", "says"), [(0.5, "must hold whole numbers.*got 0.5.*Maps"), (0, "is empty")]
    )
    def test_refused(self, value: float, says: str) -> None:
        data = np.zeros(SHAPE)
        data[4, 4, 4] = value
        with pytest.raises(MaskError, match=says):
            load_labels(data, GRID)

    def test_atlas_out_of_reach(self) -> None:
        far = np.eye(4)
        far[:3, 3] = 1000
        with pytest.raises(MaskError, match="no voxel left"):
            load_labels(nib.Nifti1Image(np.ones((3, 3, 3), "u1"), far), GRID, resample="mask")

    def test_names_from_a_table(self, shared_data: Path) -> None:
        path = shared_data / "atlas/atlas_aal.nii.gz"
        grid = open_image(path).series.grid
        atlas = load_labels(path, grid, names=shared_data / "atlas/labels_aal.csv")
        named = dict(zip(atlas.labels.tolist(), atlas.names, strict=True))
        assert named[2001] == "Precentral_L"
        assert len(named) == len(np.unique(np.asarray(load(path).dataobj))) - 1

    def test_the_table_of_bids_beside_the_atlas(self, tmp_path: Path) -> None:
        data = np.zeros(SHAPE, "i2")
        data[0, 0, :2] = 1, 2
        nib.save(nib.Nifti1Image(data, AFFINE), tmp_path / "x_dseg.nii.gz")
        (tmp_path / "x_dseg.tsv").write_text("index\tname\tcolor\n1\tV1\tred\n")
        assert load_labels(tmp_path / "x_dseg.nii.gz", GRID).names == ("V1", "2")

    @pytest.mark.parametrize("table", ["atlas.tsv", "atlas_labels.tsv"])
    @pytest.mark.parametrize("image", ["atlas.nii", "atlas.nii.gz"])
    def test_a_table_of_names_beside_any_atlas(
        self, tmp_path: Path, image: str, table: str
    ) -> None:
        data = np.zeros(SHAPE, "i2")
        data[0, 0, :2] = 1, 2
        nib.save(nib.Nifti1Image(data, AFFINE), tmp_path / image)
        (tmp_path / table).write_text("index\tname\n1\tV1\n2\tV2\n")
        assert load_labels(tmp_path / image, GRID).names == ("V1", "V2")
        given = load_labels(tmp_path / image, GRID, names={1: "A", 2: "B"})
        assert given.names == ("A", "B")
        # As time courses that were written beside the atlas.
        (tmp_path / table).write_text("V1\tV2\n0.5\t0.7\n")
        assert load_labels(tmp_path / image, GRID).names == ("1", "2")

    @pytest.mark.parametrize("dtype", ["u4", "i8", "u8", "f8"])
    def test_labels_beyond_31_bits(self, dtype: str) -> None:
        data = np.zeros(SHAPE, dtype)
        data[0, 0, :2] = 7, 3_000_000_000
        found = load_labels(data, GRID)
        assert found.labels.tolist() == [7, 3_000_000_000]
        np.testing.assert_array_equal(found.array, data)

    @pytest.mark.parametrize("value", [np.uint64(2**63), 1e19, np.float32(-1e30)])
    def test_labels_beyond_63_bits(self, value: Any) -> None:
        with pytest.raises(MaskError, match="must hold labels from -9223372036854775808 to"):
            load_labels(np.full(SHAPE, value), GRID)

    @pytest.mark.parametrize("names", [{"V1": 1}, ["V1"], {1.5: "V1"}, 3])
    def test_names_must_be_a_mapping_or_a_table(self, names: Any) -> None:
        with pytest.raises(ParameterError, match="`names` must map whole numbers to names"):
            load_labels(np.ones(SHAPE, int), GRID, names=names)

    def test_a_table_with_a_bad_index(self, tmp_path: Path) -> None:
        (tmp_path / "names.tsv").write_text("index\tname\n1\tV1\none\tV2\n")
        with pytest.raises(TableError, match=r"names\.tsv, line 3: `index` must be.*'one'"):
            load_labels(np.ones(SHAPE, int), GRID, names=tmp_path / "names.tsv")


class TestMaps:
    @pytest.fixture
    def maps(self, rng: Any) -> Any:
        data = rng.normal(size=(8, 9, 10, 4)) * (rng.random((8, 9, 10, 4)) < 0.2)
        data[..., 2] = 0
        return nib.Nifti1Image(data.astype("f4"), AFFINE)

    def test_weights_where_any_map_has_one(self, maps: Any) -> None:
        data = np.asarray(maps.dataobj)
        found = load_maps(maps, Grid((8, 9, 10), AFFINE))
        assert found.weights.dtype == np.float32
        assert found.names == ("map_1", "map_2", "map_3", "map_4")
        flat = data.reshape(-1, 4, order="F")
        np.testing.assert_array_equal(found.rows, np.flatnonzero(flat.any(axis=1)))
        np.testing.assert_array_equal(found.weights, flat[found.rows])

    @pytest.mark.parametrize("dtype", ["f4", "f8"])
    def test_linear_is_nilearns(self, maps: Any, dtype: str) -> None:
        maps = nib.Nifti1Image(maps.get_fdata().astype(dtype), AFFINE)
        grid = Grid((7, 7, 7), AFFINE @ np.diag([0.8, 1.1, 1.3, 1]))
        found = load_maps(maps, grid, resample="mask")
        expected = nilearn_resampled(maps, grid, "linear").reshape(-1, 4, order="F")
        dense = np.zeros_like(expected)
        dense[found.rows] = found.weights
        np.testing.assert_array_equal(dense, expected)
        assert found.weights.any(axis=1).all()

    def test_nan_counts_as_zero(self, maps: Any) -> None:
        data = maps.get_fdata().copy()
        hole = np.argwhere(data)[0]
        clean = data.copy()
        data[tuple(hole)], clean[tuple(hole)] = np.nan, 0
        grid = Grid((8, 9, 10), AFFINE)
        with_nan, without = (load_maps(nib.Nifti1Image(d, AFFINE), grid) for d in (data, clean))
        np.testing.assert_array_equal(with_nan.weights, without.weights)
        np.testing.assert_array_equal(with_nan.rows, without.rows)

    def test_without_weights(self) -> None:
        with pytest.raises(MaskError, match="no weight"):
            load_maps(nib.Nifti1Image(np.zeros((*SHAPE, 2), "f4"), AFFINE), GRID)

    def test_another_grid(self, maps: Any) -> None:
        with pytest.raises(GridMismatchError, match="`maps`"):
            load_maps(maps, GRID)
