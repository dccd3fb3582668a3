"""Every real image: the numbers of nibabel, or an error that names the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from boldstream.core.errors import (
    BoldstreamError,
    CorruptImageError,
    ImageFileError,
    UnsupportedImageError,
)
from boldstream.io.opening import open_image
from tests.conftest import SHARED_DATA
from tests.io.reading import as_rows, read_all

ENDINGS = (
    ".nii",
    ".nii.gz",
    ".hdr",
    ".img",
    ".HEAD",
    ".BRIK.gz",
    ".mgz",
    ".PAR",
    ".REC",
    ".par",
    ".mnc",
    ".gii",
    ".gii.gz",
)
REFUSED: dict[str, tuple[type[BoldstreamError], str]] = {
    "odd/complex64.nii.gz": (UnsupportedImageError, "complex"),
    "odd/rgb24.nii.gz": (UnsupportedImageError, "colours"),
    "odd/conte69.ptseries.nii": (UnsupportedImageError, "CIFTI.*NIfTI"),
    "odd/fsaverage5_pial_left.gii.gz": (UnsupportedImageError, "GIFTI.*NIfTI"),
    "odd/fsaverage5_sulc_left.gii.gz": (UnsupportedImageError, "GIFTI"),
    "odd/task.func.gii": (UnsupportedImageError, "GIFTI"),
    "odd/empty.nii.gz": (CorruptImageError, "is empty"),
    "odd/html_page_saved_as.nii": (ImageFileError, "web page"),
    "odd/lfs_pointer_bold.nii.gz": (ImageFileError, "git lfs pull"),
    "odd/not_nifti.nii": (ImageFileError, "file type"),
    "haxby_pymvpa/bold_mc.par": (ImageFileError, "motion"),
}
# nibabel leaves the file behind a PAR/REC proxy to the garbage collector.
PAR_WARNING = "ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"


def all_images() -> list[str]:
    found = sorted(SHARED_DATA.rglob("*")) if SHARED_DATA.is_dir() else []
    return [str(path.relative_to(SHARED_DATA)) for path in found if path.name.endswith(ENDINGS)]


def readable() -> list[str]:
    return [name for name in all_images() if name not in REFUSED] or ["absent"]


@pytest.mark.filterwarnings(PAR_WARNING)
@pytest.mark.parametrize("name", readable())
def test_numbers_are_nibabels(shared_data: Path, name: str) -> None:
    image: Any = nib.load(shared_data / name)
    expected = image.get_fdata()
    if name.endswith(".mnc"):
        expected = np.moveaxis(expected, 0, -1)  # time comes first
    expected = as_rows(expected)
    # The two large runs at one size only: they take seconds.
    for size in (1, 3, 1000) if expected.nbytes < 1e8 else (7,):
        np.testing.assert_array_equal(read_all(shared_data / name, size), expected)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name_and_kind(shared_data: Path, name: str) -> None:
    error, says = REFUSED[name]
    with pytest.raises(error, match=says) as caught:
        open_image(shared_data / name)
    assert type(caught.value) is error
    assert Path(name).name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "tr"),
    [
        ("odd/test.mgz", 0.002),  # MGH stores milliseconds
        ("odd/phantom_EPI_asc_CLEAR_2_1.PAR", 2.0),
        ("odd/example4d+orig.HEAD", 3.0),
        ("odd/afni_bucket_5d_betas.nii", None),
        ("small4d/rsHRF_demo_3x3x3x200.nii", None),
        ("small4d/nibabel_functional.nii", 2.0),
        ("odd/narps_tmap.nii.gz", None),
    ],
)
@pytest.mark.filterwarnings(PAR_WARNING)
def test_repetition_time(shared_data: Path, name: str, tr: float | None) -> None:
    assert open_image(shared_data / name).series.tr == pytest.approx(tr)


def test_big_endian_twin_is_equal(shared_data: Path) -> None:
    big = read_all(shared_data / "odd/be_f32_qform_only.nii.gz")
    little = read_all(shared_data / "odd/le_f32_same_as_be.nii.gz")
    np.testing.assert_array_equal(big, little)


def test_minc_without_h5py_says_what_to_install(shared_data: Path) -> None:
    program = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "h5py":
            raise ModuleNotFoundError("No module named 'h5py'", name="h5py")

sys.meta_path.insert(0, Absent())
from boldstream.core.errors import MissingDependencyError
from boldstream.io.opening import open_image
try:
    open_image(sys.argv[1])
except MissingDependencyError as error:
    print(error)
"""
    command = [sys.executable, "-c", program, str(shared_data / "odd/minc2_4d_f64.mnc")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "pip install 'boldstream[minc]'" in done.stdout
