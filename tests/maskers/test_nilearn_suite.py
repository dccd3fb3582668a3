"""nilearn's own tests of its maskers, scikit-learn's estimator checks included, on the drop-ins.

What fails must fail for nilearn's classes too, or stand in `DEPARTURES`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = [
    "test_nifti_masker",
    "test_nifti_labels_masker",
    "test_nifti_maps_masker",
    "test_nifti_spheres_masker",
    "test_multi_nifti_masker",
    "test_multi_nifti_labels_masker",
    "test_multi_nifti_maps_masker",
]
# Tests of nilearn that hold the drop-ins to what they are meant to do otherwise.
DEPARTURES = {
    ("test_multi_nifti_labels_masker", "test_resampling_target"): (
        "with keep_masked_labels, labels that resampling loses keep their column too"
    ),
    ("test_nifti_spheres_masker", "test_sphere_extraction"): (
        "asks for bit-equal means, and seven numbers added in another order differ in the last bit"
    ),
}
# Fewest tests of a module: a run that collects less has tested nothing.
_LEAST = 60


def run(module: str, folder: Path, *, swapped: bool) -> dict[str, bool]:
    """Run a module of nilearn's tests; whether each passed, by its name."""
    report = folder / f"{module}-{swapped}.xml"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"),
        *(("-p", "tests.maskers.swapped") if swapped else ()),
        *(f"--junitxml={report}", "--rootdir", str(folder), "--pyargs"),
        f"nilearn.maskers.tests.{module}",
    ]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "MPLBACKEND": "agg"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    return {
        case.attrib["name"]: case.find("failure") is None and case.find("error") is None
        for case in ET.parse(report).iter("testcase")
    }


@pytest.mark.timeout(900)
@pytest.mark.parametrize("module", MODULES)
def test_nilearn_finds_no_difference(module: str, tmp_path: Path) -> None:
    ours = run(module, tmp_path, swapped=True)
    assert len(ours) >= _LEAST
    failed = {name for name, passed in ours.items() if not passed}
    unexplained = {name for name in failed if (module, name) not in DEPARTURES}
    if unexplained:
        theirs = run(module, tmp_path, swapped=False)
        assert set(ours) == set(theirs)
        unexplained = {name for name in unexplained if theirs[name]}
    assert not unexplained
    stale = {name for of, name in DEPARTURES if of == module} - failed
    assert not stale, "these are no departures any more"
