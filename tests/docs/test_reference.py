"""The API reference and the reference of commands: nothing public is missing."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest
import typer

import boldstream as bs
from boldstream.cli.app import app
from tests.docs.pages import documented_names, extension


def found(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


DOCUMENTED = documented_names()
PUBLIC = [f"boldstream.{name}" for name in bs.__all__ if name != "__version__"] + [
    f"boldstream.{package}.{name}"
    for package in bs._PACKAGES  # type: ignore[attr-defined]
    for name in getattr(bs, package).__all__
]


def test_the_reference_lists_each_name_once() -> None:
    assert len(DOCUMENTED) > 100
    assert len(set(DOCUMENTED)) == len(DOCUMENTED)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_the_reference_lists_is_there_and_says_what_it_does(name: str) -> None:
    assert (found(name).__doc__ or "").strip()


def test_every_public_name_is_in_the_reference() -> None:
    # Under whichever of its names: `bs.FirstLevel` is `bs.glm.FirstLevel`.
    objects = {id(found(name)) for name in DOCUMENTED}
    assert [name for name in PUBLIC if id(found(name)) not in objects] == []


def commands_of(group: Any, words: str) -> list[tuple[str, Any]]:
    listed = [(words, group)]
    for name, command in getattr(group, "commands", {}).items():
        listed += commands_of(command, f"{words} {name}")
    return listed


COMMANDS = commands_of(typer.main.get_command(app), "boldstream")


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    """The page of commands, by the title of its sections."""
    text = extension("commands").render_commands()
    parts = re.split(r"^(boldstream.*)\n-+\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[words for words, _ in COMMANDS])
def test_the_page_of_commands_has_every_option(
    words: str, command: Any, sections: dict[str, str]
) -> None:
    entries = re.findall(r"^\.\. option:: (.*)$", sections[words], flags=re.MULTILINE)
    listed = {name for entry in entries for name in re.findall(r"(?<![\w\[-])--?[\w-]+", entry)}
    for parameter in command.params:
        if not getattr(parameter, "hidden", False) and parameter.param_type_name == "option":
            assert {*parameter.opts, *parameter.secondary_opts} <= listed


def test_the_page_of_commands_shows_examples(sections: dict[str, str]) -> None:
    assert "   $ boldstream extract" in sections["boldstream extract"]
    assert "Example" not in sections["boldstream extract"]
