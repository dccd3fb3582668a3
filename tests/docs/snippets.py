"""Examples of a page, run in order as a reader would, and compared with what the page says.

A fenced block of ``python`` or ``bash`` is run. A block of ``text`` right below it is what it
prints, or the error that it raises; ``…`` stands for anything. Other languages are only shown.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boldstream.core.errors import BoldstreamError

LANGUAGES = frozenset({"python", "bash", "text", "console", "yaml", "matlab"})
RUN = frozenset({"python", "bash"})
# Of this interpreter: on the path may be that of another installation.
_BOLDSTREAM = 'boldstream() { "$SNIPPETS_PYTHON" -m boldstream "$@"; }\n'
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """A fenced block.

    Attributes
    ----------
    language : str
    text : str
    line : int
        Of the page, where its text starts.
    said : str or None
        What the page says that it prints or raises.
    heading : str
        The nearest one above it.
    """

    language: str
    text: str
    line: int
    said: str | None
    heading: str


def read_snippets(page: Path) -> list[Snippet]:
    """All fenced blocks of a page in order; those that say what others print are part of these."""
    text = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    snippets = []
    for i, block in enumerate(found):
        below = found[i + 1] if i + 1 < len(found) else None
        is_below = below is not None and not text[block.end() : below.start()].strip()
        said = below[2] if below is not None and is_below and below[1] == "text" else None
        line = text.count("\n", 0, block.start(2)) + 1
        headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", text[: block.start()]), re.MULTILINE)
        snippets.append(Snippet(block[1], block[2], line, said, headings[-1]))
    return snippets


def run_page(page: Path, folder: Path) -> Iterator[tuple[Snippet, str]]:
    """Run a page's examples in the folder of the files that they name; what each printed.

    The current folder must be `folder`.
    """
    names: dict[str, Any] = {"__name__": page.stem}
    for snippet in read_snippets(page):
        if snippet.language == "python":
            yield snippet, _run_python(snippet, names, page)
        elif snippet.language == "bash":
            yield snippet, _run_bash(snippet, folder)


def fits(printed: str, said: str) -> bool:
    """Whether it is what the page says; it says nothing of spaces at the ends of lines.

    Examples
    --------
    >>> fits("0.3 s, peak memory 59 MiB", "… s, peak memory … MiB")
    True
    """
    pattern = ".*?".join(re.escape(part) for part in _stripped(said).split("…"))
    return re.fullmatch(pattern, _stripped(printed), flags=re.DOTALL) is not None


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _run_python(snippet: Snippet, names: dict[str, Any], page: Path) -> str:
    # Empty lines above, so that a traceback has the lines of the page.
    code = compile("\n" * (snippet.line - 1) + snippet.text, str(page), "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(code, names)
        except BoldstreamError as error:
            return f"{printed.getvalue()}{type(error).__name__}: {error}"
    return printed.getvalue()


def _run_bash(snippet: Snippet, folder: Path) -> str:
    done = run_shell(snippet.text, folder)
    expected = 1 if (snippet.said or "").startswith("Error: ") else 0
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


def run_shell(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run lines of bash in a folder; ``boldstream`` is the program that is tested."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", _BOLDSTREAM + text],
        cwd=folder,
        env=os.environ | {"SNIPPETS_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
