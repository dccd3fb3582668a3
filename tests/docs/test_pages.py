"""Pages: each can be found, what their programs name exists, and none loads anything."""

from __future__ import annotations

import ast
import doctest
from importlib import import_module

import pytest

import boldstream as bs
from tests.docs.pages import DOCS, extension, fences, markdown_pages, pages_below

PAGES = markdown_pages()
PROGRAMS = [
    pytest.param(text, id=f"{page.relative_to(DOCS)}-{number}")
    for page in PAGES
    for number, text in enumerate(fences(page, "python"))
]


def test_every_page_is_in_a_table_of_contents() -> None:
    assert len(PAGES) > 20
    assert sorted(set(PAGES) - pages_below(DOCS / "index.md")) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_a_program_takes_from_boldstream_is_there(program: str) -> None:
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("boldstream"):
            module = import_module(str(node.module))
            for name in node.names:
                assert hasattr(module, name.name), f"{node.module} has no {name.name}"
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "bs":
            assert hasattr(bs, node.attr), f"bs has no {node.attr}"


@pytest.mark.parametrize(
    ("page", "loaded"),
    [
        ('<a href="https://nilearn.github.io">nilearn</a>', []),
        ('<img src="_images/plot.png"><script src="_static/theme.js"></script>', []),
        ("<script async src='https://example.org/a.js'></script>", ["https://example.org/a.js"]),
        ('<img alt="x" src="//example.org/a.png">', ["//example.org/a.png"]),
        ('<link rel="stylesheet" href="http://example.org/a.css">', ["http://example.org/a.css"]),
        ("@font-face { src: url(https://example.org/a.woff2) }", ["https://example.org/a.woff2"]),
    ],
)
def test_what_a_page_would_load_is_seen(page: str, loaded: list[str]) -> None:
    assert extension("offline").loaded_addresses(page) == loaded


@pytest.mark.parametrize("name", ["commands", "offline"])
def test_the_examples_of_the_extensions_run(name: str) -> None:
    tried = doctest.testmod(extension(name))
    assert tried.attempted > 0
    assert tried.failed == 0
