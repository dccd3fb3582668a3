"""Damaged files of every other format: what nibabel reads of them, or a refusal."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.gifti.gifti import GiftiDataArray, GiftiImage
from scipy.io import netcdf_file

import boldstream as bs
from boldstream.io.describing import describe_image
from boldstream.io.surfaces import read_mesh, read_surface_data
from tests.fuzz.depth import cases
from tests.fuzz.guard import refusing
from tests.fuzz.reading import Truth, right_or_refused
from tests.strategies.damages import Damage, damages, text_damages

DATA = np.random.default_rng(0).integers(-900, 900, (5, 4, 3, 6)).astype(np.int16)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
KINDS: Sequence[tuple[Any, Sequence[str]]] = [
    (nib.MGHImage, [".mgh"]),
    (nib.Nifti1Pair, [".img", ".hdr"]),
    (nib.AnalyzeImage, [".img", ".hdr"]),
    (nib.Spm2AnalyzeImage, [".img", ".hdr"]),
    (nib.Nifti2Image, [".nii"]),
]


def check(path: Path, truth: Truth | None) -> None:
    """All volumes, in pieces as small as they come."""
    describe_image(path)
    source = bs.open_image(path)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = [
            block.data.astype(np.float64) * block.scaling.slope + block.scaling.inter
            for block in source.blocks(1)
        ]
    assert truth is not None
    flat = truth.values.reshape(-1, truth.values.shape[-1], order="F").T
    np.testing.assert_allclose(np.concatenate(rows), flat, rtol=1e-6)


def damaged_in(folder: Path, files: Sequence[Path], which: int, damage: Damage) -> Path:
    """Copies of files of which one is damaged; the first one's place."""
    for i, file in enumerate(files):
        whole = file.read_bytes()
        (folder / file.name).write_bytes(damage(whole) if i == which % len(files) else whole)
    return folder / files[0].name


@pytest.mark.parametrize(("kind", "endings"), KINDS)
@cases(quick=6, deep=0.7)
@given(damage=damages(), which=st.integers(0, 1))
def test_formats_that_nibabel_writes(
    kind: Any, endings: Sequence[str], damage: Damage, which: int
) -> None:
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as folder:
        files = [Path(whole, f"made{ending}") for ending in endings]
        kind(DATA, AFFINE).to_filename(files[0])
        right_or_refused(check, damaged_in(Path(folder), files, which, damage))


# nibabel, that says what is true, leaves it to the garbage collector to close a REC.
@pytest.mark.filterwarnings("ignore:unclosed file .*[.]REC:ResourceWarning")
@pytest.mark.parametrize(
    "names",
    [
        ["example4d+orig.HEAD", "example4d+orig.BRIK.gz"],
        ["phantom_EPI_asc_CLEAR_2_1.PAR", "phantom_EPI_asc_CLEAR_2_1.REC"],
    ],
    ids=["AFNI", "PAR/REC"],
)
@cases(quick=4, deep=0.4)
@given(damage=text_damages(), which=st.sampled_from([0, 0, 0, 1]))
def test_formats_with_a_header_of_text(
    shared_data: Path, names: Sequence[str], damage: Damage, which: int
) -> None:
    files = [shared_data / "odd" / name for name in names]
    with tempfile.TemporaryDirectory() as folder:
        path = damaged_in(Path(folder), files, which, damage)
        right_or_refused(check, path, names=path.stem)


@cases(quick=4, deep=0.4)
@given(damage=damages())
def test_minc_1(damage: Damage) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.mnc")
        _write_minc(path)
        path.write_bytes(damage(path.read_bytes()))
        right_or_refused(check, path)


def _write_minc(path: Path) -> None:
    with netcdf_file(path, "w") as file:
        for name, size in zip(("zspace", "yspace", "xspace"), DATA.shape[2::-1], strict=True):
            file.createDimension(name, size)
            axis = file.createVariable(name, "i4", ())
            axis.step, axis.start, axis.spacing = 3.0, -9.0, b"regular__"
        image = file.createVariable("image", "i2", ("zspace", "yspace", "xspace"))
        image.signtype, image.valid_range = b"signed__", np.array([-900.0, 900.0])
        image[:] = DATA[..., 0].T
        for name, value in (("image-max", 1.0), ("image-min", 0.0)):
            limit = file.createVariable(name, "f8", ("zspace",))
            limit[:] = value


@cases(quick=3, deep=0.2)
@given(damage=damages())
def test_minc_2(shared_data: Path, damage: Damage) -> None:
    pytest.importorskip("h5py")
    with tempfile.TemporaryDirectory() as folder:
        path = damaged_in(Path(folder), [shared_data / "odd" / "minc2_4d_f64.mnc"], 0, damage)
        right_or_refused(check, path, names=path.stem)


def _gifti(*arrays: Any, intents: Sequence[str]) -> bytes:
    made = [
        GiftiDataArray(array, intent=intent) for array, intent in zip(arrays, intents, strict=True)
    ]
    content: bytes = GiftiImage(darrays=made).to_bytes()
    return content


CORNERS = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0], [1, 1, 1]], np.float32)
MESH = _gifti(
    CORNERS,
    np.array([[0, 1, 2], [1, 2, 3]], np.int32),
    intents=["NIFTI_INTENT_POINTSET", "NIFTI_INTENT_TRIANGLE"],
)
SERIES = _gifti(
    CORNERS[:, 0].copy(), CORNERS[:, 1].copy(), intents=["NIFTI_INTENT_TIME_SERIES"] * 2
)


@pytest.mark.parametrize(
    ("read", "whole"), [(read_mesh, MESH), (read_surface_data, SERIES)], ids=["mesh", "data"]
)
@cases(quick=10, deep=1)
@given(damage=text_damages())
def test_gifti(read: Callable[[Path], Any], whole: bytes, damage: Damage) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.surf.gii")
        path.write_bytes(damage(whole))
        with refusing(path):
            read(path)
