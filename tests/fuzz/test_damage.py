"""Damaged images: what nibabel reads of them, or a `BoldstreamError`; never anything else."""

from __future__ import annotations

import gzip
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import boldstream as bs
from tests.fuzz.depth import cases
from tests.fuzz.guard import refusing
from tests.strategies.damages import damages
from tests.strategies.gzips import damaged

DATA = np.random.default_rng(0).integers(-900, 900, (5, 4, 3, 6)).astype(np.int16)


def write_bytes(ending: str) -> bytes:
    """A small image as it lies on disk."""
    klass = {".mgz": nib.MGHImage}.get(ending, nib.Nifti1Image)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"bold{ending}"
        klass(DATA, np.diag([3.0, 3.0, 3.0, 1.0])).to_filename(path)
        return path.read_bytes()


WHOLE = {ending: write_bytes(ending) for ending in (".nii", ".nii.gz", ".mgz")}


def read_all(path: Path) -> np.ndarray:
    """Every volume, by boldstream."""
    n_volumes = bs.open_image(path).series.n_volumes
    (volumes,) = bs.stream(path, bs.Volumes(range(n_volumes)), memory_limit="2GiB")
    return np.asarray(volumes)


def assert_as_nibabel_or_refused(path: Path) -> None:
    with refusing("bold.") as outcome:
        got = read_all(path)
    if outcome.refusal is not None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image: Any = nib.load(path)
        wanted = np.asarray(image.dataobj).astype(np.float32)
    np.testing.assert_array_equal(got, wanted.reshape(got.shape, order="F"))


@pytest.mark.parametrize("ending", sorted(WHOLE))
@cases(quick=15, deep=1.5)
@given(damage=damages())
def test_a_damaged_file(ending: str, damage: Callable[[bytes], bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"bold{ending}"
        path.write_bytes(damage(WHOLE[ending]))
        assert_as_nibabel_or_refused(path)


@cases(quick=15, deep=1.5)
@given(damage=damages())
def test_a_damaged_file_that_was_compressed_afterwards(damage: Callable[[bytes], bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bold.nii.gz"
        path.write_bytes(gzip.compress(damage(WHOLE[".nii"])))
        assert_as_nibabel_or_refused(path)


@cases(quick=10)
@given(
    content=st.binary(max_size=2000), ending=st.sampled_from([".nii", ".nii.gz", ".img", ".mgz"])
)
def test_a_file_of_anything(content: bytes, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"bold{ending}"
        path.write_bytes(content)
        with pytest.raises(bs.BoldstreamError, match="bold"):
            read_all(path)


@cases(quick=20, deep=3)
@given(content=damaged(WHOLE[".nii"]))
def test_a_damaged_member(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bold.nii.gz"
        path.write_bytes(content)
        assert_as_nibabel_or_refused(path)
