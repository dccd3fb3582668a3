"""What is released: wheel, sdist, containers, citation, workflow; and one version in all."""

from __future__ import annotations

import email.parser
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import boldstream as bs
from tests.conftest import REPOSITORY
from tools import release_check

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
PYTHONS = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the sdist, which lies beside it."""
    return release_check.build(REPOSITORY, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """Names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_package_and_nothing_else(names: set[str]) -> None:
    package = REPOSITORY / "src" / "boldstream"
    files = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    about = f"boldstream-{bs.__version__}.dist-info"
    assert {name for name in names if not name.startswith(about)} == files
    assert "boldstream/py.typed" in names
    assert f"{about}/licenses/LICENSE" in names


@pytest.mark.parametrize("ending", [".html", ".css"])
def test_the_wheel_holds_what_reports_are_made_of(names: set[str], ending: str) -> None:
    assert any(
        name.startswith("boldstream/report/templates/") and name.endswith(ending) for name in names
    )


def test_the_metadata_are_those_of_the_project(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        about = f"boldstream-{bs.__version__}.dist-info"
        metadata = email.parser.Parser().parsestr(archive.read(f"{about}/METADATA").decode())
        commands = archive.read(f"{about}/entry_points.txt").decode()
    assert metadata["Version"] == bs.__version__
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert {"cluster", "minc"} <= set(metadata.get_all("Provides-Extra", []))
    assert "boldstream = boldstream.cli:main" in commands


def test_the_sdist_makes_the_wheel_that_the_repository_makes(wheel: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(
        [*command, "--directory", tmp_path], cwd=REPOSITORY, check=True, capture_output=True
    )
    (direct,) = tmp_path.iterdir()
    assert direct.name == wheel.name
    assert direct.read_bytes() == wheel.read_bytes()


def test_the_sdist_holds_what_tests_and_containers_need(wheel: Path) -> None:
    (sdist,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    top = {name.partition("/")[0] for name in held}
    assert {"src", "tests", "benchmarks", "docs", "tools", "containers", ".ci", ".github"} <= top
    assert {"Dockerfile", "Makefile", "requirements.lock", "CITATION.cff", "LICENSE"} <= held
    assert not any("__pycache__" in name or name.startswith("benchmarks/images") for name in held)


def test_the_version_is_in_one_place() -> None:
    assert "version" in PROJECT["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc|\.dev)\d+)?", bs.__version__)
    assert citation()["version"] == bs.__version__
    changes = (REPOSITORY / "CHANGELOG.md").read_text()
    assert re.findall(r"^## (\S+)", changes, flags=re.MULTILINE)[0] == bs.__version__
    settings = (REPOSITORY / "docs" / "conf.py").read_text()
    assert re.search(r"^(release|version)\b.*__version__", settings, flags=re.MULTILINE)


def citation() -> dict[str, Any]:
    content = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert isinstance(content, dict)
    return content


def test_the_citation_is_of_the_format() -> None:
    """As https://github.com/citation-file-format describes version 1.2.0."""
    content = citation()
    assert content["cff-version"] == "1.2.0"
    assert content["type"] == "software"
    assert all(isinstance(content[key], str) for key in ("message", "title", "abstract", "version"))
    assert content["license"] == PROJECT["license"]
    assert [author["name"] for author in content["authors"]] == [
        author["name"] for author in PROJECT["authors"]
    ]
    assert content["keywords"] == PROJECT["keywords"]
    known = {"abstract", "authors", "cff-version", "keywords", "license", "message", "title"}
    assert set(content) == known | {"type", "version"}


def test_the_workflow_calls_what_runs_here() -> None:
    text = (REPOSITORY / ".github" / "workflows" / "ci.yml").read_text()
    workflow = yaml.safe_load(text)
    # YAML 1.1 reads the key `on` as a boolean.
    assert set(workflow[True]) == {"push", "pull_request"}
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == PYTHONS
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in used)
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    script = REPOSITORY / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


def test_the_release_is_tried_on_the_pythons_that_are_promised() -> None:
    assert list(release_check.MINORS) == PYTHONS
    assert sys.version_info[:2] in [tuple(map(int, minor.split("."))) for minor in PYTHONS]


def instructions(name: str) -> list[tuple[str, str]]:
    """Of a Dockerfile, its continued lines joined."""
    text = (REPOSITORY / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def test_the_image_has_a_pinned_base_and_no_root() -> None:
    steps = instructions("Dockerfile")
    (python,) = (value.split("=")[1] for name, value in steps if name == "ARG")
    bases = [value.split()[0] for name, value in steps if name == "FROM"]
    assert set(bases) == {"python:${PYTHON}-slim"}
    assert python in PYTHONS
    assert ("ENTRYPOINT", '["boldstream"]') in steps
    assert [value for name, value in steps if name == "USER"][-1] == "boldstream"
    recipe = (REPOSITORY / "containers" / "boldstream.def").read_text()
    assert f"From: python:{python}-slim" in recipe


def test_containers_are_made_of_files_that_are_there() -> None:
    kept = (REPOSITORY / ".dockerignore").read_text().splitlines()
    copies = [value for name, value in instructions("Dockerfile") if name == "COPY"]
    sources = {part for copy in copies if "--from" not in copy for part in copy.split()[:-1]}
    recipe = (REPOSITORY / "containers" / "boldstream.def").read_text()
    files = recipe.partition("%files\n")[2].partition("\n\n")[0]
    assert {line.split()[0] for line in files.splitlines()} == sources
    for source in sources:
        assert (REPOSITORY / source).exists()
        assert f"!{source}" in kept
    for section in ("%post", "%environment", "%runscript", "%test", "%help"):
        assert f"\n{section}\n" in recipe
    script = REPOSITORY / "containers" / "install.sh"
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)
    assert "/install.sh /opt/boldstream" in recipe


def test_the_installer_finds_its_own_tool_in_the_lock() -> None:
    (pattern,) = re.findall(
        r"sed -n '(.*)'", (REPOSITORY / "containers" / "install.sh").read_text()
    )
    found = subprocess.run(
        ["sed", "-n", pattern, REPOSITORY / "requirements.lock"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert found.startswith("uv==")
    assert len(re.findall("^[a-z]", found, flags=re.MULTILINE)) == 1
    assert "--hash=sha256:" in found


def test_a_smoke_test_knows_every_extra_that_users_have() -> None:
    extras = set(PROJECT["optional-dependencies"]) - {"dev", "docs", "test"}
    assert set(release_check.EXTRAS) == extras
