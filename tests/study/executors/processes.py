"""What runs on this machine, as /proc tells; and programs that use executors."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def family_of(pid: int) -> set[int]:
    """Processes that descend from one."""
    found: set[int] = set()
    for children in Path("/proc").glob(f"{pid}/task/*/children"):
        for child in _text(children).split():
            found |= {int(child), *family_of(int(child))}
    return found


def lives(pid: int) -> bool:
    """Whether it runs; one that ended and that nobody asked for yet does not."""
    status = _text(Path(f"/proc/{pid}/stat"))
    return bool(status) and status.rpartition(")")[2].split()[0] not in "ZX"


def variables_of(pid: int) -> set[str]:
    """Its environment, as ``"NAME=value"``; empty where it is gone."""
    return set(_text(Path(f"/proc/{pid}/environ")).split("\0"))


def wait_until(true: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something to become true; on a busy machine what starts may take long."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def start_program(text: str, *arguments: object, **environ: str) -> subprocess.Popen[bytes]:
    """Run a program of Python that finds the tests, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environ},
        start_new_session=True,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
