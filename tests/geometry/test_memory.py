"""What a searchlight holds at its peak: means of conditions and folds, and not samples."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np

MIB = 1 << 20
PROGRAM = """
import json, sys
import numpy as np
from boldstream.core.limits import process_memory
from boldstream.geometry import RDM, rdm_searchlight

path, n_repeats = sys.argv[1], int(sys.argv[2])
conditions, folds = np.tile(list("abcdef"), 4 * n_repeats), np.repeat(range(4), 6 * n_repeats)
model = RDM(np.arange(15.0), tuple("abcdef"), "model")

def search(volumes, **options):
    inside = np.ones((48, 48, 32), bool)
    inside[:, :, volumes:] = False
    return rdm_searchlight(path, inside, conditions, models=model, folds=folds, **options)

search(1)  # what is imported and compiled stays
limit = process_memory().rss_bytes + 70 * 2**20
found = search(32, memory_limit=limit)
assert np.isfinite(found.scores["model"]).all()
print(json.dumps([process_memory().peak_rss_bytes, limit]))
"""


def test_a_limit_is_kept_that_samples_do_not_fit(tmp_path: Path) -> None:
    shape = (48, 48, 32, 24 * 16)
    data = np.random.default_rng(0).integers(0, 1000, size=shape, dtype="i2")
    nib.save(nib.Nifti1Image(data, np.diag([3.0, 3.0, 3.0, 1.0])), tmp_path / "bold.nii")
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "bold.nii"), "16"],
        capture_output=True,
        text=True,
        check=True,
    )
    peak, limit = json.loads(told.stdout)
    assert peak <= limit
    assert 4 * data.size > 70 * MIB
