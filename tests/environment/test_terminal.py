"""Commands with a narrow terminal, none, a closed one, or one that no one reads to the end."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.environment.children import PROGRAM, Plain, run

NARROW = {"TERM": "dumb", "COLUMNS": "20"}


@pytest.mark.parametrize("words", [[], ["extract"], ["searchlight"]], ids=len)
def test_help_fits_a_narrow_terminal(words: list[str]) -> None:
    done = run([*PROGRAM, *words, "--help"], environ=NARROW)
    assert (done.code, done.err) == (0, "")
    assert "Usage: boldstream" in done.out
    assert max(map(len, done.out.splitlines())) <= 20
    assert "\x1b" not in done.out


def test_help_without_docstrings_is_help_still() -> None:
    done = run([PROGRAM[0], "-OO", *PROGRAM[1:], "extract", "--help"])
    assert (done.code, done.err) == (0, "")
    assert "--mask" in done.out


def test_an_extraction_with_all_streams_closed(plain: Plain, tmp_path: Path) -> None:
    given = [plain.inputs / "run-1_bold.nii.gz", "--mask", plain.inputs / "mask.nii.gz"]
    command = [*PROGRAM, "extract", *given, "-o", tmp_path / "out"]
    done = run(command, shell="exec <&- >&- 2>&-")
    assert done.code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mask.json", "mask.npy"]


def test_a_reader_that_leaves_early_is_no_error(plain: Plain) -> None:
    images = [str(plain.inputs / f"run-{run}_bold.nii.gz") for run in (1, 2)] * 8
    line = f"{shlex.join([*PROGRAM, 'info', *images])} | head -n 1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout.splitlines()) == 1
