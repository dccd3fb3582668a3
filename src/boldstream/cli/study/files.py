"""``boldstream init``, ``schema`` and ``slurm-script``: files around a study."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from boldstream.cli.console import say
from boldstream.cli.options import Overwrite
from boldstream.cli.study.run import Jobs, StudyFile


def init(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Folder of the data set.", show_default=False),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The study file; by default DIR/study.yaml."
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a study file for a data set, with a comment on every choice.

    It holds what is found: subjects, tasks, spaces, regions, conditions.

    Example: boldstream init my-dataset
    """
    from boldstream.study.settings.template import init_study

    path = init_study(folder, output, overwrite=overwrite)
    say(str(path))
    say("next", f"read it, then: boldstream run {shlex.quote(str(path))} --dry-run")


def schema() -> None:
    """Print the JSON schema of study files, for editors that check them.

    Example: boldstream schema > study.schema.json
    """
    from boldstream.study.settings.schema import study_schema

    typer.echo(json.dumps(study_schema(), indent=2))


def slurm_script(
    study: StudyFile,
    *,
    n_jobs: Jobs = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write it there; by default it is printed."
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write an sbatch file that runs a study on one node, with the memory and time it needs.

    Example: boldstream slurm-script study.yaml -o study.sbatch
    """
    from boldstream.cli.study.script import write_script

    text = write_script(study, n_jobs, output, overwrite=overwrite)
    if output is None:
        typer.echo(text, nl=False)
    else:
        say(str(output))
