"""Child processes in surroundings of their own, and what they found beside a plain one's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.environment import work

PROGRAM = [sys.executable, "-m", "boldstream"]
# Whatever hangs is ended, and is a fault.
PATIENCE = 250


@dataclass(frozen=True)
class Plain:
    """Inputs, and what a plain process finds in them."""

    inputs: Path
    found: Mapping[str, Any]

    def check(self, output: Path) -> None:
        """Have what another process found be the same, bit by bit."""
        with np.load(output, allow_pickle=False) as found:
            assert set(found) <= set(self.found)
            for name in found:
                np.testing.assert_array_equal(found[name], self.found[name], err_msg=name)


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    code: int
    out: str
    err: str


def run(
    command: Sequence[object],
    *,
    environ: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
    shell: str = "",
    cwd: Path | None = None,
) -> Ended:
    """Run a command to its end.

    Parameters
    ----------
    command : sequence
    environ : mapping, optional
        Variables that are set, beside those of this process.
    without : sequence of str
        Variables that are unset.
    shell : str
        What a shell does before it becomes the command, such as ``"ulimit -n 64"``.
    """
    given = {name: text for name, text in os.environ.items() if name not in without}
    line = [str(part) for part in command]
    if shell:
        line = ["sh", "-c", f'{shell} && exec "$@"', "sh", *line]
    done = subprocess.run(
        line,
        env=given | dict(environ or {}),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ended(done.returncode, _text(done.stdout), _text(done.stderr))


def working(inputs: Path, output: Path, *parts: str, options: Sequence[str] = ()) -> list[object]:
    """The command that does parts of the work; all of them if none is named."""
    return [sys.executable, *options, work.__file__, inputs, output, *parts]


@cache
def can_unshare() -> bool:
    """Whether this user may have mounts of its own, as root may."""
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return done.returncode == 0


def need_mounts() -> None:
    """Skip a test where mounts cannot be changed."""
    if not can_unshare():
        pytest.skip("only root may change mounts")


def read_only(*folders: Path) -> str:
    """A shell's words that mount folders for reading only, for :func:`run`; needs `in_mounts`."""
    return " && ".join(
        f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}" for folder in folders
    )


def in_mounts(shell: str, command: Sequence[object]) -> list[object]:
    """A command with mounts of its own, which a shell changes before."""
    return ["unshare", "-m", "sh", "-c", f'{shell} && exec "$@"', "sh", *command]


def as_stranger(command: Sequence[object]) -> list[object]:
    """A command run as a user that has no name, no home and no entry in any list."""
    return ["unshare", "-U", "--map-user=12345", "--map-group=12345", *command]


def _text(printed: bytes) -> str:
    return printed.decode("utf-8", errors="backslashreplace")
