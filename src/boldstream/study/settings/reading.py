"""`read_study`: settings from a study file, with errors that name its lines."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.io.translate import expanded
from boldstream.study.settings.agreeing import Wrong
from boldstream.study.settings.document import Document, Place, key_of, read_document
from boldstream.study.settings.models import WRONG_VALUES, StudySettings
from boldstream.study.settings.wording import (
    find_place,
    got_of,
    options_in,
    unknown_key_hint,
    wanted_of,
)

# A text that YAML takes for a number, as the label 01, or a date.
_NOT_TEXT = ("string_type", "path_type")
_OF_UNION = ("union_tag_invalid", "union_tag_not_found")
# What `got_of` says of what is no scalar.
_NO_SCALAR = ("nothing", "a list", "a mapping")
# Checks of this library begin their messages with the name of a parameter.
_NAMED = re.compile(r"^(Value error, )?(`[^`]*` )?")


def read_study(path: str | os.PathLike[str]) -> StudySettings:
    r"""Read a study file.

    Parameters
    ----------
    path : path
        YAML, of the keys that `StudySettings` has; a text need not be quoted
        where YAML would take it for a number or date, as the label 01.

    Returns
    -------
    StudySettings

    Raises
    ------
    TableError
        If the file cannot be read as YAML.
    ParameterError
        If keys or values are not what they must be: all that are wrong, each
        with its line, what was got, what is wanted, and what may be meant.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "study.yaml")
    ...     _ = file.write_text("data:\n  subjects: [01, 02]\n")
    ...     read_study(file).data.subjects
    ('01', '02')
    """
    document = read_document(expanded(path).absolute())
    wrong = list(document.errors)
    settings: StudySettings | None = None
    if isinstance(document.data, dict):
        try:
            settings = _validated(document)
        except ValidationError as error:
            wrong += _messages(document, _listed(error))
    else:
        wrong.append((1, f"a study file must be a mapping, got {got_of(document, ())}"))
    if settings is None or wrong:
        raise ParameterError(_with_lines(document.path, wrong))
    return settings


def wrong_text(wrong: Iterable[Wrong], path: Path | None = None) -> str:
    """What is found wrong with settings once they are read, as `read_study` tells it.

    Parameters
    ----------
    wrong : iterable of (Place, str)
        Keys that lead to a value, and what is wrong with it.
    path : Path, optional
        The study file, whose lines are named.

    Examples
    --------
    >>> wrong_text([(("rois", "masks", "v1"), "must be a mask, got nothing")])
    '`rois.masks.v1` must be a mask, got nothing'
    """
    if path is None:
        return "\n".join(f"`{key_of(place)}` {text}" for place, text in wrong)
    return _with_lines(path, _wrong_values(read_document(path), wrong))


def _with_lines(path: Path, messages: Iterable[tuple[int, str]]) -> str:
    return "\n".join(f"{path}, line {line}: {text}" for line, text in sorted(messages))


def _validated(document: Document) -> StudySettings:
    try:
        return _validate(document.data)
    except ValidationError as error:
        is_changed = False
        for one in _listed(error):
            place = find_place(document, one["loc"])
            # A null is no text: it says that there is none.
            if one["type"] in _NOT_TEXT and got_of(document, place) not in _NO_SCALAR:
                _put(document.data, place, document.texts[place])
                is_changed = True
        if not is_changed:
            raise
    return _validate(document.data)


def _validate(data: dict[str, Any]) -> StudySettings:
    # As JSON, where a list is a tuple; strictly, so that true is no number.
    return StudySettings.model_validate_json(json.dumps(data), strict=True)


def _listed(error: ValidationError) -> list[Any]:
    return list(error.errors(include_url=False))


def _put(data: Any, place: Place, value: str) -> None:
    for step in place[:-1]:
        data = data[step]
    data[place[-1]] = value


def _messages(document: Document, errors: Iterable[Any]) -> Iterator[tuple[int, str]]:
    """Lines and messages; alternatives that a value could have been are one message."""
    alternatives: dict[Place, list[str]] = defaultdict(list)
    for error in errors:
        where, kind = error["loc"], error["type"]
        place = find_place(document, where)
        line = document.lines[place]
        if kind == WRONG_VALUES:
            yield from _wrong_values(document, error["ctx"]["wrong"])
        elif kind == "extra_forbidden":
            yield line, f"`{key_of(place)}` is not known{unknown_key_hint(where)}"
        elif kind == "missing":
            yield line, f"`{key_of((*place, where[-1]))}` must be given"
        elif kind in _OF_UNION:
            yield _wrong_kind(document, place, error)
        elif kind == "value_error":
            yield line, f"`{key_of(place)}` {_NAMED.sub('', error['msg'])}"
        else:
            alternatives[place].append(wanted_of(error))
    for place, wanted in alternatives.items():
        yield document.lines[place], _must_be(document, place, " or ".join(dict.fromkeys(wanted)))


def _wrong_values(document: Document, wrong: Iterable[Wrong]) -> Iterator[tuple[int, str]]:
    for where, text in wrong:
        place = find_place(document, where, has_kind=False)
        yield document.lines[place], f"`{key_of(place)}` {text}"


def _wrong_kind(document: Document, place: Place, error: Any) -> tuple[int, str]:
    if error["type"] == "union_tag_not_found":
        return document.lines[place], f"`{key_of((*place, 'kind'))}` must be given"
    inner = (*place, "kind")
    return document.lines[inner], _must_be(document, inner, wanted_of(error))


def _must_be(document: Document, place: Place, wanted: str) -> str:
    got = got_of(document, place)
    if got in _NO_SCALAR:
        hint = ""
    elif wanted == "a list":
        hint = f", such as [{document.texts[place]}]"
    else:
        hint = did_you_mean(document.texts[place], options_in(wanted))
    return f"`{key_of(place)}` must be {wanted}, got {got}{hint}"
