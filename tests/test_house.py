"""The rules of the house that no other tool holds."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import boldstream

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = Path(boldstream.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 500
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[1] if ast.get_docstring(node) and node.body[1:] else node.body[0]
            lines = (node.end_lineno or 0) - first.lineno + 1
            assert lines <= 60, f"{path.name}: {node.name} has {lines} lines"


def test_the_lock_names_versions_and_hashes_and_no_addresses() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text()
    packages = re.findall(r"^[a-z0-9-]+==\S+", lock, flags=re.MULTILINE)
    assert len(packages) > 30
    for entry in re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry
    assert "//" not in lock
    assert "index" not in lock


def test_the_lock_holds_what_the_package_asks_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        asked += extra
    names = {re.split(r"[\[<>=; ]", need)[0] for need in asked} - {"boldstream"}
    lock = (REPOSITORY / "requirements.lock").read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, flags=re.MULTILINE))
    assert names <= locked
