"""Run the tests with the oldest packages, with the newest, without extras, on every Python.

Each environment is made anew by uv, of what pyproject.toml allows: the oldest releases that it
names, on the oldest Python; the newest ones, on the newest Python; no extras, with tests that need
these skipped; and the locked ones. `python -m tools.matrix oldest -- tests/io` runs one of them,
and what follows `--` is given to pytest.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.release_check import EXTRAS, find_pythons

REPOSITORY = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python and its packages.

    Attributes
    ----------
    python : str
        The version, such as "3.11".
    resolution : str, optional
        "lowest-direct" or "highest" of what pyproject.toml allows; None is the lock.
    extras : tuple of str
        Of boldstream, as its users install them.
    pytest : tuple of str
        Options for pytest.
    """

    python: str
    resolution: str | None
    extras: tuple[str, ...] = EXTRAS
    pytest: tuple[str, ...] = ()


ENVIRONMENTS = {
    # Old releases use what newer ones of their own dependencies call deprecated.
    "oldest": Environment("3.11", "lowest-direct", pytest=("-W", "ignore::DeprecationWarning")),
    "bare": Environment("3.12", "highest", ()),
    "locked": Environment("3.12", None),
    "newest": Environment("3.13", "highest"),
}


def main() -> int:
    """Do it for all environments or those that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="ENVIRONMENT", help=" | ".join(ENVIRONMENTS))
    parser.add_argument("--workers", default="logical", help="processes of pytest (%(default)s)")
    ours, pytest = _divided(sys.argv[1:])
    options = parser.parse_args(ours)
    if unknown := {*options.names} - {*ENVIRONMENTS}:
        parser.error(f"no environment is named {', '.join(unknown)}")
    names = options.names or [*ENVIRONMENTS]
    given = ["-q", "-rs", "-n", options.workers, "--dist", "worksteal", *pytest]
    failed = [name for name in names if not passes(name, ENVIRONMENTS[name], given)]
    print(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


def _divided(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What stands before and after the first ``--``."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def passes(name: str, environment: Environment, pytest: Sequence[str]) -> bool:
    """Make an environment, run the tests in it, and remove it."""
    print(f"{name} ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="boldstream-matrix-") as folder:
        python = install(environment, Path(folder))
        options = ["-p", "no:cacheprovider", *environment.pytest, *pytest]
        command = [str(python), "-m", "pytest", *options]
        return subprocess.run(command, cwd=REPOSITORY, env=_environ(), check=False).returncode == 0


def install(environment: Environment, folder: Path) -> Path:
    """Install the packages of an environment, and this tree, in a folder; returns its Python."""
    pins, home = folder / "pins.txt", folder / "venv"
    (found,) = [p for p in find_pythons() if Path(p).name == f"python{environment.python}"]
    _uv("venv", "--python", found, home)
    python = home / "bin" / "python"
    _uv("pip", "compile", *_choice(environment), "--python", python, "-o", pins, "pyproject.toml")
    packages = [*_tests_need(), "hatchling", "editables"]
    _uv("pip", "install", "--python", python, "-r", pins, *packages)
    _uv("pip", "install", "--python", python, "--no-deps", "--no-build-isolation", "-e", ".")
    return python


def _choice(environment: Environment) -> Iterator[str]:
    for extra in environment.extras:
        yield f"--extra={extra}"
    if environment.resolution is None:
        yield "--constraint=requirements.lock"
    else:
        yield f"--resolution={environment.resolution}"


def _tests_need() -> list[str]:
    """What the tests import beside boldstream's own packages, of any version."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return [x for x in project["optional-dependencies"]["test"] if not re.match("boldstream", x)]


def _uv(*arguments: str | Path) -> None:
    command = [str(UV), *map(str, arguments), "--quiet"]
    subprocess.run(command, cwd=REPOSITORY, env=_environ(), check=True)


def _environ() -> dict[str, str]:
    """Without what would lead a program back into the environment that this one runs in."""
    return {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONPATH"}}


if __name__ == "__main__":
    sys.exit(main())
