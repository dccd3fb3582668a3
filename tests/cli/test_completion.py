"""Completion in shells, by the protocol that their scripts follow, and in bash itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"numpy", "nibabel", "scipy", "pydantic", "pandas", "boldstream.api"}
CASES = [
    pytest.param("boldstream ext", {"extract"}, id="command"),
    pytest.param("boldstream --vers", {"--version"}, id="option of the program"),
    pytest.param("boldstream extract --mas", {"--mask"}, id="option"),
    pytest.param(
        "boldstream extract bold.nii --standardize z", {"zscore", "zscore_sample"}, id="value"
    ),
    pytest.param("boldstream cache ", None, id="command of a group"),
]


def ask(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the program as a completion script does."""
    program = [sys.executable, "-m", "boldstream"]
    return subprocess.run(
        program, capture_output=True, text=True, check=False, env=os.environ | environment
    )


def ask_bash(line: str) -> list[str]:
    words = line.split(" ")
    done = ask(
        {
            "_BOLDSTREAM_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def ask_zsh(line: str) -> str:
    done = ask({"_BOLDSTREAM_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def ask_fish(line: str, action: str) -> subprocess.CompletedProcess[str]:
    return ask(
        {
            "_BOLDSTREAM_COMPLETE": "complete_fish",
            "_TYPER_COMPLETE_FISH_ACTION": action,
            "_TYPER_COMPLETE_ARGS": line,
        }
    )


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_commands_options_and_values(line: str, expected: set[str] | None) -> None:
    offered = ask_bash(line)
    assert set(offered) == expected if expected else "clear" in offered
    # zsh and fish get the same, and what each is for.
    told = ask_zsh(line)
    assert told.startswith("_arguments '*: :((")
    fish = ask_fish(line, "get-args").stdout.splitlines()
    assert [entry.split("\t")[0] for entry in fish] == offered
    assert all(f'"{name}"' in told for name in offered)
    assert ask_fish(line, "is-args").returncode == 0


@pytest.mark.parametrize(
    "line", ["boldstream extract bo", "boldstream extract bold.nii --mask V", "boldstream run stu"]
)
def test_files_are_left_to_the_shell(line: str) -> None:
    assert ask_bash(line) == []
    assert ask_zsh(line) == "_files"
    assert ask_fish(line, "is-args").returncode == 1


def test_a_completion_imports_nothing_heavy() -> None:
    code = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
        "from boldstream.cli.entry import run; run(sys.argv[1:])"
    )
    words = {"COMP_WORDS": "boldstream\nextract\n--ma", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"_BOLDSTREAM_COMPLETE": "complete_bash"} | words,
    )
    assert "--mask" in done.stdout.split()
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    assert not HEAVY & loaded


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with an empty home and `boldstream` on the path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "boldstream"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m boldstream "$@"\n')
    program.chmod(0o755)
    return os.environ | {"HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}"}


def run_bash(script: str, environment: dict[str, str], *options: str) -> str:
    command = ["bash", *options, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout


SMOOTHING = ["--smoothing-fwhm", "--smooth"]
PRESS_TAB = """
COMP_WORDS=(boldstream extract --smoo); COMP_CWORD=2
_boldstream_completion boldstream
echo "${COMPREPLY[@]}"
"""


def test_the_script_that_is_shown_completes_in_bash(home: dict[str, str]) -> None:
    shown = 'eval "$(boldstream --show-completion)"'
    assert run_bash(f"{shown}\n{PRESS_TAB}", home, "--norc").split() == SMOOTHING


def test_it_installs_itself_for_the_next_bash(home: dict[str, str]) -> None:
    assert "bash completion installed in" in run_bash("boldstream --install-completion; :", home)
    rc = Path(home["HOME"]) / ".bashrc"
    assert run_bash(f"source {rc}\n{PRESS_TAB}", home, "--norc").split() == SMOOTHING
