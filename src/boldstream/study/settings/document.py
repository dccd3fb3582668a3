"""`Document`: what a YAML file says, with the line of everything it says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import TableError

Place: TypeAlias = tuple[str | int, ...]
"""Keys, and positions in lists, that lead to a value."""

# YAML 1.1 takes 1e-3 for a text, as it has no dot.
_EXPONENT = re.compile(r"[-+]?\d+[eE][-+]?\d+")
_MAPPING, _LIST = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_TEXT = "tag:yaml.org,2002:str"
# A study file has 6 levels; the parser takes time by the square of them.
_MOST_LEVELS = 50


@dataclass(frozen=True, eq=False)
class Document:
    """Values of a YAML file.

    Attributes
    ----------
    path : Path
    data : Any
        Mappings, lists, texts, numbers, true and false, None.
    lines : mapping of Place to int
        Line of each value, from 1; of one in a mapping that of its key.
    texts : mapping of Place to str
        How each scalar is written.
    errors : list of (int, str)
        Lines, and what is wrong there: keys that are there twice, and the like.
    """

    path: Path
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    texts: dict[Place, str] = field(default_factory=dict)
    errors: list[tuple[int, str]] = field(default_factory=list)


def read_document(path: Path) -> Document:
    """Read a YAML file as `yaml.safe_load` does, without aliases.

    Raises
    ------
    TableError
        If it cannot be read as YAML; it says in which line.
    """
    text = _read_text(path)
    try:
        _check_events(path, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise TableError(f"{path}{_where(error)} is no YAML: {_words(error)}") from error
    document = Document(path)
    data = {} if node is None else _Builder(document).value(node, ())
    return Document(path, data, document.lines, document.texts, document.errors)


def _check_events(path: Path, text: str) -> None:
    """Refuse what takes long to read, or stands for more than is written, as soon as it is met."""
    level = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1
        # A few lines of them could stand for more values than memory holds.
        if isinstance(event, yaml.AliasEvent):
            raise TableError(f"{path}, line {line}: aliases are not used here, got *{event.anchor}")
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if level > _MOST_LEVELS:
            raise TableError(
                f"{path}, line {line} is no study file: it is nested too deeply, more than "
                f"{_MOST_LEVELS} levels"
            )


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(f"{path} cannot be read: it is not text in UTF-8") from error
    except OSError as error:
        siblings = [x.name for x in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, siblings) or "; `boldstream init` writes a study file"
        raise TableError(f"{path} cannot be read: {error.strerror}{hint}") from error


class _Builder:
    """Makes values of nodes, and notes where they are."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._loader = yaml.SafeLoader("")

    def value(self, node: Any, place: Place) -> Any:
        self._document.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        if node.tag not in (_MAPPING, _LIST):
            self._wrong(node, f"`{key_of(place)}` must have no tag, got {node.tag}")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        return [self.value(item, (*place, i)) for i, item in enumerate(node.value)]

    def _mapping(self, node: Any, place: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._wrong(key, "a key must be a text, got a list or mapping")
                continue
            inner = (*place, key.value)
            if key.value in values:
                first = self._document.lines[inner]
                self._wrong(key, f"`{key_of(inner)}` is there twice, first in line {first}")
                continue
            self._document.lines[inner] = key.start_mark.line + 1
            values[key.value] = self.value(value, inner)
        return values

    def _scalar(self, node: Any, place: Place) -> Any:
        self._document.texts[place] = node.value
        if node.tag == _TEXT and node.style is None and _EXPONENT.fullmatch(node.value):
            return float(node.value)
        try:
            value = self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            self._wrong(node, f"`{key_of(place)}` cannot be read: {_words(error)}")
            return None
        except (LookupError, AttributeError):
            # PyYAML trusts a tag that is written out, as in "!!bool maybe".
            text = f"must suit its tag {node.tag}, got {node.value!r}"
            self._wrong(node, f"`{key_of(place)}` {text}")
            return None
        # Dates and the like are what they are written as.
        return value if isinstance(value, str | int | float | None) else node.value

    def _wrong(self, node: Any, message: str) -> None:
        self._document.errors.append((node.start_mark.line + 1, message))


def key_of(place: Place) -> str:
    """A place as a text.

    Examples
    --------
    >>> key_of(("analyses", 0, "rois"))
    'analyses[0].rois'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".")


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f", line {mark.line + 1}"


def _words(error: Exception) -> str:
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    return ", ".join(part for part in parts if part) or str(error)
