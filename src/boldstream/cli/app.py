"""The program ``boldstream`` and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from boldstream._version import __version__
from boldstream.cli.benchmark import benchmark
from boldstream.cli.betas import betas
from boldstream.cli.cache import cache
from boldstream.cli.decoding.decode import decode
from boldstream.cli.decoding.searchlight import searchlight
from boldstream.cli.demo import demo
from boldstream.cli.errors import CommandGroup
from boldstream.cli.extract import extract
from boldstream.cli.glm import glm
from boldstream.cli.info import info
from boldstream.cli.report import report
from boldstream.cli.study.files import init, schema, slurm_script
from boldstream.cli.study.run import run
from boldstream.cli.summary import summary
from boldstream.cli.tune import tune
from boldstream.cli.view import view
from boldstream.cli.volume import CountingBack, volume

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    # A traceback is Python's own: rich would print the values of all variables.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (info, extract, glm, betas, searchlight, decode, summary, view, tune, demo):
    app.command()(_command)
app.command(cls=CountingBack)(volume)
for _of_studies in (init, run, report, schema, slurm_script):
    app.command(rich_help_panel="Studies")(_of_studies)
app.command()(benchmark)
app.add_typer(cache)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"boldstream {__version__}")
        raise typer.Exit


@app.callback()
def _boldstream(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    traceback: Annotated[
        bool,
        typer.Option(
            "--traceback",
            envvar="BOLDSTREAM_TRACEBACK",
            help="Show where in the program an error arose.",
        ),
    ] = False,
) -> None:
    """Analyse fMRI in bounded memory: every image is read once, in order.

    Example: boldstream extract bold.nii.gz --mask V1.nii.gz --output out
    """
