"""Figures in README and in the comparison: ``python -m benchmarks.readme [--check]``.

Between ``<!-- figures: NAME -->`` and ``<!-- end of figures -->`` stands what
quoted.toml says under that name, with the figures of the full results in it:
``{key}`` is what was got, ``{key | field}`` something else of the same row.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.harness import REPOSITORY
from benchmarks.results import FULL, Results, ResultsError
from benchmarks.rows import Row
from benchmarks.words import digits, spaced, with_unit

PAGES = (REPOSITORY / "README.md", REPOSITORY / "docs" / "comparison.md")
QUOTED = Path(__file__).with_name("quoted.toml")

_WIDTH = 105
BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(\n<!-- end of figures -->)", re.DOTALL)
FIGURE = re.compile(r"\{([^{}|]+?)(?: \| ([a-z ]+))?\}")


def _field(of: Callable[[Row], float | None], unit: Callable[[Row], str]) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        value = of(row)
        if value is None:
            raise ResultsError(f"the figure {row.key!r} has nothing of this kind")
        return with_unit(value, unit(row))

    return text


_FIELDS: Mapping[str, Callable[[Row], str]] = {
    "": lambda row: row.got,
    "number": lambda row: digits(row.value),
    "whole": lambda row: spaced(row.value),
    "peer": _field(lambda row: row.peer_value, lambda row: row.unit),
    "ratio": _field(lambda row: row.ratio, lambda row: ""),
    "peer number": _field(lambda row: row.peer_value, lambda row: ""),
    "peak": _field(lambda row: row.peak_mib, lambda row: "MiB"),
    "peer peak": _field(lambda row: row.peer_peak_mib, lambda row: "MiB"),
}


def filled(template: str, results: Results) -> str:
    """A template with its figures.

    Raises
    ------
    ResultsError
        If a figure was not taken, or has no such field.
    """

    def figure(found: re.Match[str]) -> str:
        key, field = found[1], found[2] or ""
        if key.startswith("@"):
            return str(results.versions[key[1:]])
        if field not in _FIELDS:
            raise ResultsError(f"{found[0]}: the field must be one of {', '.join(_FIELDS)}")
        return _FIELDS[field](results.row(key))

    parts = FIGURE.sub(figure, template.strip("\n")).split("\n\n")
    return "\n\n".join(part if part.startswith("|") else _wrapped(part) for part in parts)


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), _WIDTH, break_on_hyphens=False)


def read_templates(path: Path = QUOTED) -> dict[str, str]:
    """Templates by the names of their blocks."""
    found: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found


def rendered(text: str, results: Results, templates: Mapping[str, str]) -> str:
    """A page with all its blocks filled anew.

    Raises
    ------
    ResultsError
        If a block has a name that there is no template of.
    """

    def block(found: re.Match[str]) -> str:
        if found[2] not in templates:
            raise ResultsError(f"{QUOTED.name} has no {found[2]!r}")
        return f"{found[1]}\n{filled(templates[found[2]], results)}\n{found[3]}"

    return BLOCK.sub(block, text)


def made(results: Results) -> dict[Path, str]:
    """What the pages have to be."""
    templates = read_templates()
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    return {page: rendered(text, results, templates) for page, text in texts.items()}


def differing(results: Results) -> list[Path]:
    """Pages that are not what the results give."""
    texts = made(results)
    return [page for page, text in texts.items() if page.read_text(encoding="utf-8") != text]


def write(results: Results) -> None:
    """Fill all pages anew, or none."""
    for page, text in made(results).items():
        page.write_text(text, encoding="utf-8")


def main() -> int:
    """Write the pages, or say which are not what the results give."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readme", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where pages differ")
    options = parser.parse_args()
    try:
        results = Results.read(FULL)
        pages = differing(results) if options.check else []
        if not options.check:
            write(results)
    except ResultsError as error:
        print(f"python -m benchmarks.readme: {error}", file=sys.stderr)
        return 1
    for page in pages:
        print(f"{page.name} is not what {FULL.name} gives; write it with: "
              "python -m benchmarks.readme", file=sys.stderr)  # fmt: skip
    return 1 if pages else 0


if __name__ == "__main__":
    sys.exit(main())
