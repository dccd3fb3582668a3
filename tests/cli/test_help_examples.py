"""Every command's help has an example, and it runs as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import pytest
import typer

from boldstream.cli.app import app
from tests.cli.conftest import Command, Done
from tests.conftest import REPOSITORY
from tests.docs.guide_files import make_guide_files
from tests.docs.snippets import run_shell

# These take minutes; their own tests run them, smaller.
ELSEWHERE = {"benchmark": "cli/test_benchmark.py", "demo": "cli/test_demo.py"}
# What has to be there before.
BEFORE = {
    "report": "boldstream run here.yaml --output-dir derivatives/boldstream --no-report",
    "view": "boldstream summary bold.nii.gz --output .",
}

STUDY = """\
data: {root: my-dataset, task: discounting, subjects: [01]}
rois: {masks: {vmpfc: my-dataset/masks/vmpfc.nii.gz}}
targets: {choice: {column: choice}}
analyses: [{kind: decoding, name: regions}]
"""
# What a shell does more with than to split it into words.
OF_SHELLS = set("<>|&;*?[]{}()$`~#!\\'\n")


def commands_of(group: Any, *names: str) -> Iterator[tuple[str, str]]:
    """Names and help texts of all commands below a group."""
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from commands_of(command, *names, name)
        else:
            yield " ".join((*names, name)), command.help or ""


COMMANDS = dict(commands_of(typer.main.get_command(app)))
EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{i}")
    for name, text in COMMANDS.items()
    if name not in ELSEWHERE
    for i, example in enumerate(re.findall(r"Example: (.*)", text), 1)
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What examples name."""
    folder = tmp_path_factory.mktemp("help") / "files"
    make_guide_files(folder)
    shutil.copy(folder / "bold.nii.gz", folder / "sub-01_task-rest_bold.nii.gz")
    shutil.copy(folder / "V1.nii.gz", folder / "V2.nii.gz")
    image: Any = nib.load(folder / "VT.nii.gz")
    nib.save(image, folder / "VT.nii")
    (folder / "study.yaml").write_text(STUDY)
    (folder / "here.yaml").write_text(f"{STUDY}execution: {{kind: serial}}\n")
    return folder


def test_each_has_one() -> None:
    assert {"extract", "run", "cache clear"} <= set(COMMANDS)
    for name, text in COMMANDS.items():
        assert f"Example: boldstream {name}" in text, name
    for file in ELSEWHERE.values():
        assert (REPOSITORY / "tests" / file).is_file()


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_it_runs(
    name: str,
    example: str,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
) -> None:
    folder = tmp_path / "workshop"
    shutil.copytree(files, folder)
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(folder)
    for line in (BEFORE[name], example) if name in BEFORE else (example,):
        done = done_by(line, folder, command)
        assert done.code == 0, done.out + done.err
        assert "Error" not in done.err


def done_by(line: str, folder: Path, command: Command) -> Done:
    """Run a line, in this process where it is one command and nothing else."""
    program, *arguments = shlex.split(line)
    if program == "boldstream" and not OF_SHELLS & set(line):
        return command(*arguments)
    shell = run_shell(line, folder)
    return Done(shell.returncode, shell.stdout, shell.stderr)
