"""nilearn's own tests, run in a process of their own, on its classes or on ours in their place."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def run_suite(
    module: str, folder: Path, *, plugin: str | None = None, only: Iterable[str] = ()
) -> dict[str, bool]:
    """Run a module of nilearn's tests; whether each passed, by its name.

    `plugin` is what puts our classes in the place of nilearn's before the tests are imported;
    `only` are the names of those to run, by default all.
    """
    report = folder / f"{module}-{plugin}.xml"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"),
        *(("-p", plugin) if plugin else ()),
        *(f"--junitxml={report}", "--rootdir", str(folder), "--pyargs"),
        *([f"{module}::{name}" for name in sorted(only)] or [module]),
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
