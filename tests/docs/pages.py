"""Reads the sources of the documentation: which pages there are, and what they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
EXAMPLES = REPOSITORY / "examples"
# Made while the site is built.
MADE = (DOCS / "gallery", DOCS / "_build", DOCS / "api" / "generated")

_TOCTREE = re.compile(r"^(`{3,}|:{3,})\{toctree\}\n(.*?)^\1", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def markdown_pages() -> list[Path]:
    """All pages that are written by hand in Markdown."""
    return sorted(
        path for path in DOCS.rglob("*.md") if not any(made in path.parents for made in MADE)
    )


def pages_below(page: Path) -> set[Path]:
    """A page and all that its toctrees lead to, and theirs."""
    found, left = set[Path](), [page]
    while left:
        page = left.pop()
        if page not in found and page.exists():
            found.add(page)
            left += _listed(page)
    return found


def _listed(page: Path) -> Iterator[Path]:
    for _, body in _TOCTREE.findall(page.read_text()):
        for line in body.splitlines():
            if line and not line.startswith(":"):
                yield from sorted(
                    (page.parent / line).parent.resolve().glob(f"{Path(line).name}.md")
                )
                # A pattern names files, not pages.
                if "*" in line:
                    yield from sorted(page.parent.glob(line))


def fences(page: Path, language: str) -> list[str]:
    """Blocks of code of one language on a page."""
    return [text for name, text in _FENCE.findall(page.read_text()) if name == language]


def documented_names() -> list[str]:
    """Full names of what the API reference lists."""
    names = []
    for page in sorted((DOCS / "api").glob("*.rst")):
        module, listing = "", False
        for line in page.read_text().splitlines():
            if line.startswith(".. currentmodule::"):
                module = line.split()[-1]
            elif line.startswith(".. autosummary::"):
                listing = True
            elif listing and re.fullmatch(r"   \w+", line):
                names.append(f"{module}.{line.strip()}")
            elif line and not line.startswith("   "):
                listing = False
    return names


def extension(name: str) -> Any:
    """A module of ``docs/_ext``."""
    spec = util.spec_from_file_location(f"docs_{name}", DOCS / "_ext" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
