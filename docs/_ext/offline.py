"""The site must open without a network: a page that would load anything is a warning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.util import logging

_log = logging.getLogger(__name__)
# Links that a reader follows are not loaded; what these name is.
_LOADED = (
    re.compile(
        r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=[\"']((?:https?:)?//[^\"']+)"
    ),
    re.compile(r"<link\b(?![^>]*rel=[\"']canonical)[^>]*?\bhref=[\"']((?:https?:)?//[^\"']+)"),
    re.compile(r"(?:@import\s+|url\()[\"']?((?:https?:)?//[^\"')]+)"),
)


def loaded_addresses(text: str) -> list[str]:
    """Addresses elsewhere that a page or a style sheet loads when it is opened.

    Examples
    --------
    >>> loaded_addresses('<a href="https://nilearn.github.io">nilearn</a>')
    []
    >>> loaded_addresses('<script src="https://example.org/a.js"></script>')
    ['https://example.org/a.js']
    """
    return [address for pattern in _LOADED for address in pattern.findall(text)]


def _check_pages(app: Any, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*")):
        if path.suffix in {".html", ".css"}:
            for address in loaded_addresses(path.read_text(encoding="utf-8")):
                _log.warning("%s loads %s", path.relative_to(app.outdir), address)


def setup(app: Any) -> dict[str, Any]:
    """Look at the pages once they are written."""
    app.connect("build-finished", _check_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
