"""Warnings that point at the user's program, through all libraries between."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

_BETWEEN = frozenset(
    {
        "boldstream",
        "nilearn",
        "sklearn",
        "joblib",
        "warnings",
        "contextlib",
        "concurrent",
        "threading",
    }
)
_Place = tuple[str, int]


@contextmanager
def warnings_at_caller() -> Generator[None, None, None]:
    """Show warnings of what is done inside at the line that called this library.

    nilearn looks for the first line outside of nilearn, which is one of ours.
    Filters are left alone: `warnings.catch_warnings` would make Python forget
    what it has shown.
    """
    hook = _AtCaller(_caller_of(sys._getframe())[0])
    warnings.showwarning = hook
    try:
        yield
    finally:
        hook.is_over = True
        # Another thread may have put its own on top: this one then only passes on.
        if warnings.showwarning is hook:
            warnings.showwarning = hook.show


class _AtCaller:
    """A `warnings.showwarning` that moves warnings of libraries to the line that called them."""

    def __init__(self, entered: _Place | None) -> None:
        self._entered = entered
        self.is_over = False
        self.show = warnings.showwarning
        while isinstance(self.show, _AtCaller) and self.show.is_over:
            self.show = self.show.show

    def __call__(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        place, passed = _caller_of(sys._getframe())
        if filename in passed and not self.is_over:
            # A thread of the library begins inside it.
            filename, lineno = place or self._entered or (filename, lineno)
        self.show(message, category, filename, lineno, file, line)


def _caller_of(frame: FrameType | None) -> tuple[_Place | None, set[str]]:
    """The first line outside, going out from a frame, and the files that are passed."""
    passed: set[str] = set()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _BETWEEN:
            return (frame.f_code.co_filename, frame.f_lineno), passed
        passed.add(frame.f_code.co_filename)
        frame = frame.f_back
    return None, passed
