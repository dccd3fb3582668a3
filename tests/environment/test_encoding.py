"""Text files are in UTF-8 whatever the locale, and names of files may be anything."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import boldstream
from boldstream.io.writing import write_json
from tests.environment.children import PROGRAM, Plain, run, working
from tests.study.runs import UNITS, done_units, write_study

SOURCES = sorted(Path(boldstream.__file__).parent.rglob("*.py"))
# Python sets UTF-8 for these locales by itself, unless it is told not to.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def unnamed(source: Path) -> Iterator[int]:
    """Lines that read or write text in the encoding of the locale."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            text = isinstance(keywords.get("text"), ast.Constant)
            reads = node.func.attr == "read_text" and not node.args
            writes = node.func.attr == "write_text" and len(node.args) < 2
            if (text or reads or writes) and "encoding" not in keywords:
                yield node.lineno


def test_every_text_file_is_given_its_encoding() -> None:
    assert SOURCES
    assert {f"{path}:{line}" for path in SOURCES for line in unnamed(path)} == set()


def test_python_warns_of_no_encoding_either(plain: Plain, tmp_path: Path) -> None:
    command = working(plain.inputs, tmp_path / "found.npz", "extract", "store", "first_level")
    done = run(command, environ={"PYTHONWARNDEFAULTENCODING": "1"})
    package = str(Path(boldstream.__file__).parent)
    # Others have their own.
    assert [line for line in done.err.splitlines() if package in line] == []
    assert done.code == 0


@pytest.mark.parametrize("name", ["Zürich-脳→", os.fsdecode(b"caf\xe9")])
def test_commands_know_any_name_in_a_locale_of_ascii(
    plain: Plain, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    image = folder / "bold.nii.gz"
    image.symlink_to(plain.inputs / "run-1_bold.nii.gz")
    given = ["--mask", f"naïve={plain.inputs / 'mask.nii.gz'}", "-o", folder / "out"]
    done = run([*PROGRAM, "extract", image, *given], environ=ASCII)
    assert (done.code, done.err) == (0, "")
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["naïve.json", "naïve.npy"]
    assert "naïve.npy  48 × 60" in done.out


def test_names_that_are_no_text_come_back_from_json(tmp_path: Path) -> None:
    name = os.fsdecode("脳".encode() + b"\xff")
    write_json(tmp_path / "a.json", {"files": [name], "half": "\ud800"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"files": [name], "half": "\ud800"}
    assert "脳" in text


@pytest.mark.soak
@pytest.mark.parametrize("name", ["Zürich-脳→", os.fsdecode(b"caf\xe9")])
def test_a_study_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "plain").mkdir()
    study = write_study(tmp_path / "plain")
    # A study file is in UTF-8 and names files beside it: its own folder may have any name.
    text = study.read_text(encoding="utf-8").replace(f"{study.parent}/", "")
    study.write_text(text, encoding="utf-8")
    folder = tmp_path / name
    study.parent.rename(folder)
    command = [*PROGRAM, "run", folder / study.name, "--no-progress", "--output-dir", folder / "o"]
    done = run(command, environ=ASCII)
    assert (done.code, done.err) == (0, "")
    assert set(done_units(folder / "o")) == {*UNITS, "group/group"}
    assert (folder / "o" / "report" / "index.html").exists()
