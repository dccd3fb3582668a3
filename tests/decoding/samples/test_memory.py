"""Peak memory follows the limit, not the brain: measured in a process for each case."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

MIB = 1 << 20
SHAPE, N = (48, 40, 32), 600
N_VOXELS = int(np.prod(SHAPE))

PROGRAM = """
import json, sys
import nibabel as nib, numpy as np
import boldstream as bs
from boldstream.core.budget import find_budget
from boldstream.core.limits import process_memory
from boldstream.decoding.neighbourhoods import Spheres
from boldstream.decoding.samples import open_samples, plan_blocks

data, store, left = sys.argv[1], sys.argv[2], int(sys.argv[3])


def work(imgs, mask, limit):
    total = n = 0
    with open_samples(imgs, mask, memory_limit=limit, store=bs.Store(store)) as samples:
        budget = find_budget(limit).headroom_bytes * 3 // 4
        for plan in plan_blocks(Spheres(samples.mask, 4.0), samples, budget, n_jobs=2):
            block = plan.read(samples)
            total += float(block.values[block.members[block.starts[:-1]], :].sum(dtype=float))
            n += len(block)
        return type(samples).__name__, total, n


# What is imported and compiled on the way is not of the samples.
few = nib.Nifti1Image(np.ones((8, 8, 8, 4), "f4"), np.diag([2.0, 2, 2, 1]))
work(few, None, None)
held = process_memory().rss_bytes
limit = held + left
print(json.dumps([*work(data, None, limit), limit, process_memory().peak_rss_bytes, held]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """61 440 voxels × 600 samples: 147 MB as float32, more than what the limit leaves."""
    folder = tmp_path_factory.mktemp("memory")
    rng, affine = np.random.default_rng(0), np.diag([2.0, 2.0, 2.0, 1.0])
    data = rng.integers(0, 9, (*SHAPE, N)).astype("i2")
    nib.save(nib.Nifti1Image(data, affine), folder / "bold.nii.gz")
    nib.save(nib.Nifti1Image(data.astype("f4"), affine), folder / "bold.nii")
    betas = folder / "betas"
    betas.mkdir()
    np.save(betas / "betas.npy", np.ascontiguousarray(data.reshape(-1, N).T, np.float32))
    nib.save(nib.Nifti1Image(np.ones(SHAPE, "u1"), affine), betas / "mask.nii.gz")
    (betas / "trials.tsv").write_text("onset\n")
    manifest = {"layout": "trials x voxels", "dtype": "float32", "n_trials": N}
    (betas / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize(
    ("name", "left", "kind"),
    [
        ("bold.nii.gz", 60, "StoredSamples"),
        ("bold.nii", 60, "StoredSamples"),
        ("betas", 60, "FileSamples"),
        ("bold.nii.gz", 400, "MemorySamples"),
    ],
)
def test_the_limit_is_kept(folder: Path, name: str, left: int, kind: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(folder / name), str(tmp_path), str(left * MIB)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, _, n, limit, peak, held = json.loads(done.stdout)
    assert (found, n) == (kind, N_VOXELS)
    assert peak <= limit, f"{(peak - limit) / MIB:.1f} MiB above"
    # Not all that is allowed is left unused either.
    assert peak >= held + 0.3 * min(left * MIB, 4 * N * N_VOXELS)
