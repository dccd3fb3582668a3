"""Errors of Python in the words of a command: its options in place of parameters."""

from __future__ import annotations

import re
from typing import Any

PARAMETERS = {
    "--atlas": ("Labels",),
    "--atlas-names": ("names",),
    "--atlas-strategy": ("strategy",),
    "--confound-columns": ("columns",),
    "--contrast": ("contrasts",),
    "--estimator-arg": ("estimator_args",),
    "--maps": ("Maps",),
    "--mask": ("masks", "mask_img", "roi_mask"),
    "--process-mask": ("process_mask_img",),
    "--roi": ("rois",),
    "--sample-mask": ("sample_masks",),
    "--target": ("targets", "y"),
    "BOLD": ("image", "run_imgs"),
    "DATA": ("imgs", "X"),
    "MAP": ("image",),
    "T": ("indices",),
}
"""What Python calls what an option or argument gives, where that is another word."""

_VALUE = r"(?:'(?P<a>[^'`]*)'|\"(?P<b>[^\"`]*)\"|(?P<c>True|None|[\d.]+))"
_ASSIGNED = re.compile(rf"`?\b(?P<name>[A-Za-z_]+)={_VALUE}`?")
_NAMED = re.compile(r"`(?P<name>[A-Za-z_]+)`")
_OF_A_FILE = re.compile(r", line \d+: ")


def speak_options(message: str, command: Any) -> str:
    """Name the options of a command where a message names parameters of Python.

    Parameters
    ----------
    message : str
        In which parameters stand between backticks, or with a value as
        ``nan_policy='zero'``.
    command : click.Command
        What was called.

    Examples
    --------
    >>> import typer
    >>> from boldstream.cli.app import app
    >>> commands = typer.main.get_command(app).commands
    >>> speak_options("`mask_img` must hold a voxel", commands["searchlight"])
    '--mask must hold a voxel'
    >>> speak_options("NaN in 3 voxels; nan_policy='zero' counts it as 0", commands["searchlight"])
    'NaN in 3 voxels; --nan-policy zero counts it as 0'
    """
    words = _words(command)

    def assigned(found: re.Match[str]) -> str:
        word, value = words.get(found["name"]), found["a"] or found["b"] or found["c"]
        if word is None or not word.startswith("--"):
            return found[0]
        return word if value == "True" else f"{word} {value.replace('None', 'none')}"

    def is_idle(line: str) -> bool:
        """A hint of its own line at what this command cannot be given."""
        hint = _ASSIGNED.match(line)
        return hint is not None and hint["name"] not in words

    def spoken(line: str) -> str:
        # Keys of a study file may have the names of parameters.
        if _OF_A_FILE.search(line):
            return line
        line = _ASSIGNED.sub(assigned, line)
        return _NAMED.sub(lambda found: words.get(found["name"], found[0]), line)

    return "\n".join(spoken(line) for line in message.split("\n") if not is_idle(line))


def _words(command: Any) -> dict[str, str]:
    """Option or argument of each parameter of Python."""
    words: dict[str, str] = {}
    for parameter in command.params:
        is_option = parameter.param_type_name == "option"
        word = parameter.opts[0] if is_option else parameter.metavar.removesuffix("...")
        words |= {parameter.name: word, word: word}
        words |= {name: word for name in PARAMETERS.get(word, ()) if name not in words}
    return words
