"""The reference of commands, from what ``boldstream --help`` is made of."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from boldstream.cli.app import app as program

PAGE = Path("api", "commands.rst")
_INTRODUCTION = """\
What follows is what ``boldstream COMMAND --help`` says. Exit codes are 0, 1 after an error, 2 after
wrong usage, and 128 + n after signal n.
"""


def render_commands() -> str:
    """The page, in reStructuredText."""
    root = typer.main.get_command(program)
    context = root.make_context("boldstream", [], resilient_parsing=True)
    lines = ["Commands", "========", "", _INTRODUCTION]
    for path, command, inner in _walk(root, context):
        lines += _section(path, command, inner)
    return "\n".join(lines) + "\n"


def _walk(command: Any, context: Any) -> Iterator[tuple[str, Any, Any]]:
    """Every command with the words that call it, the program itself first."""
    yield context.command_path, command, context
    for name in getattr(command, "commands", {}):
        inner = command.get_command(context, name)
        if not inner.hidden:
            yield from _walk(inner, type(context)(inner, parent=context, info_name=name))


def _section(path: str, command: Any, context: Any) -> list[str]:
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [path, "-" * len(path), "", f".. program:: {path}", ""]
    lines += ["::", "", f"   {usage}", ""]
    lines += _paragraphs(command.help or "")
    panel = None
    for parameter in sorted(command.params, key=_panel_of):
        if getattr(parameter, "hidden", False):
            continue
        if _panel_of(parameter) != panel:
            panel = _panel_of(parameter)
            lines += [f".. rubric:: {_escaped(panel[1])}", ""]
        lines += _option(parameter, context)
    return lines


def _panel_of(parameter: Any) -> tuple[int, str]:
    if parameter.param_type_name == "argument":
        return 0, "Arguments"
    panel = parameter.rich_help_panel
    return (1, "Options") if panel is None else (2, panel)


def _option(parameter: Any, context: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        names = parameter.make_metavar(context)
    else:
        names = ", ".join([*parameter.opts, *parameter.secondary_opts])
        if not (parameter.is_flag or parameter.count):
            names += f" {parameter.make_metavar(context)}"
    record = parameter.get_help_record(context)
    about = _escaped(record[1] if record else "")
    return [f".. option:: {names}", "", *textwrap.indent(about, "   ").splitlines(), ""]


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", textwrap.dedent(text).strip()):
        if paragraph.startswith("Example"):
            calls = [line.strip() for line in paragraph.partition(":")[2].splitlines()]
            yield ".. code-block:: console"
            yield ""
            yield from (f"   $ {call}" for call in calls if call)
        else:
            yield from (_escaped(line) for line in paragraph.splitlines())
        yield ""


def _escaped(text: str) -> str:
    r"""Text that means itself in reStructuredText.

    Examples
    --------
    >>> print(_escaped("masks* of `a_`"))
    masks\* of \`a\_\`
    """
    return re.sub(r"([\\*`_|])", r"\\\1", text)


def _write_page(app: Any) -> None:
    path, text = Path(app.srcdir, PAGE), render_commands()
    # Left alone where nothing changed, so that the page need not be read again.
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    """Write the page before sources are looked for."""
    app.connect("builder-inited", _write_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
