"""Images of all kinds in, volumes out, and nothing left behind."""

from __future__ import annotations

import io
import pickle
import threading
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.spatialimages import SpatialImage

from boldstream.core.errors import (
    GridMismatchError,
    ImageFileError,
    ParameterError,
    UnsupportedImageError,
)
from boldstream.io.opening import open_image
from tests.io.reading import AFFINE, as_rows, load, read_all, saved

KINDS = {
    "nifti1": (nib.Nifti1Image, ".nii"),
    "nifti1 gz": (nib.Nifti1Image, ".nii.gz"),
    "nifti1 bz2": (nib.Nifti1Image, ".nii.bz2"),
    "nifti2 gz": (nib.Nifti2Image, ".nii.gz"),
    "pair": (nib.Nifti1Pair, ".img"),
    "pair gz": (nib.Nifti1Pair, ".img.gz"),
    "analyze": (nib.AnalyzeImage, ".img"),
    "spm99": (nib.Spm99AnalyzeImage, ".img"),
    "spm2 gz": (nib.Spm2AnalyzeImage, ".img.gz"),
    "mgz": (nib.MGHImage, ".mgz"),
}


@pytest.fixture
def data() -> Any:
    return np.random.default_rng(0).integers(-300, 3000, (4, 5, 6, 7)).astype("i2")


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_that_nibabel_writes(tmp_path: Path, data: Any, kind: str) -> None:
    make, ending = KINDS[kind]
    path = saved(tmp_path / f"a{ending}", data, make)
    expected = as_rows(load(path).get_fdata())
    np.testing.assert_array_equal(as_rows(data), expected)
    for size in (1, 3, 1000):
        np.testing.assert_array_equal(read_all(path, size), expected)
    np.testing.assert_array_equal(read_all(load(path)), expected)
    if ".img" in ending:
        by_header = path.with_name(path.name.replace(".img", ".hdr"))
        np.testing.assert_array_equal(read_all(by_header), expected)


@given(
    shape=st.lists(st.integers(1, 5), min_size=3, max_size=4).map(tuple),
    dtype=st.sampled_from(["u1", "i2", ">i2", "u2", "i4", ">f4", "f4", "f8", "i8", "u8"]),
    scaling=st.sampled_from([None, (1, 0), (0.25, 0), (-3.5, 17), (1e-5, 1e4)]),
    ending=st.sampled_from([".nii", ".nii.gz"]),
    volumes=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[int, ...],
    dtype: str,
    scaling: tuple[float, float] | None,
    ending: str,
    volumes: int,
    seed: int,
) -> None:
    stored = np.random.default_rng(seed).integers(0, 120, shape).astype(dtype)
    header = nib.Nifti1Header(endianness=">" if dtype.startswith(">") else "<")
    header.set_data_dtype(stored.dtype)
    image = nib.Nifti1Image(stored, AFFINE, header)
    if scaling is not None:
        image.header.set_slope_inter(*scaling)
    path = tmp_path_factory.mktemp("round") / f"a{ending}"
    nib.save(image, path)
    np.testing.assert_array_equal(
        read_all(path, volumes), as_rows(load(path).get_fdata(dtype=np.float64))
    )


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["bool", "i8", "f2", "f8", ">f4"])
def test_arrays_in_memory(data: Any, order: Any, dtype: str) -> None:
    array = np.array(data > 0 if dtype == "bool" else data, dtype=dtype, order=order)
    image = SpatialImage(array, AFFINE)
    source = open_image(image)
    np.testing.assert_array_equal(read_all(image), as_rows(array.astype("f8")))
    (block,) = source.blocks(1000)
    assert np.shares_memory(block.data, array) == (order == "F")
    assert source.reads[0].how == "in memory"


def test_complex_arrays_are_refused_whatever_the_header_says(data: Any) -> None:
    image = nib.Nifti1Image(data + 1j, AFFINE)
    image.set_data_dtype("f4")
    with pytest.raises(UnsupportedImageError, match="complex"):
        open_image(image)


def test_proxy_over_bytes(data: Any) -> None:
    image = nib.Nifti1Image(data, AFFINE)
    image.header.set_slope_inter(0.5, 3)
    image = nib.Nifti1Image.from_bytes(image.to_bytes())
    assert open_image(image).reads[0].how == "sliced by nibabel"
    np.testing.assert_array_equal(read_all(image), as_rows(image.get_fdata()))


def test_truncated_bytes_raise(data: Any) -> None:
    whole = nib.Nifti1Image(data, AFFINE).to_bytes()
    image = nib.Nifti1Image.from_stream(io.BytesIO(whole[:-10]))
    with pytest.raises(OSError, match="the image in memory"):
        read_all(image)


def test_afni_factors_of_volumes(tmp_path: Path, shared_data: Path) -> None:
    head = (shared_data / "odd/example4d+orig.HEAD").read_text()
    at = head.index("name  = BRICK_FLOAT_FACS")
    factors = head[at:].split("\n\n")[0]
    changed = factors[: factors.index("\n", factors.index("count"))] + "\n 0.5 0.5 0.25"
    (tmp_path / "a+orig.HEAD").write_text(head.replace(factors, changed))
    brik = (shared_data / "odd/example4d+orig.BRIK.gz").read_bytes()
    (tmp_path / "a+orig.BRIK.gz").write_bytes(brik)
    expected = as_rows(load(tmp_path / "a+orig.HEAD").get_fdata())
    blocks = list(open_image(tmp_path / "a+orig.HEAD").blocks(1000))
    assert [(len(block.data), block.scaling.slope) for block in blocks] == [(2, 0.5), (1, 0.25)]
    np.testing.assert_array_equal(read_all(tmp_path / "a+orig.BRIK.gz"), expected)


@pytest.mark.parametrize(
    ("shape", "volumes", "space"),
    [
        ((4, 5, 1), 1, (4, 5, 1)),
        ((4, 5, 6, 1), 1, (4, 5, 6)),
        ((4, 5, 6, 1, 1), 1, (4, 5, 6)),
        ((4, 5, 6, 1, 8), 8, (4, 5, 6)),
        ((4, 5, 6, 8, 1, 1), 8, (4, 5, 6)),
    ],
)
def test_dimensions_of_one(
    tmp_path: Path, shape: tuple[int, ...], volumes: int, space: tuple[int, ...]
) -> None:
    stored = np.arange(np.prod(shape), dtype="i4").reshape(shape)
    path = saved(tmp_path / "a.nii.gz", stored)
    series = open_image(path).series
    assert (series.n_volumes, series.grid.shape, series.run_lengths) == (volumes, space, (volumes,))
    np.testing.assert_array_equal(read_all(path), as_rows(load(path).get_fdata()))
    np.testing.assert_array_equal(read_all(nib.Nifti1Image(stored, AFFINE)), read_all(path))


@pytest.mark.parametrize("shape", [(4,), (4, 5), (4, 5, 6, 2, 2), (4, 0, 6), (4, 5, 6, 0)])
def test_shapes_that_are_no_volumes(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnsupportedImageError, match="image in memory"):
        open_image(nib.Nifti1Image(np.zeros(shape, "f4"), AFFINE))


@pytest.mark.parametrize(
    ("unit", "tr"), [("sec", 2.5), ("msec", 0.0025), ("usec", 2.5e-6), ("hz", None)]
)
def test_units_of_time(unit: str, tr: float | None, data: Any) -> None:
    image = nib.Nifti1Image(data, AFFINE)
    image.header.set_zooms((3, 3, 3, 2.5))
    image.header.set_xyzt_units("mm", unit)
    assert open_image(image).series.tr == (None if tr is None else pytest.approx(tr))


def test_an_unknown_unit_of_time(tmp_path: Path, data: Any) -> None:
    image = nib.Nifti1Image(data, AFFINE)
    image.header["xyzt_units"] = 63
    nib.save(image, tmp_path / "a.nii")
    assert open_image(tmp_path / "a.nii").series.tr is None
    np.testing.assert_array_equal(read_all(tmp_path / "a.nii"), as_rows(data))


@pytest.mark.parametrize("row", [0, 2])
def test_a_flat_affine_is_refused(tmp_path: Path, data: Any, row: int) -> None:
    header = load(saved(tmp_path / "a.nii", data)).header
    header["srow_" + "xyz"[row]] = 0
    path = tmp_path / "flat.nii"
    path.write_bytes(header.binaryblock + bytes(4) + data.tobytes("F"))
    with pytest.raises(UnsupportedImageError, match=r"flat\.nii must have an affine that gives"):
        open_image(path)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_half_a_pair(tmp_path: Path, data: Any, ending: str) -> None:
    path = saved(tmp_path / f"a.img{ending}", data, nib.AnalyzeImage)
    header = path.with_name(f"a.hdr{ending}")
    header.rename(tmp_path / "b.hdr")
    with pytest.raises(ImageFileError, match=rf"a\.img.* must have its header .*{header.name}"):
        open_image(path)


def test_the_home_of_nobody_does_not_exist() -> None:
    with pytest.raises(ImageFileError, match=r"~nobody-here/a\.nii does not exist"):
        open_image("~nobody-here/a.nii")


class TestLists:
    def test_volumes_make_one_run(self, tmp_path: Path, data: Any) -> None:
        paths = [saved(tmp_path / f"{t}.nii.gz", data[..., t]) for t in range(7)]
        source = open_image(paths)
        assert source.series.run_lengths == (7,)
        assert source.series.name == f"{paths[0]} and 6 more"
        np.testing.assert_array_equal(read_all(paths), as_rows(data))

    def test_runs_keep_their_bounds(self, tmp_path: Path, data: Any) -> None:
        zipped = saved(tmp_path / "a.nii.gz", data)
        plain = saved(tmp_path / "b.nii", data[..., :4].astype("f4"))
        # A run of one volume, stored with four dimensions, is a run all the same.
        single = nib.Nifti1Image(data[..., :1], AFFINE)
        images = [zipped, plain, zipped, single]
        source = open_image(images)
        assert source.series.run_lengths == (7, 4, 7, 1)
        assert source.series.dtype == np.float32
        blocks = [(block.run, block.start, len(block.data)) for block in source.blocks(5)]
        assert blocks == [(0, 0, 5), (0, 5, 2), (1, 7, 4), (2, 11, 5), (2, 16, 2), (3, 18, 1)]
        expected = as_rows(np.concatenate([data, data[..., :4], data, data[..., :1]], axis=3))
        np.testing.assert_array_equal(read_all(images), expected)

    def test_each_file_keeps_its_scaling(self, tmp_path: Path, data: Any) -> None:
        paths = []
        for t, slope in enumerate([0.5, 2.0, 1.0]):
            image = nib.Nifti1Image(data[..., t], AFFINE)
            image.header.set_slope_inter(slope, t)
            nib.save(image, tmp_path / f"beta_{t}.nii")
            paths.append(tmp_path / f"beta_{t}.nii")
        expected = np.array([as_rows(load(path).get_fdata())[0] for path in paths])
        np.testing.assert_array_equal(read_all(paths), expected)

    def test_mixed_names_both_kinds(self, tmp_path: Path, data: Any) -> None:
        volume = saved(tmp_path / "volume.nii", data[..., 0])
        run = saved(tmp_path / "run.nii", data)
        with pytest.raises(ParameterError, match=r"volume\.nii is 3-D.*run\.nii is 4-D"):
            open_image([run, volume])

    def test_grids_must_agree(self, tmp_path: Path, data: Any) -> None:
        first = saved(tmp_path / "first.nii", data)
        nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "other.nii")
        with pytest.raises(GridMismatchError, match=r"(?s)other\.nii.*first\.nii"):
            open_image([first, tmp_path / "other.nii"])

    @pytest.mark.parametrize("image", [[], 7, None, [["a.nii"]], np.zeros((2, 2, 2))])
    def test_what_is_no_image(self, image: Any) -> None:
        with pytest.raises(ParameterError, match="`image` must"):
            open_image(image)

    def test_many_files_need_few_descriptors(self, tmp_path: Path, data: Any) -> None:
        paths = [saved(tmp_path / f"{t}.nii", data[..., 0]) for t in range(40)]
        source = open_image([*paths, *paths])
        before = len(open_files())
        most = max(len(open_files()) for _ in source.blocks(4))
        assert most - before <= 4


class TestImagesAreLeftAlone:
    """Rows N1 to N9: caches as they were, edits seen, files untouched."""

    def test_proxy_stays_a_proxy(self, tmp_path: Path, data: Any) -> None:
        image = load(saved(tmp_path / "a.nii.gz", data))
        read_all(image)
        assert not image.in_memory
        assert image._fdata_cache is None

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_edited_cache_is_what_is_read(self, tmp_path: Path, data: Any, dtype: Any) -> None:
        path = saved(tmp_path / "a.nii", data)
        image = load(path)
        cache = image.get_fdata(dtype=dtype)
        cache[0, 0, 0] = -1234
        expected = cache.copy()
        np.testing.assert_array_equal(read_all(image), as_rows(expected))
        assert image._fdata_cache is cache
        np.testing.assert_array_equal(cache, expected)
        image.uncache()
        np.testing.assert_array_equal(read_all(image), as_rows(data))

    def test_array_image_is_not_cached(self, data: Any) -> None:
        image = nib.Nifti1Image(data.copy(), AFFINE)
        read_all(image)
        assert image._fdata_cache is None
        np.testing.assert_array_equal(np.asarray(image.dataobj), data)

    def test_blocks_of_a_mapped_file_cannot_be_written(self, tmp_path: Path, data: Any) -> None:
        path = saved(tmp_path / "a.nii", data)
        for block in open_image(path).blocks(2):
            assert not block.data.flags.writeable

    def test_sources_and_images_pickle(self, tmp_path: Path, data: Any) -> None:
        path = saved(tmp_path / "a.nii.gz", data)
        source = pickle.loads(pickle.dumps(open_image(path)))
        np.testing.assert_array_equal(read_all(source), as_rows(data))
        image = load(path)
        read_all(image)
        assert pickle.loads(pickle.dumps(image)).shape == image.shape


def open_files() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def decoders() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("boldstream")]


class TestNothingIsLeft:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        rng = np.random.default_rng(0)
        found: Path = saved(tmp_path / "a.nii.gz", rng.normal(size=(30, 30, 30, 20)).astype("f4"))
        return found

    def test_closing_early(self, path: Path) -> None:
        before = open_files()
        blocks = open_image([path, path]).blocks(2)
        next(blocks)
        assert decoders()
        blocks.close()
        assert not decoders()
        assert open_files() == before

    def test_dropping_without_closing(self, path: Path) -> None:
        blocks = open_image(path).blocks(2)
        next(blocks)
        del blocks
        assert not decoders()

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_an_error_in_the_consumer(self, path: Path, error: type[BaseException]) -> None:
        def consume() -> None:
            for block in open_image(path).blocks(2):
                if block.start == 4:
                    raise error

        with pytest.raises(error):
            consume()
        assert not decoders()

    def test_a_whole_pass(self, path: Path) -> None:
        before = open_files()
        read_all([path, path])
        assert not decoders()
        assert open_files() == before

    def test_a_block_in_use_is_not_written_to(self, path: Path) -> None:
        for block in open_image(path).blocks(3):
            seen = block.data.copy()
            # Time for the thread to decode all that it may.
            threading.Event().wait(0.02)
            np.testing.assert_array_equal(block.data, seen)
