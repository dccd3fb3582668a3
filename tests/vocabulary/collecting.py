"""Every name that a user writes: parameters, options, and keys of the study file."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from boldstream.cli.app import app
from boldstream.study.settings import StudySettings
from tests.docs.pages import documented_names

REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Name:
    """A name where it is written.

    Attributes
    ----------
    owner : str
        Function or method, command, or settings.
    word : str
        As Python writes it: of ``--t-r`` it is "t_r".
    default : object
        `REQUIRED` where there is none.
    options : frozenset of str
        The texts that are allowed, where they are listed; empty if any is.
    about : str
        What help, docstring or description says, with the unit.
    """

    owner: str
    word: str
    default: Any
    options: frozenset[str]
    about: str


def found(name: str) -> Any:
    """What a dotted name of the reference is."""
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def callables() -> Iterator[tuple[str, Any]]:
    """Public functions, classes and their own methods, by dotted name."""
    for name in documented_names():
        thing = found(name)
        yield name, thing
        if inspect.isclass(thing):
            for method, function in vars(thing).items():
                if not method.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{method}", function


def parameters_of(thing: Any) -> dict[str, inspect.Parameter]:
    """Parameters that a user gives."""
    try:
        signature = inspect.signature(thing)
    except ValueError:
        return {}
    return {name: one for name, one in signature.parameters.items() if name != "self"}


def of_python(thing: Any) -> dict[str, Name]:
    """Parameters of one function or class, by word."""
    own = thing.__init__ if inspect.isclass(thing) else thing
    try:
        types_of = typing.get_type_hints(own)
    except NameError:
        types_of = {}
    return {
        word: Name(
            thing.__qualname__,
            word,
            one.default,
            texts_in(types_of.get(word, Any)),
            described(thing).get(word, ""),
        )
        for word, one in parameters_of(thing).items()
    }


def described(thing: Any) -> dict[str, str]:
    """What the docstring says of each parameter; those that share an entry share it."""
    lines = inspect.getdoc(thing) or ""
    entries: dict[str, str] = {}
    inside = False
    names: list[str] = []
    rows = lines.splitlines()
    for row, below in zip(rows, [*rows[1:], ""], strict=True):
        if below and set(below) == {"-"}:
            inside, names = row in ("Parameters", "Attributes"), []
        elif inside and row and not row.startswith((" ", "-")):
            names = [name.strip("*` ") for name in row.partition(" : ")[0].split(",")]
            entries |= {name: row.partition(" : ")[2] for name in names if name not in entries}
        elif inside and row.strip():
            entries |= {name: f"{entries[name]} {row.strip()}" for name in names}
    return entries


def texts_in(kind: Any) -> frozenset[str]:
    """Texts of all `Literal` in a type; none where any text would do."""
    if typing.get_origin(kind) is Literal:
        return frozenset(one for one in typing.get_args(kind) if isinstance(one, str))
    parts = typing.get_args(kind)
    if kind is str or typing.get_origin(kind) not in (
        typing.Union,
        types.UnionType,
        typing.Annotated,
    ):
        return frozenset()
    if any(part is str or part is Any for part in parts):
        return frozenset()
    return frozenset().union(*map(texts_in, parts))


def commands_of(group: Any, *words: str) -> Iterator[tuple[str, Any]]:
    """Every command by the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, *words, name)
        else:
            yield " ".join((*words, name)), command


COMMANDS = dict(commands_of(typer.main.get_command(app)))


def of_command(name: str) -> dict[str, Name]:
    """Options of a command, by word; the first spelling counts."""
    return {
        (word := one.opts[0].removeprefix("--").replace("-", "_")): Name(
            f"boldstream {name}",
            word,
            REQUIRED if one.required else one.default,
            frozenset(getattr(one.type, "choices", ()) or ()),
            f"{one.metavar or ''} {one.help or ''}",
        )
        for one in COMMANDS[name].params
        if one.param_type_name == "option"
    }


def settings_of(model: type[BaseModel] = StudySettings, *path: str) -> Iterator[tuple[str, Any]]:
    """Every mapping of the study file with its model, by the keys that lead to it."""
    yield ".".join(path), model
    for key, field in model.model_fields.items():
        for inner in models_in(field.annotation):
            kind = inner.model_fields.get("kind")
            names = typing.get_args(kind.annotation) if kind and kind.is_required() else ()
            step = f"{key}[{names[0]}]" if names else key
            yield from settings_of(inner, *path, step)


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    """Models that a type is made of."""
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        yield kind
    else:
        for part in typing.get_args(kind):
            yield from models_in(part)


SETTINGS = dict(settings_of())


def of_settings(place: str) -> dict[str, Name]:
    """Keys of a mapping of the study file."""
    return {
        key: Name(
            place, key, default_of(field), texts_in(field.annotation), field.description or ""
        )
        for key, field in SETTINGS[place].model_fields.items()
    }


def default_of(field: FieldInfo) -> Any:
    return REQUIRED if field.is_required() else field.get_default(call_default_factory=True)
