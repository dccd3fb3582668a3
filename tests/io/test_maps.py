"""Loading maps: types, and the memory that it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from boldstream.core.grid import Grid
from boldstream.io.maps import _PackedMaps, load_maps

SHAPE = (60, 70, 50)

PROGRAM = """
import sys
import nibabel as nib, numpy as np
from boldstream.core.grid import Grid
from boldstream.core.limits import process_memory
from boldstream.io.maps import load_maps

# What is imported on the way is no memory for maps.
load_maps(nib.Nifti1Image(np.ones((2, 2, 2, 2), "f4"), np.eye(4)), Grid((2, 2, 2), np.eye(4)))
before = process_memory().rss_bytes
maps = load_maps(sys.argv[1], Grid((60, 70, 50), np.eye(4)))
print(process_memory().peak_rss_bytes - before, maps.weights.nbytes + maps.rows.nbytes)
"""


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
@pytest.mark.parametrize("share", [0.1, 1.0], ids=["sparse", "dense"])
def test_no_more_memory_than_the_weights_and_some_volumes(
    tmp_path: Path, rng: np.random.Generator, suffix: str, share: float
) -> None:
    data = rng.random((*SHAPE, 60), dtype=np.float32) * (rng.random((*SHAPE, 1)) < share)
    nib.save(nib.Nifti1Image(data.astype("f4"), np.eye(4)), tmp_path / f"maps.{suffix}")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / f"maps.{suffix}")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken, kept = map(int, done.stdout.split())
    volume = int(np.prod(SHAPE)) * 4
    assert taken <= kept + 8 * volume + (4 << 20), f"{taken / 2**20:.0f} for {kept / 2**20:.0f} MiB"


def test_weights_lie_map_after_map(rng: np.random.Generator) -> None:
    data = rng.random((*SHAPE[:2], 5, 3)) * (rng.random((*SHAPE[:2], 5, 3)) < 0.3)
    maps = load_maps(nib.Nifti1Image(data, np.eye(4)), Grid((*SHAPE[:2], 5), np.eye(4)))
    assert maps.weights.flags.f_contiguous
    flat = data.reshape(-1, 3, order="F")
    np.testing.assert_array_equal(maps.rows, np.flatnonzero(flat.any(axis=1)))
    np.testing.assert_array_equal(maps.weights, flat[maps.rows])


def test_maps_of_two_types_take_the_wider_one() -> None:
    packed = _PackedMaps(3, 4)
    packed.append(np.array([0, 0.1, 0, 3], np.float32))
    packed.append(np.array([0, 1 / 3, 2, 0]))
    packed.append(np.array([0, 0, 0, 5], np.float32))
    weights = packed.unpack(np.flatnonzero(packed.support))
    expected = [[np.float32(0.1), 1 / 3, 0], [0, 2, 0], [3, 0, 5]]
    np.testing.assert_array_equal(weights, np.array(expected))
