"""Contrasts as they are written on the command line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import typer

from boldstream.glm.first_level.contrasts import Contrast

# Of 255 bytes that a file name may have.
_LONGEST_LABEL = 100


def parse_contrasts(texts: Sequence[str]) -> list[Contrast]:
    """``[NAME=]SUM[; SUM...]``, each under another label.

    Raises
    ------
    typer.BadParameter
        If one has no name that a file can have, or two have the same.

    Examples
    --------
    >>> parse_contrasts(["any=face; house"])
    [Contrast(name='any', rows=('face', 'house'))]
    """
    contrasts = [_contrast_of(text) for text in texts]
    counts = Counter(contrast.label for contrast in contrasts)
    for text, contrast in zip(texts, contrasts, strict=True):
        label = contrast.label
        if not 0 < len(label) <= _LONGEST_LABEL:
            _refuse(
                f"must have a name with letters or digits, of at most {_LONGEST_LABEL}, "
                f"got {text!r}; give one as NAME=SUM"
            )
        if counts[label] > 1:
            _refuse(f"{counts[label]} contrasts are called {label!r}; name them as NAME=SUM")
    return contrasts


def _contrast_of(text: str) -> Contrast:
    *names, expression = _split(text, "=", maxsplit=1)
    name = names[0] if names else text
    rows = tuple(row.strip() for row in _split(expression, ";"))
    if not all(rows):
        _refuse(f"must be a sum of regressors, or several with semicolons between, got {text!r}")
    return Contrast(name.strip(), rows)


def _split(text: str, sign: str, maxsplit: int = 0) -> list[str]:
    """The parts of a text between signs, where these do not stand between backticks."""
    return re.split(rf"{sign}(?=(?:[^`]*`[^`]*`)*[^`]*$)", text, maxsplit=maxsplit)


def _refuse(message: str) -> None:
    raise typer.BadParameter(message, param_hint="--contrast")
