"""What commands print: results on standard output, troubles on standard error.

Colours go to terminals only, and text from files is shown without the control
characters that a name may hold.
"""

from __future__ import annotations

from time import perf_counter

import typer


def printable(text: str, *, keep: str = "") -> str:
    """Escape what is not printable, so that no file name can steer the terminal."""
    return "".join(
        char if char.isprintable() or char in keep else ascii(char)[1:-1] for char in text
    )


def complain(message: str) -> None:
    """Write an error to standard error; what follows its first line is indented."""
    shown = printable(message, keep="\n").replace("\n", "\n  ")
    typer.echo(f"{typer.style('Error:', fg='red', bold=True)} {shown}", err=True)


def say(heading: str, text: str = "") -> None:
    """Write a line to standard output, its heading in bold."""
    line = typer.style(printable(heading), bold=True)
    typer.echo(f"{line}  {printable(text)}" if text else line)


def say_cost(started: float) -> None:
    """Write the time since `started` (of `perf_counter`) and the memory of this process."""
    from boldstream.core.budget import format_bytes
    from boldstream.core.limits import process_memory

    peak = format_bytes(process_memory().peak_rss_bytes)
    typer.echo(f"{perf_counter() - started:.1f} s, peak memory {peak}")
