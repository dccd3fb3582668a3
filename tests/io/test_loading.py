"""Images are loaded as nibabel loads them, and no file of theirs is left open."""

from __future__ import annotations

import gc
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import boldstream as bs
from boldstream.io.describing import describe_image
from boldstream.io.loading import load_image

DATA = np.arange(2 * 3 * 4 * 5, dtype="f4").reshape(2, 3, 4, 5)
PAR = "odd/phantom_EPI_asc_CLEAR_2_1.PAR"


@contextmanager
def nothing_left_open() -> Iterator[None]:
    """Fails where a file is closed by nobody before the garbage collector comes by."""
    gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
        gc.collect()
    left = [str(one.message) for one in told if one.category is ResourceWarning]
    assert left == []


def mgh(folder: Path, ending: str) -> Path:
    path = folder / f"a{ending}"
    nib.MGHImage(DATA, np.diag([3.0, 3.0, 3.0, 1.0])).to_filename(path)
    return path


def par(folder: Path, shared_data: Path) -> Path:
    source = shared_data / PAR
    for file in (source, source.with_suffix(".REC")):
        shutil.copy(file, folder / f"a{file.suffix}")
    return folder / "a.PAR"


def check_as_nibabel(path: Path) -> None:
    with warnings.catch_warnings():
        # That of nibabel's own image is not closed.
        warnings.simplefilter("ignore", ResourceWarning)
        wanted: Any = nib.load(path)
        values = np.asarray(wanted.dataobj)
        affine, header, files = wanted.affine, wanted.header, wanted.file_map
        kind, proxy = type(wanted), type(wanted.dataobj)
        del wanted
        gc.collect()
    with nothing_left_open():
        found = load_image(path)
        assert (type(found), type(found.dataobj)) == (kind, proxy)
        np.testing.assert_array_equal(found.dataobj, values)
        np.testing.assert_array_equal(found.dataobj[..., 1], values[..., 1])
        np.testing.assert_array_equal(found.affine, affine)
        assert found.header == header
        assert found.header.get_zooms() == header.get_zooms()
        assert {name: one.filename for name, one in found.file_map.items()} == {
            name: one.filename for name, one in files.items()
        }
        describe_image(path)
        for block in bs.open_image(path).blocks(1):
            assert len(block.data)
        del found


@pytest.mark.parametrize("ending", [".mgh", ".mgz", ".MGH"])
def test_mgh_is_what_nibabel_loads(tmp_path: Path, ending: str) -> None:
    check_as_nibabel(mgh(tmp_path, ending))


@pytest.mark.parametrize("ending", [".PAR", ".REC", ".par"])
def test_par_is_what_nibabel_loads(tmp_path: Path, shared_data: Path, ending: str) -> None:
    path = par(tmp_path, shared_data)
    if ending == ".par":
        for file in (path, path.with_suffix(".REC")):
            file.rename(file.with_suffix(file.suffix.lower()))
    check_as_nibabel(path.with_suffix(ending))


@pytest.mark.parametrize("damage", ["header", "half", "dims", "type"])
def test_a_damaged_mgh_is_closed(tmp_path: Path, damage: str) -> None:
    path = mgh(tmp_path, ".mgh")
    whole = bytearray(path.read_bytes())
    if damage == "dims":
        whole[4:8] = bytes(4)
    if damage == "type":
        whole[20:24] = b"\xff" * 4
    path.write_bytes(whole[: {"header": 60, "half": len(whole) // 2}.get(damage)])
    with nothing_left_open(), pytest.raises(bs.ImageFileError, match=r"a\.mgh"):
        bs.open_image(path)


@pytest.mark.parametrize("damage", ["header", "lines", "REC", "no REC"])
def test_a_damaged_par_is_closed(tmp_path: Path, shared_data: Path, damage: str) -> None:
    path = par(tmp_path, shared_data)
    rec = path.with_suffix(".REC")
    if damage == "no REC":
        rec.unlink()
    else:
        file, share = {"header": (path, 0.2), "lines": (path, 0.9), "REC": (rec, 0.5)}[damage]
        whole = file.read_bytes()
        file.write_bytes(whole[: int(share * len(whole))])
    with nothing_left_open(), pytest.raises(bs.ImageFileError, match=r"a\.PAR"):
        for _ in bs.open_image(path).blocks(1):
            pass
    if damage == "no REC":
        with pytest.raises(bs.ImageFileError, match=r"a\.PAR cannot be read: No such file"):
            bs.open_image(path)
