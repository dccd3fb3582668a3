"""Pages as lists of their elements, read by Python's own parser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

_VOID = ("meta", "link", "img", "input", "br", "hr")


@dataclass
class Element:
    """A tag with what is in it; `within` are the tags around it."""

    tag: str
    attributes: dict[str, str]
    within: tuple[str, ...]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


class Reading(HTMLParser):
    """All elements of a page; tags that close in the wrong order are an error."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {[one.tag for one in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"<{tag}> names an attribute twice: {names}"
        within = tuple(one.tag for one in self._open)
        element = Element(tag, {name: value or "" for name, value in attrs}, within)
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.texts.append(data)

    def all(self, tag: str) -> list[Element]:
        return [one for one in self.elements if one.tag == tag]

    @property
    def text(self) -> str:
        (body,) = self.all("body")
        return body.text


def read_page(path: Path) -> Reading:
    """The elements of a file."""
    return Reading(path.read_text(encoding="utf-8"))


def addresses(page: Reading) -> list[str]:
    """All that a page leads to or loads."""
    found = [
        one.attributes[name]
        for one in page.elements
        for name in ("src", "href", "srcset", "action", "data", "poster")
        if name in one.attributes
    ]
    for style in page.all("style"):
        found += re.findall(r"url\(\s*['\"]?([^'\")]+)", style.text)
        found += re.findall(r"@import\s+(\S+)", style.text)
    return found
