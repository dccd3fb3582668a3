"""Ways of a toy: ``python -m tests.benchmarks.toy_ways WAY LIBRARY JSON`` prints a line of JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

_loaded: list[tuple[str, int]] = []


def load(library: str) -> None:
    """Remember who loaded what."""
    if library == "none":
        raise ImportError("no such library")
    _loaded.append((library, os.getpid()))


def main() -> None:
    """Tell of this process; or fail."""
    way, library, text = sys.argv[1:]
    if way == "fail":
        raise ValueError(f"no such {json.loads(text)['what']}")
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if not _loaded:
        load(library)
    found: dict[str, Any] = {
        "loaded": _loaded,
        "pid": os.getpid(),
        "variable": os.environ.get("A_VARIABLE"),
        "cpus": len(os.sched_getaffinity(0)),
        "input": sys.stdin.read(),
    }
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
