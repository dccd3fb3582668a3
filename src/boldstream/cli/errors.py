"""Errors of a command as one clear message, without a traceback."""

from __future__ import annotations

import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from boldstream.cli.console import complain
from boldstream.core.errors import BoldstreamError


class CommandGroup(TyperGroup):
    """Commands whose errors end in a message and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # As in `boldstream info *.nii | head`: typer ends such a command quietly.
            raise
        except (BoldstreamError, OSError, MemoryError) as error:
            report(error, ctx)
            raise typer.Exit(1) from error


def report(error: Exception, ctx: typer.Context) -> None:
    """Say what went wrong, and where in the program if ``--traceback`` asks for it."""
    if ctx.find_root().params["traceback"]:
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.filename is not None:
        complain(f"{error.filename}: {error.strerror}")
    else:
        complain(str(error) or type(error).__name__)
