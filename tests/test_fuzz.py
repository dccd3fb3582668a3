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

pytestmark = pytest.mark.fuzz

DATA = np.random.default_rng(0).integers(-900, 900, (5, 4, 3, 6)).astype(np.int16)


def write_bytes(ending: str) -> bytes:
    """A small image as it lies on disk."""
    klass = {".mgz": nib.MGHImage}.get(ending, nib.Nifti1Image)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"bold{ending}"
        klass(DATA, np.diag([3.0, 3.0, 3.0, 1.0])).to_filename(path)
        return path.read_bytes()


WHOLE = {ending: write_bytes(ending) for ending in (".nii", ".nii.gz", ".mgz")}


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Flip bits, cut out, double or overwrite a stretch, cut off the end, anywhere in a file."""
    kind = draw(st.sampled_from(["flip", "cut", "double", "overwrite", "end"]))
    where = draw(st.floats(0, 1, exclude_max=True))
    length = draw(st.integers(1, 40))
    flips = draw(st.integers(1, 255))
    filling = draw(st.binary(min_size=1, max_size=40))

    def damage(whole: bytes) -> bytes:
        at = int(where * len(whole))
        before, stretch, after = whole[:at], whole[at : at + length], whole[at + length :]
        return {
            "flip": before + bytes([whole[at] ^ flips]) + whole[at + 1 :],
            "cut": before + after,
            "double": before + stretch + stretch + after,
            "overwrite": before + filling + whole[at + len(filling) :],
            "end": before,
        }[kind]

    return damage


def read_all(path: Path) -> np.ndarray:
    """Every volume, by boldstream."""
    n_volumes = bs.open_image(path).series.n_volumes
    (volumes,) = bs.stream(path, bs.Volumes(range(n_volumes)), memory_limit="2GiB")
    return np.asarray(volumes)


def assert_as_nibabel_or_refused(path: Path) -> None:
    try:
        got = read_all(path)
    except bs.BoldstreamError as error:
        assert "bold." in str(error)  # noqa: PT017
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image: Any = nib.load(path)
        wanted = np.asarray(image.dataobj).astype(np.float32)
    np.testing.assert_array_equal(got, wanted.reshape(got.shape, order="F"))


@pytest.mark.parametrize("ending", sorted(WHOLE))
@given(damage=damages())
def test_a_damaged_file(ending: str, damage: Callable[[bytes], bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"bold{ending}"
        path.write_bytes(damage(WHOLE[ending]))
        assert_as_nibabel_or_refused(path)


@given(damage=damages())
def test_a_damaged_file_that_was_compressed_afterwards(damage: Callable[[bytes], bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bold.nii.gz"
        path.write_bytes(gzip.compress(damage(WHOLE[".nii"])))
        assert_as_nibabel_or_refused(path)


@given(
    content=st.binary(max_size=2000), ending=st.sampled_from([".nii", ".nii.gz", ".img", ".mgz"])
)
def test_a_file_of_anything(content: bytes, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"bold{ending}"
        path.write_bytes(content)
        with pytest.raises(bs.BoldstreamError, match="bold"):
            read_all(path)
