"""Hundreds of passes, whole, broken off and on damaged files: nothing may pile up."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import boldstream as bs
from boldstream.core.limits import process_memory

MIB = 2**20


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class StoppedError(Exception):
    """Raised by a caller in the middle of a pass."""


def interrupt(done: int, total: int) -> None:
    raise StoppedError(f"after {done} of {total} volumes")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A mapped file, a compressed one, and one that is cut off."""
    folder = tmp_path_factory.mktemp("soak")
    data = np.random.default_rng(0).integers(0, 4000, (40, 40, 30, 60)).astype(np.int16)
    image = nib.Nifti1Image(data, np.eye(4))
    for name in ("bold.nii", "bold.nii.gz"):
        image.to_filename(folder / name)
    whole = (folder / "bold.nii.gz").read_bytes()
    (folder / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    return folder / "bold.nii", folder / "bold.nii.gz", folder / "cut.nii.gz"


def test_a_pass_that_fails_lets_go_of_its_buffers(images: tuple[Path, Path, Path]) -> None:
    def fail() -> None:
        with pytest.raises(bs.CorruptImageError):
            bs.stream(images[2], bs.Mean())

    fail()
    gc.collect()
    before = process_memory().rss_bytes
    gc.disable()
    try:
        for _ in range(30):
            fail()
        after = process_memory().rss_bytes
    finally:
        gc.enable()
    assert after - before < 8 * MIB


@pytest.mark.soak
def test_memory_files_and_threads_do_not_grow(images: tuple[Path, Path, Path]) -> None:
    mapped, compressed, cut = images
    labels = (np.arange(48_000).reshape(40, 40, 30) // 1000).astype(np.int16)
    atlas = nib.Nifti1Image(labels, np.eye(4))
    reductions = (bs.Mean(), bs.TSNR(), bs.Labels(atlas), bs.Voxels(labels > 40))

    def one_round() -> None:
        for path in (mapped, compressed, [mapped, compressed]):
            bs.stream(path, *reductions)
        for path in (mapped, compressed):
            with pytest.raises(StoppedError):
                bs.stream(path, *reductions, progress=interrupt)
        with pytest.raises(bs.CorruptImageError):
            bs.stream(cut, *reductions)

    for _ in range(10):
        one_round()
    memory, files, threads = process_memory().rss_bytes, open_files(), threading.active_count()
    for _ in range(150):
        one_round()
        assert open_files() == files
        assert threading.active_count() == threads
    assert process_memory().rss_bytes < memory + 8 * MIB
