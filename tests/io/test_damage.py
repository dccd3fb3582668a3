"""Truncated, damaged and misnamed files never give a result."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from boldstream.core.errors import CorruptImageError, ImageFileError, MemoryBudgetError
from boldstream.io.opening import open_image
from tests.fuzz.guard import guarded
from tests.io.reading import read_all, saved

REAL = "haxby_pymvpa/haxby2001/sub001/BOLD/task001_run001/bold_25mm.nii.gz"
# A gzip header without a name; every later byte is checked by the decoder.
GZIP_HEADER = 10


@pytest.fixture
def real(shared_data: Path) -> bytes:
    """A real image, compressed again without a name in its header."""
    return gzip.compress(gzip.decompress((shared_data / REAL).read_bytes()), mtime=0)


@pytest.mark.parametrize("decoder", ["isal", "stdlib"])
def test_truncation_anywhere_raises(
    real: bytes, tmp_path: Path, decoder: str, without_isal: Callable[[], None]
) -> None:
    if decoder == "stdlib":
        without_isal()
    cuts = np.random.default_rng(0).integers(0, len(real), 50)
    path = tmp_path / "cut.nii.gz"
    for cut in (*cuts, len(real) - 1):
        path.write_bytes(real[:cut])
        # nibabel does not say why it found no header in the first bytes.
        with pytest.raises(ImageFileError, match=r"cut\.nii\.gz") as caught:
            read_all(path)
        assert cut < 1000 or isinstance(caught.value, CorruptImageError)


@pytest.mark.parametrize("decoder", ["isal", "stdlib"])
def test_bit_flips_raise(
    real: bytes, tmp_path: Path, decoder: str, without_isal: Callable[[], None]
) -> None:
    if decoder == "stdlib":
        without_isal()
    rng = np.random.default_rng(1)
    path = tmp_path / "flipped.nii.gz"
    for at in rng.integers(GZIP_HEADER, len(real), 50):
        damaged = bytearray(real)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(ImageFileError, match=r"flipped\.nii\.gz"):
            read_all(path)


def test_stdlib_gzip_stands_in_and_says_so(
    real: bytes, tmp_path: Path, without_isal: Callable[[], None]
) -> None:
    path = tmp_path / "bold.nii.gz"
    path.write_bytes(real)
    by_isal = read_all(path)
    assert open_image(path).reads[0].how == "decoded once by isal"
    without_isal()
    assert "isal is not installed" in open_image(path).reads[0].how
    np.testing.assert_array_equal(read_all(path), by_isal)


@pytest.mark.parametrize("name", ["a.nii", "a.img"])
def test_truncated_uncompressed_file_is_refused_on_opening(tmp_path: Path, name: str) -> None:
    kind = nib.Nifti1Image if name == "a.nii" else nib.Nifti1Pair
    path = saved(tmp_path / name, np.ones((4, 5, 6, 3), "f4"), kind)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CorruptImageError, match="its header asks for"):
        open_image(path)


@pytest.mark.parametrize("ending", ["img", "img.gz"])
def test_data_before_the_start_of_a_file_are_refused(tmp_path: Path, ending: str) -> None:
    path = saved(tmp_path / f"a.{ending}", np.ones((4, 5, 6, 3), "f4"), nib.Nifti1Pair)
    header = path.with_name(f"a.{ending.replace('img', 'hdr')}")
    with nib.openers.ImageOpener(str(header)) as file:
        whole = bytearray(file.read())
    whole[108:112] = np.array(-5, "<f4").tobytes()
    with nib.openers.ImageOpener(str(header), "wb") as file:
        file.write(bytes(whole))
    with pytest.raises(CorruptImageError, match=r"a\.img.* the data start 5 bytes before the file"):
        open_image(path)


def test_a_file_cut_between_opening_and_reading_raises(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii", np.ones((40, 50, 6, 3), "f4"))
    source = open_image(path)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(CorruptImageError, match=r"a\.nii"):
        list(source.blocks(2))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nii.bz2"])
def test_extra_bytes_are_accepted(tmp_path: Path, name: str) -> None:
    data = np.arange(4 * 5 * 6 * 3, dtype="i2").reshape(4, 5, 6, 3)
    plain = saved(tmp_path / "plain.nii", data).read_bytes() + b"more" * 70_000
    path = tmp_path / name
    with nib.openers.ImageOpener(str(path), "wb") as file:
        file.write(plain)
    np.testing.assert_array_equal(read_all(path)[2], data[..., 2].ravel("F"))


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_a_header_that_claims_a_thousand_billion_voxels(tmp_path: Path, ending: str) -> None:
    header = nib.Nifti2Header()
    header.set_data_shape((10_000, 10_000, 10_000))
    header["vox_offset"] = 544
    path = tmp_path / f"huge.{ending}"
    with nib.openers.ImageOpener(str(path), "wb") as file:
        header.write_to(file)
        file.write(bytes(100))
    with pytest.raises(CorruptImageError, match="its header asks for"):
        open_image(path)


def test_files_that_are_no_images(tmp_path: Path) -> None:
    link = tmp_path / "annexed.nii.gz"
    link.symlink_to("../.git/annex/objects/xx/yy/MD5E-s1--0.nii.gz")
    (tmp_path / "dangling.nii").symlink_to("nowhere.nii")
    (tmp_path / "pointer.nii").write_text("/annex/objects/MD5E-s1--0.nii\n")
    (tmp_path / "folder.nii").mkdir()
    saved(tmp_path / "bold.nii.gz", np.ones((2, 2, 2), "f4")).rename(tmp_path / "zipped.nii")
    saved(tmp_path / "plain.nii", np.ones((2, 2, 2), "f4")).rename(tmp_path / "plain.nii.gz")
    for name, says in {
        "annexed.nii.gz": "datalad get",
        "dangling.nii": r"link to nowhere\.nii, which does not exist",
        "pointer.nii": "datalad get",
        "folder.nii": "is a folder",
        "zipped.nii": r"must end in \.nii\.gz",
        "plain.nii.gz": "not compressed by gzip",
        "zippd.nii": "does not exist; did you mean 'zipped.nii'",
    }.items():
        with pytest.raises(ImageFileError, match=says) as caught:
            open_image(tmp_path / name)
        assert name in str(caught.value)


def test_wildcards_are_not_expanded_and_it_is_said(tmp_path: Path) -> None:
    saved(tmp_path / "run-1.nii", np.ones((2, 2, 2), "f4"))
    pattern = str(tmp_path / "run-*.nii")
    with pytest.raises(ImageFileError, match="wildcards are not expanded") as caught:
        open_image(pattern)
    assert f"sorted(glob.glob({pattern!r}))" in str(caught.value)
    with pytest.raises(
        ImageFileError, match=r"rum-\*.nii does not exist; did you mean 'run-1.nii'"
    ):
        open_image(tmp_path / "rum-*.nii")


def test_half_of_a_pair_names_what_is_missing(tmp_path: Path) -> None:
    saved(tmp_path / "a.img", np.ones((2, 2, 2), "f4"), nib.Nifti1Pair)
    (tmp_path / "a.img").unlink()
    with pytest.raises(ImageFileError, match=r"a\.img does not exist"):
        open_image(tmp_path / "a.hdr")


@pytest.mark.parametrize("ending", ["hdr", "hdr.gz"])
def test_a_header_that_claims_more_extensions_than_there_is_memory(
    tmp_path: Path, ending: str
) -> None:
    image = tmp_path / f"a.{ending.replace('hdr', 'img')}"
    header = saved(image, np.ones((2, 2, 2), "f4"), nib.Nifti1Pair).with_name(f"a.{ending}")
    with nib.openers.ImageOpener(str(header)) as file:
        whole = file.read(348)
    with nib.openers.ImageOpener(str(header), "wb") as file:
        file.write(whole + b"\1\0\0\0" + np.array([1 << 30, 4], "i4").tobytes() + bytes(64))
    with guarded(most_bytes=512 << 20), pytest.raises(MemoryBudgetError, match="more memory than"):
        open_image(image)
