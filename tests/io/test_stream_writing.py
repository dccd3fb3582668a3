"""Images written volume by volume, read back by nibabel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid
from boldstream.io.source import Scaling
from boldstream.io.stream_writing import open_volume_writer
from tests.oracle import fdata

AFFINE = np.array([[-2.0, 0, 0, 9], [0, 2.5, 0, -8], [0, 0, 3, -7], [0, 0, 0, 1]])
GRID = Grid((4, 5, 6), AFFINE)


def volumes(n: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-200, 200, (n, *GRID.shape))


def interrupted(data: np.ndarray) -> Iterator[np.ndarray]:
    yield from data
    raise KeyboardInterrupt


def write(
    path: Path,
    data: Iterable[np.ndarray],
    dtype: str,
    *,
    n_volumes: int,
    tr: float | None = None,
    scaling: Scaling | None = None,
) -> None:
    with open_volume_writer(path, GRID, n_volumes, dtype, tr=tr, scaling=scaling) as writer:
        for volume in data:
            writer.write(volume)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", ["float32", "float64", ">i2", "int16"])
def test_nibabel_reads_what_was_written(tmp_path: Path, name: str, dtype: str) -> None:
    data = volumes(3)
    write(tmp_path / name, data, dtype, n_volumes=3, tr=1.5)
    image = nib.Nifti1Image.from_filename(tmp_path / name)
    wanted = data if dtype.startswith("float") else np.rint(data)
    np.testing.assert_allclose(np.moveaxis(image.get_fdata(), -1, 0), wanted, rtol=1e-6)
    np.testing.assert_allclose(image.affine, AFFINE)
    np.testing.assert_allclose(image.header.get_zooms(), [2, 2.5, 3, 1.5])
    assert image.header.get_xyzt_units() == ("mm", "sec")


def test_scaled_integers_keep_their_real_values(tmp_path: Path) -> None:
    data = volumes(2)
    write(tmp_path / "a.nii", data, "int16", n_volumes=2, scaling=Scaling(0.01, 5.0))
    read = np.moveaxis(nib.Nifti1Image.from_filename(tmp_path / "a.nii").get_fdata(), -1, 0)
    np.testing.assert_allclose(read, data, atol=0.0051)


def test_one_volume_is_a_3d_image(tmp_path: Path) -> None:
    write(tmp_path / "a.nii.gz", volumes(1), "float32", n_volumes=1)
    assert nib.Nifti1Image.from_filename(tmp_path / "a.nii.gz").shape == GRID.shape


def test_more_volumes_than_nifti1_can_count(tmp_path: Path) -> None:
    tiny = Grid((1, 1, 1), np.eye(4))
    with open_volume_writer(tmp_path / "a.nii", tiny, 40_000, "uint8") as writer:
        for _ in range(40_000):
            writer.write(np.ones(tiny.shape))
    image = nib.Nifti2Image.from_filename(tmp_path / "a.nii")
    assert image.get_fdata().sum() == 40_000


@pytest.mark.parametrize("n", [2, 4])
def test_another_number_of_volumes_leaves_nothing(tmp_path: Path, n: int) -> None:
    with pytest.raises(ParameterError, match="takes 3 volumes"):
        write(tmp_path / "a.nii", volumes(n), "float32", n_volumes=3)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_text("older")
    with pytest.raises(KeyboardInterrupt):
        write(path, interrupted(volumes(2)), "float32", n_volumes=3)
    assert [p.name for p in tmp_path.iterdir()] == ["a.nii.gz"]
    assert path.read_text() == "older"


@pytest.mark.parametrize("value", [40_000.0, -40_000.0, np.nan, np.inf])
def test_values_that_the_type_cannot_hold_are_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ParameterError, match="that int16 can store"):
        write(tmp_path / "a.nii", np.full((1, *GRID.shape), value), "int16", n_volumes=1)


def test_wide_integers_do_not_wrap_around(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="0 to 255"):
        write(tmp_path / "a.nii", np.full((1, *GRID.shape), 256, np.int16), "uint8", n_volumes=1)


def test_wrong_shape_and_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"shape \(4, 5, 6\)"):
        write(tmp_path / "a.nii", np.zeros((1, 4, 5, 7)), "float32", n_volumes=1)
    with pytest.raises(ParameterError, match=r"\.nii or \.nii\.gz"):
        write(tmp_path / "a.img", volumes(1), "float32", n_volumes=1)
    with pytest.raises(ParameterError, match="n_volumes"):
        write(tmp_path / "a.nii", volumes(0), "float32", n_volumes=0)


def test_the_standard_library_compresses_where_isal_is_not(
    tmp_path: Path, without_isal: Callable[[], None]
) -> None:
    data = volumes(2)
    without_isal()
    for name in ("one.nii.gz", "two.nii.gz"):
        write(tmp_path / name, data, "float32", n_volumes=2)
    np.testing.assert_allclose(fdata(tmp_path / "one.nii.gz"), np.moveaxis(data, 0, -1), rtol=1e-6)
    # No time in it, either.
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()
