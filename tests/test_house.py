"""The rules of the house that no other tool holds."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
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


def test_every_parameter_is_read() -> None:
    """By its function, or by one that is called in its place: of the same name, or list of names.

    What a protocol or an abstract method asks for counts as read; of Python's own methods Python
    says what they take, and a name that starts with _ says that nobody reads it.
    """
    functions = [
        (path, node, _parameters(node), _read_names(node))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__")
    ]
    assert len(functions) > 2000
    read: dict[object, set[str]] = defaultdict(set)
    for path, node, parameters, names in functions:
        read[node.name] |= names
        read[path, parameters] |= names
    unread = [
        f"{path.relative_to(PACKAGE)}: {node.name}({name})"
        for path, node, parameters, _ in functions
        for name in parameters
        if not name.startswith("_") and name not in read[node.name] | read[path, parameters]
    ]
    assert unread == []


def _parameters(node: ast.FunctionDef) -> tuple[str, ...]:
    taken = node.args
    several = [one for one in (taken.vararg, taken.kwarg) if one is not None]
    every = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs, *several]
    return tuple(one.arg for one in every if one.arg not in ("self", "cls"))


def _read_names(node: ast.FunctionDef) -> set[str]:
    """Names that a body reads; all parameters where it only says what others have to do."""
    docstring = isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
    if all(isinstance(one, ast.Pass | ast.Raise) for one in node.body[docstring:]):
        return set(_parameters(node))
    inside = (each for one in node.body for each in ast.walk(one))
    return {each.id for each in inside if isinstance(each, ast.Name)}


def test_the_architecture_tells_of_every_package_in_the_order_of_the_layers() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    told = re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)
    there = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    there |= {path.stem for path in PACKAGE.glob("[a-z]*.py")}
    assert sorted(told) == sorted(there)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    (layers,) = (
        one["layers"]
        for one in project["tool"]["importlinter"]["contracts"]
        if one["type"] == "layers"
    )
    assert told == [name for layer in layers for name in layer.split(" | ")]
    picture = (REPOSITORY / "docs" / "_static" / "architecture.svg").read_text()
    assert "(_static/architecture.svg)" in page
    assert [name for name in told if f">{name}</text>" not in picture] == []


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
