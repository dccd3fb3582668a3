"""Errors of a command as one clear message, without a traceback."""

from __future__ import annotations

import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from boldstream.cli.console import complain
from boldstream.cli.wording import speak_options
from boldstream.core.errors import BoldstreamError, TableError


class CommandGroup(TyperGroup):
    """Commands whose errors end in a message and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # As in `boldstream info *.nii | head`: typer ends such a command quietly.
            raise
        except (BoldstreamError, OSError, MemoryError) as error:
            report(error, ctx, self.commands.get(ctx.invoked_subcommand or ""))
            raise typer.Exit(1) from error


def report(error: Exception, ctx: typer.Context, command: Any = None) -> None:
    """Say what went wrong, and where in the program if ``--traceback`` asks for it."""
    if ctx.find_root().params["traceback"]:
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.filename is not None:
        complain(f"{error.filename}: {error.strerror}")
    else:
        said = str(error) or type(error).__name__
        # Tables have columns between backticks, not parameters.
        is_of_options = isinstance(error, BoldstreamError) and not isinstance(error, TableError)
        complain(speak_options(said, command) if command and is_of_options else said)
