"""What pydantic finds wrong, in the words of this library."""

from __future__ import annotations

import re
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from boldstream.core.checks import did_you_mean
from boldstream.study.settings.document import Document, Place
from boldstream.study.settings.models import StudySettings

_WANTED = {
    "string_type": "a text",
    "path_type": "a path",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "finite_number": "finite",
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "below {lt:g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "{expected}",
    "union_tag_invalid": "one of {expected_tags}",
}


def wanted_of(error: Any) -> str:
    """What a value must be, from an entry of `pydantic.ValidationError.errors`."""
    wanted = _WANTED.get(error["type"])
    if wanted is not None:
        return wanted.format(**error.get("ctx", {}))
    return str(error["msg"]).removeprefix("Input should be ")


def options_in(wanted: str) -> list[str]:
    """Names in quotes, of which one may have been meant."""
    return re.findall(r"'([^']*)'", wanted)


def got_of(document: Document, place: Place) -> str:
    """How a message calls the value at a place."""
    value = document.data
    for step in place:
        value = value[step]
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value) if isinstance(value, str) else document.texts[place]


def find_place(document: Document, where: tuple[str | int, ...], *, has_kind: bool = True) -> Place:
    """The place in a file that pydantic means: it names alternatives of a type on its way.

    With `has_kind` the kind of an analysis stands after its number, as pydantic puts it there.
    """
    value: Any = document.data
    place: list[str | int] = []
    steps = where[:2] + where[3:] if has_kind and where[:1] == ("analyses",) else where
    for step in steps:
        inner = dict(enumerate(value)) if isinstance(value, list) else value
        if isinstance(inner, dict) and step in inner:
            value = inner[step]
            place.append(step)
    return tuple(place)


def unknown_key_hint(where: tuple[str | int, ...]) -> str:
    """End of a message on an unknown key: the one that may be meant, or all that are known."""
    annotation: Any = StudySettings
    *parents, key = where
    for step in parents:
        annotation = _inside(annotation, step)
    known = [name for model in _models_of(annotation) for name in model.model_fields]
    return did_you_mean(key, known) or f"; known are {', '.join(known)}"


def _inside(annotation: Any, step: str | int) -> Any:
    """Type of what a step leads to: a field, an entry, or one of several models by its kind."""
    models = _models_of(annotation)
    for model in models if len(models) > 1 else ():
        # Before its fields: one may be called as a kind is.
        kind = model.model_fields.get("kind")
        if kind is not None and step in get_args(kind.annotation):
            return model
    for model in models:
        if step in model.model_fields:
            return model.model_fields[str(step)].annotation
    arguments = get_args(annotation)
    return arguments[-1] if get_origin(annotation) is dict else arguments[0] if arguments else None


def _models_of(annotation: Any) -> list[type[BaseModel]]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _models_of(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [model for one in get_args(annotation) for model in _models_of(one)]
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return [annotation] if is_model else []
