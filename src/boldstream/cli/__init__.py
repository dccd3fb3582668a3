"""The command line: parse, call, print.

Only typer is imported before a command runs; numpy, nibabel and the engine are
imported by the commands that need them, so that ``--help`` is quick.
"""

from boldstream.cli.entry import main

__all__ = ["main"]
