"""Templates of paths: where a study's files are that is not in BIDS layout."""

from __future__ import annotations

import re
import string
from pathlib import Path, PurePath

from boldstream.core.errors import ParameterError
from boldstream.io.bids.names import natural_order

_WILD = re.compile(r"(\*\*/|\*|\?|\[[^\]]*\])")
_IN_REGEX = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}


def fields_of(template: str) -> set[str]:
    """Names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def check_template(name: str, template: str, *, needed: str, optional: str) -> None:
    """Refuse a template that lacks a name in braces, holds others, or leads out of its folder.

    Raises
    ------
    ParameterError
        It calls the template `name`.

    Examples
    --------
    >>> check_template("image_template", "../{subject}.nii", needed="subject", optional="run")
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `image_template` must be a path below `root`, ...
    """
    try:
        found = fields_of(template)
    except ValueError as error:
        raise ParameterError(f"`{name}` must be a template, got {template!r}: {error}") from error
    if needed not in found or found - {needed, optional}:
        raise ParameterError(
            f"`{name}` must hold {{{needed}}}, and may hold {{{optional}}}, got {template!r}"
        )
    if PurePath(template).is_absolute() or ".." in PurePath(template).parts:
        raise ParameterError(f"`{name}` must be a path below `root`, got {template!r}")
    if any("**" in part and part != "**" for part in PurePath(template).parts):
        raise ParameterError(f"`{name}` must have ** for whole folders only, got {template!r}")


def match_template(root: Path, template: str, **values: str) -> list[tuple[Path, dict[str, str]]]:
    """Files that a template stands for, with what stands at the names in braces.

    Parameters
    ----------
    root : Path
    template : str
        As `check_template` takes it.
    **values : str
        Of names in braces; others match anything, and a subject that is not
        given letters and digits.

    Returns
    -------
    list of (Path, dict of str to str)
        In natural order.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for run in (9, 10):
    ...         Path(folder, f"A1_run{run}.nii").touch()
    ...     [found for _, found in match_template(Path(folder), "{subject}_run{run}.nii")]
    [{'subject': 'A1', 'run': '9'}, {'subject': 'A1', 'run': '10'}]
    """
    names = dict.fromkeys(fields_of(template), "*")
    pattern = re.compile(_regex_of(template, values))
    found = []
    for path in sorted(root.glob(template.format(**(names | values))), key=natural_order):
        matched = pattern.fullmatch(path.relative_to(root).as_posix())
        if matched:
            found.append((path, values | matched.groupdict()))
    return found


def _regex_of(template: str, values: dict[str, str]) -> str:
    regex, seen = "", set()
    for literal, name, _, _ in string.Formatter().parse(PurePath(template).as_posix()):
        for i, piece in enumerate(_WILD.split(literal)):
            regex += _wild(piece) if i % 2 else re.escape(piece)
        if name is None:
            continue
        if name in values:
            regex += re.escape(values[name])
        elif name == "subject":
            regex += "(?P=subject)" if name in seen else "(?P<subject>[A-Za-z0-9]+)"
        else:
            regex += "[^/]*" if name in seen else f"(?P<{name}>[^/]*)"
        seen.add(name)
    return regex


def _wild(piece: str) -> str:
    return _IN_REGEX.get(piece) or piece.replace("[!", "[^", 1)
