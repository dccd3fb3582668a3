"""The predicted peak of a fit beside the one that the kernel saw, in a process each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

SHAPE, N = (64, 64, 40), 120
MIB = 1 << 20

PROGRAM = """
import json, sys
import numpy as np
import boldstream as bs
from boldstream.core.limits import process_memory
from boldstream.glm.regression import RunGLM, RunModel, fit_signals
from boldstream.streaming.once import plan_once
from boldstream.streaming.run import run_pass

noise, scaling, n_jobs, *paths = sys.argv[1:]
design = np.hstack([np.random.default_rng(0).normal(size=(120, 11)), np.ones((120, 1))])
model = RunModel(design, noise_model=noise, scaling=scaling, random_state=0, bins=10)
mask = np.ones((64, 64, 40), bool)
# Clusters of the noise are not of the pass; what they need is loaded here.
fit_signals(np.random.default_rng(0).normal(size=(120, 50)), model)
source, bounds, plan = plan_once(paths, [RunGLM(mask, model)], n_jobs=int(n_jobs))
assert plan.jobs == int(n_jobs)
run_pass(source, bounds, plan.block_volumes, lambda done, total: None, jobs=plan.jobs)
print(json.dumps([plan.peak_bytes, process_memory().peak_rss_bytes]))
"""


@pytest.fixture(scope="module")
def bold(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, rng = tmp_path_factory.mktemp("memory"), np.random.default_rng(0)
    paths = [folder / f"vol-{t:03d}.nii" for t in range(N)]
    for path in paths:
        nib.save(nib.Nifti1Image(rng.integers(1, 99, SHAPE).astype("i2"), np.eye(4)), path)
    return paths


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    ("noise", "scaling"), [("ols", "voxel"), ("ar1", "voxel"), ("ar1", "volume"), ("ar3", "grand")]
)
def test_the_peak_is_the_predicted_one(
    bold: list[Path], noise: str, scaling: str, n_jobs: int
) -> None:
    command = [sys.executable, "-c", PROGRAM, noise, scaling, str(n_jobs), *map(str, bold)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    predicted, measured = json.loads(done.stdout)
    assert 0.9 <= predicted / measured <= 1.25, f"{predicted / MIB:.0f}, got {measured / MIB:.0f}"
