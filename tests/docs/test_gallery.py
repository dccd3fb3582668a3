"""The gallery's scripts: short, honest about their data, and they run by themselves."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, EXAMPLES

SCRIPTS = sorted(EXAMPLES.glob("*.py"))
# The others take longer; the site runs them all.
QUICK = ["plot_proxies.py"]


# What matplotlib before 3.10.7 takes from pyparsing is deprecated there.
THEIRS = [
    f"-Wignore::DeprecationWarning:matplotlib.{name}"
    for name in ("_fontconfig_pattern", "_mathtext")
]


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *THEIRS, EXAMPLES / script],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg", "TMPDIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", QUICK)
def test_a_script_runs_says_which_data_it_used_and_leaves_nothing(
    script: str, tmp_path: Path
) -> None:
    environment = {"BOLDSTREAM_EXAMPLES": "make"}
    done = run(script, tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("data: make;")
    assert done.stderr == ""
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_unknown_source_of_data_is_refused(tmp_path: Path) -> None:
    done = run("plot_proxies.py", tmp_path, BOLDSTREAM_EXAMPLES="download")
    assert done.returncode == 1
    assert "KeyError: 'download'" in done.stderr


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_short_and_can_take_the_real_data(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 150
    tree = ast.parse(text)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert "datasets.fetch_" in ast.unparse(functions["fetch"])
    assert 'f"data: {source};' in text


def test_the_gallery_shows_every_script_in_the_order_of_the_seeds() -> None:
    configuration = ast.parse((DOCS / "conf.py").read_text())
    (listed,) = (
        ast.literal_eval(node.value)
        for node in configuration.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_SEEDS"
    )
    assert sorted(listed) == [path.name for path in SCRIPTS]
    assert len(listed) == 5
