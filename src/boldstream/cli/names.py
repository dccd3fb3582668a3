"""``[NAME=]FILE``: masks and the names that their results get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import typer


def name_masks(texts: Sequence[str], hint: str = "--mask") -> dict[str, Path]:
    """Masks by name; a mask without one is called as its file, less the ending.

    Names become names of files, so none may lead out of the folder for results.
    `hint` is the option that errors name.

    Examples
    --------
    >>> name_masks(["left=masks/V1_left.nii.gz", "masks/V2.nii"])
    {'left': PosixPath('masks/V1_left.nii.gz'), 'V2': PosixPath('masks/V2.nii')}
    """
    named = [_name_and_file(text) for text in texts]
    counts = Counter(name for name, _ in named)
    for name, path in named:
        if not _is_plain(name):
            raise typer.BadParameter(
                f"the name {name!r} of {path} must be a plain file name that starts with no dot; "
                "give another as NAME=FILE",
                param_hint=hint,
            )
        if counts[name] > 1:
            raise typer.BadParameter(
                f"the name {name!r} is given to {counts[name]} masks; give others as NAME=FILE",
                param_hint=hint,
            )
    return dict(named)


def _name_and_file(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    # The "=" may be part of the path: sub=01/V1.nii.gz has no plain name before it.
    if equals and not Path(text).is_file():
        return name, Path(file)
    from boldstream.io.masks import mask_name

    return mask_name(text) or "", Path(text)


def _is_plain(name: str) -> bool:
    return bool(name) and not name.startswith(".") and "/" not in name and name.isprintable()
