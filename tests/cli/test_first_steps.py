"""What someone types who has never used it: nothing, ``-h``, and words that are mistyped."""

from __future__ import annotations

import pytest

import boldstream as bs
from tests.cli.conftest import Command


def said(text: str) -> str:
    """A message without the box around it, on one line."""
    return " ".join(text.replace("│", " ").split())


def test_the_program_alone_shows_its_help(command: Command) -> None:
    done = command()
    assert done.code == 2
    assert "Usage: boldstream" in done.out + done.err
    assert "Example: boldstream" in done.out + done.err
    assert command("-h").out == command("--help").out


def test_the_version(command: Command) -> None:
    assert command("--version").out == f"boldstream {bs.__version__}\n"


@pytest.mark.parametrize(
    ("typed", "meant"), [("extrakt", "extract"), ("dem", "demo"), ("slurm_script", "slurm-script")]
)
def test_a_mistyped_command_is_told_with_what_was_meant(
    command: Command, typed: str, meant: str
) -> None:
    done = command(typed)
    assert done.code == 2
    assert f"No such command '{typed}'. Did you mean '{meant}'" in said(done.err)


def test_a_mistyped_option_is_told_with_what_was_meant(command: Command) -> None:
    done = command("extract", "bold.nii", "--maks", "V1.nii")
    assert done.code == 2
    assert "--maks" in done.err
    assert "--mask" in said(done.err)


def test_what_is_missing_is_told_with_where_help_is(command: Command) -> None:
    done = command("extract")
    assert done.code == 2
    assert "Missing argument 'BOLD...'" in said(done.err)
    assert "boldstream extract -h" in said(done.err)
