"""What betas take: the predicted peak beside the one that the kernel saw, in a process each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

MIB = 1 << 20
SHAPE, N, TRIALS = (72, 72, 44), 160, 60
VOXELS = int(np.prod(SHAPE))

PROGRAM = """
import json, sys
import numpy as np, pandas as pd
import boldstream as bs
from boldstream.core.limits import process_memory
from boldstream.streaming import once

bold, output, options = sys.argv[1], sys.argv[2] or None, json.loads(sys.argv[3])
onset = np.linspace(4, 290, 60)
table = pd.DataFrame({"onset": onset, "duration": 1.0, "trial_type": np.resize(["a", "b"], 60)})
if options.pop("brain", False):
    options["mask"] = np.zeros((72, 72, 44), bool)
    options["mask"][12:60, 12:60, 6:38] = True
plans = []
plan = once.make_plan
once.make_plan = lambda *args, **more: plans.append(plan(*args, **more)) or plans[-1]
# What is imported on the way is not of the betas.
few = np.zeros((72, 72, 44), bool)
few[9, 9, 20] = True
bs.trial_betas(bold, table, t_r=2.0, mask=few)
before = process_memory().rss_bytes
bs.trial_betas(bold, table, t_r=2.0, output=output, **options)
memory = process_memory()
print(json.dumps([plans[-1].peak_bytes, memory.peak_rss_bytes, memory.peak_rss_bytes - before]))
"""


@pytest.fixture(scope="module")
def bold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("memory") / "bold.nii.gz"
    data = np.random.default_rng(0).integers(0, 99, (*SHAPE, N)).astype("i2")
    nib.save(nib.Nifti1Image(data, np.diag([3.0, 3, 3, 1])), path)
    return path


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({"method": "lss"}, ""),
        ({"method": "lss"}, "betas.nii.gz"),
        ({"method": "lsa", "brain": True}, "betas.nii"),
        ({"method": "lsa", "fraction": 0.5, "brain": True}, ""),
        ({"method": "lsa", "fraction": 0.5, "brain": True}, "betas"),
        ({"method": "lss", "signal_scaling": 0, "smoothing_fwhm": 6.0, "brain": True}, ""),
        ({"method": "lss", "signal_scaling": 0, "smoothing_fwhm": 6.0, "brain": True}, "betas"),
    ],
    ids=str,
)
def test_peaks(bold: Path, options: dict[str, Any], output: str, tmp_path: Path) -> None:
    where = str(tmp_path / output) if output else ""
    command = [sys.executable, "-c", PROGRAM, str(bold), where, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    predicted, peak, taken = json.loads(done.stdout)
    assert 0.9 <= predicted / peak <= 1.25, f"{predicted / MIB:.0f}, got {peak / MIB:.0f}"
    # Sums of 8 bytes, which make room for the image in memory, of all voxels.
    voxels = 48 * 48 * 32 if options.get("brain") else VOXELS
    image = 0 if output else TRIALS * VOXELS * 4
    assert taken <= max(TRIALS * voxels * 8, image) + 100 * MIB, f"{taken / MIB:.0f}"
