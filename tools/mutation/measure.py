"""Which lines each test runs, and how long it takes: one JSON line per file of tests.

Run as ``python -m tools.mutation.measure DESCRIPTOR SECONDS PATH...`` in the copy.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from tools.mutation.session import prepare, pytest_arguments


class Lines:
    """Lines of `source` that ran in any thread since the last `take`."""

    def __init__(self, source: Path) -> None:
        self.source = str(source) + os.sep
        # Of code that is not of `source`, and of code seen to the last line, nothing is left.
        self.left: dict[CodeType, set[int]] = {}
        self.found: dict[str, set[int]] = defaultdict(set)

    def start(self) -> None:
        self.left, self.found = {}, defaultdict(set)
        threading.settrace(self._enter)
        sys.settrace(self._enter)

    def take(self) -> dict[str, list[int]]:
        sys.settrace(None)
        threading.settrace(None)
        return {file: sorted(lines) for file, lines in self.found.items()}

    def _enter(self, frame: FrameType, event: str, arg: object) -> Any:
        code = frame.f_code
        left = self.left.get(code)
        if left is None:
            ours = code.co_filename.startswith(self.source) and code.co_name != "<module>"
            left = {line for _, _, line in code.co_lines() if line} if ours else set()
            self.left[code] = left
            left.discard(code.co_firstlineno)
        return self._step if left else None

    def _step(self, frame: FrameType, event: str, arg: object) -> Any:
        code = frame.f_code
        left = self.left[code]
        if event == "line" and frame.f_lineno in left:
            left.discard(frame.f_lineno)
            self.found[code.co_filename].add(frame.f_lineno)
        if not left:
            frame.f_trace_lines = False
        return self._step


class Measuring:
    """Plugin of pytest that notes the time, the lines and the outcome of each test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines = Lines(root / "src" / "boldstream")
        self.passed = False
        self.tests: dict[str, list[dict[str, Any]]] = defaultdict(list)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.passed, start = True, _used()
        self.lines.start()
        try:
            return (yield)
        finally:
            lines = self.lines.take()
            self.tests[item.nodeid.split("::")[0]].append(
                {
                    "test": item.nodeid,
                    "seconds": _used() - start,
                    "passed": self.passed,
                    "lines": {os.path.relpath(file, self.root): x for file, x in lines.items()},
                }
            )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.passed &= not (report.failed or report.skipped)


def _used() -> float:
    """Seconds of the processor, those of ended children included."""
    return sum(os.times()[:4])


def main(descriptor: str, slowest: str, *paths: str) -> None:
    """Measure files of tests, and write what was found to an open file."""
    prepare()
    with os.fdopen(int(descriptor), "w") as out:
        for path in paths:
            plugin = Measuring(Path.cwd())
            pytest.main([*pytest_arguments(slowest=float(slowest)), path], plugins=[plugin])
            out.write(json.dumps({"file": path, "tests": plugin.tests.get(path, [])}) + "\n")
            out.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
