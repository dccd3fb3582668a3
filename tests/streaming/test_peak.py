"""The predicted peak beside the one that the kernel saw, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

SHAPE = (64, 64, 40)
N = 90
MIB = 1 << 20

PROGRAM = """
import json, sys
import nibabel as nib, numpy as np
import boldstream as bs
from boldstream.streaming.once import plan_once
from boldstream.streaming.reductions import Regions, WeightMaps
from boldstream.core.grid import Grid
from boldstream.core.limits import process_memory
from boldstream.streaming.run import run_pass

folder, stored, kind, n = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
image = f"{folder}/bold.{stored}"
if stored == "memory":
    image = nib.Nifti1Image(np.full((64, 64, 40, n), 7, "i2", order="F"), np.eye(4))
wanted = {
    "voxels": lambda: [bs.Voxels(f"{folder}/mask.nii.gz")],
    "labels": lambda: [bs.Labels(f"{folder}/atlas.nii.gz")],
    "spread": lambda: [bs.Labels(f"{folder}/atlas.nii.gz", "standard_deviation")],
    "median": lambda: [bs.Labels(f"{folder}/atlas.nii.gz", "median", dtype="float64")],
    "regions": lambda: [
        Regions(
            np.tile(np.arange(160_000), 25), np.full(8000, 500),
            ids=range(8000), names=["r"] * 8000, dtype="float64", nan_policy="raise",
        )
    ],
    "weights": lambda: [
        WeightMaps(
            np.random.default_rng(0).random((10, 163_840), "f4").T,
            np.arange(0, 163_840, 2), names=["m"] * 10, dtype="float64", nan_policy="nilearn",
        )
    ],
    "moments": lambda: [bs.Mean(), bs.Std(), bs.TSNR()],
    "maps": lambda: [bs.Maps(f"{folder}/maps.nii.gz")],
    "project": lambda: [bs.Project(np.ones((9, n)))],
    "volumes": lambda: [bs.Volumes(range(0, n, 2))],
    "backwards": lambda: [bs.Volumes(range(n - 1, 0, -2))],
    "resampled": lambda: [bs.Labels(f"{folder}/fine.nii.gz", resample="mask")],
    "smoothed": lambda: [bs.Prepared(bs.Voxels(f"{folder}/mask.nii.gz"), smoothing_fwhm=6)],
    "finer": lambda: [
        bs.Prepared(bs.Mean(), target=Grid((128, 128, 80), np.diag([0.5, 0.5, 0.5, 1])))
    ],
    "turned": lambda: [
        bs.Prepared(bs.Mean(), target=Grid((24, 24, 20), np.eye(4) + 0.1 * np.eye(4)[[1, 0, 2, 3]]))
    ],
}
source, bounds, plan = plan_once(image, wanted[kind]())
run_pass(source, bounds, plan.block_volumes, lambda done, total: None)
print(json.dumps([plan.peak_bytes, process_memory().peak_rss_bytes]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("peak")
    rng = np.random.default_rng(0)
    brain = np.zeros(SHAPE, "i2")
    brain[8:56, 8:56, 5:35] = 1
    images = {
        "bold.nii": rng.integers(0, 9999, (*SHAPE, N)).astype("i2"),
        "bold.nii.gz": rng.integers(0, 99, (*SHAPE, N)).astype("i2"),
        "mask.nii.gz": brain,
        "atlas.nii.gz": brain * rng.integers(1, 33, SHAPE).astype("i2"),
        "maps.nii.gz": (brain[..., None] * rng.random((*SHAPE, 10))).astype("f4"),
    }
    for name, data in images.items():
        nib.save(nib.Nifti1Image(data, np.eye(4)), folder / name)
    fine = np.repeat(np.repeat(images["atlas.nii.gz"], 8, axis=0), 8, axis=1)
    nib.save(nib.Nifti1Image(fine, np.diag([0.125, 0.125, 1, 1])), folder / "fine.nii.gz")
    return folder


@pytest.mark.parametrize("stored", ["nii.gz", "nii", "memory"])
@pytest.mark.parametrize(
    "kind",
    [
        *("voxels", "labels", "spread", "median", "regions", "weights", "moments", "maps"),
        *("project", "volumes", "backwards", "resampled", "smoothed", "finer", "turned"),
    ],
)
def test_the_peak_is_the_predicted_one(folder: Path, stored: str, kind: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(folder), stored, kind, str(N)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    predicted, measured = json.loads(done.stdout)
    assert 0.9 <= predicted / measured <= 1.25, f"{predicted / MIB:.0f}, got {measured / MIB:.0f}"
