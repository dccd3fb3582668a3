"""Pages as HTML: templates of this package, in which every text is escaped."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from boldstream._version import __version__
from boldstream.report import blocks
from boldstream.report.blocks import Link, Page

_PAGE, _STYLE, _SCRIPT = "page.html", "style.css", "page.js"


def render(page: Page, *, study: str, made: str, links: tuple[Link, ...]) -> str:
    """A page as HTML, with all that it needs.

    Parameters
    ----------
    page : Page
    study : str
        Title of the whole report.
    made : str
        When.
    links : tuple of Link
        To all pages of the report.
    """
    return (
        _environment()
        .get_template(_PAGE)
        .render(
            page=page,
            study=study,
            made=made,
            links=links,
            version=__version__,
            style=_trusted(_STYLE),
            script=_trusted(_SCRIPT),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("boldstream.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests |= {
        kind.__name__.lower(): _is_a(kind)
        for kind in (
            *(
                blocks.Text,
                blocks.Title,
                blocks.Table,
                blocks.Picture,
                blocks.Pictures,
                blocks.Maps,
            ),
            *(blocks.Methods, blocks.Code),
        )
    }
    return environment


def _is_a(kind: type) -> Any:
    return lambda value: isinstance(value, kind)


def _trusted(name: str) -> Markup:
    """A file of this package, which is not escaped."""
    text = resources.files("boldstream.report").joinpath("templates", name).read_text("utf-8")
    return Markup(text)
