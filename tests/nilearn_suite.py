"""nilearn's own tests, run in processes of their own, on its classes or on ours in their place."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def run_suite(
    package: str,
    modules: Iterable[str],
    folder: Path,
    *,
    plugin: str | None = None,
    only: Iterable[str] = (),
    without: Mapping[str, Iterable[str]] | None = None,
) -> dict[str, dict[str, bool]]:
    """Run modules of nilearn's tests in one process; whether each passed, by module and name.

    `plugin` is what puts our classes in the place of nilearn's before the tests are imported;
    `only` are the names of those to run of a single module, by default all; `without` has the
    functions of a module that are not run.
    """
    modules = list(modules)
    report = folder / f"{modules[0]}-{plugin}.xml"
    left_out = [f"{name}::{test}" for name in modules for test in (without or {}).get(name, ())]
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"),
        *(("-p", plugin) if plugin else ()),
        # To write down where its many expected failures come from takes most of the time.
        "--tb=no",
        # Names of modules are told from where nilearn lies on.
        *(f"--junitxml={report}", "--rootdir", str(_home())),
        # What older programs left would be removed first by a pytest without a place of its own.
        f"--basetemp={folder / 'basetemp'}",
        *(f"--deselect={package.replace('.', '/')}/{name.replace('::', '.py::')}"
          for name in left_out),
        "--pyargs",
        *([f"{package}.{modules[0]}::{name}" for name in sorted(only)]
          or [f"{package}.{name}" for name in modules]),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "MPLBACKEND": "agg"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, dict[str, bool]] = {name: {} for name in modules}
    for case in ET.parse(report).iter("testcase"):
        module = case.attrib["classname"].removeprefix(f"{package}.").partition(".")[0]
        passed = case.find("failure") is None and case.find("error") is None
        found[module][case.attrib["name"]] = passed
    return found


def fail_for_ours_alone(package: str, module: str, failed: set[str], folder: Path) -> set[str]:
    """Those of the tests that fail on our classes which pass on nilearn's."""
    if not failed:
        return set()
    theirs = run_suite(package, [module], folder, only=failed)[module]
    assert set(theirs) == failed
    return {name for name in failed if theirs[name]}


def _home() -> Path:
    spec = find_spec("nilearn")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parents[1]
