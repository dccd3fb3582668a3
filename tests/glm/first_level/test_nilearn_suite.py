"""nilearn's own tests of its first-level model and what is made of it, on the drop-in.

What fails must fail for nilearn's class too, or stand in `DEPARTURES`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
# Fewest tests of a module: a run that collects less has tested nothing.
MODULES = {
    "test_first_level": 140,
    "test_first_level_from_bids": 60,
    "test_glm_reporter": 30,
    "test_io": 20,
}
# Tests of nilearn that hold the drop-in to what it is meant to do otherwise.
DEPARTURES = {
    ("test_first_level", "check_doc_link"): (
        "wants a page of that name in nilearn's documentation; the link is that of nilearn's class"
    ),
    ("test_first_level", "check_img_estimator_pipeline_consistency"): (
        "wants the step of a pipeline to be called firstlevelmodel"
    ),
    ("test_first_level", "test_first_level_residuals"): (
        "wants means of 0 to six decimals of residuals of some thousands, which are float32 here"
    ),
}


def run(module: str, folder: Path, *, swapped: bool) -> dict[str, bool]:
    """Run a module of nilearn's tests; whether each passed, by its name."""
    report = folder / f"{module}-{swapped}.xml"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"),
        *(("-p", "tests.glm.first_level.swapped") if swapped else ()),
        *(f"--junitxml={report}", "--rootdir", str(folder), "--pyargs"),
        f"nilearn.glm.tests.{module}",
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
    assert len(ours) >= MODULES[module]
    failed = {name for name, passed in ours.items() if not passed}
    wanted = [part for of, part in DEPARTURES if of == module]
    unexplained = {name for name in failed if not any(part in name for part in wanted)}
    if unexplained:
        theirs = run(module, tmp_path, swapped=False)
        unexplained = {name for name in unexplained if theirs.get(name, True)}
    assert not unexplained
    stale = [part for part in wanted if not any(part in name for name in failed)]
    assert not stale, "these are no departures any more"
