"""The tables of keys in ``study_file.md``, from the settings themselves.

``python docs/_ext/study_keys.py`` writes them.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from boldstream.study.settings import StudySettings

PAGE = Path(__file__).resolve().parents[1] / "study_file.md"
BEGIN, END = "<!-- keys: made by docs/_ext/study_keys.py -->\n", "<!-- end of keys -->\n"


def render_keys() -> str:
    """A table for each mapping of the study file, with what each key is by default."""
    return "\n".join(line for place, model in _walk(StudySettings) for line in _table(place, model))


def with_keys(page: str) -> str:
    """The page with its tables of keys made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{render_keys()}\n{END}{after}"


def _walk(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    yield place, model
    for key, field in model.model_fields.items():
        for inner in _models_in(field.annotation):
            name = f"{place}.{key}".strip(".")
            kind = inner.model_fields.get("kind")
            if kind is not None and kind.is_required():
                name += f", kind: {typing.get_args(kind.annotation)[0]}"
            yield from _walk(inner, name)


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    else:
        for part in typing.get_args(kind):
            yield from _models_in(part)


def _table(place: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"### `{place}`" if place else "### At the top"
    yield ""
    yield "| key | default | what |"
    yield "| --- | --- | --- |"
    for key, field in model.model_fields.items():
        if key != "kind" or not field.is_required():
            yield f"| `{key}` | {_default(field)} | {_about(field)} |"
    yield ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}) or isinstance(value, BaseModel):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _about(field: FieldInfo) -> str:
    parts = list(_models_in(field.annotation))
    about = " ".join((field.description or "").split()).replace("|", "\\|")
    if not about and parts:
        about = (parts[0].__doc__ or "").strip().partition("\n")[0]
    return " ".join(filter(None, [about, _values(field.annotation)]))


def _values(kind: Any) -> str:
    texts = [value for value in _texts_in(kind) if isinstance(value, str)]
    return f"({', '.join(f'`{text}`' for text in texts)})" if texts else ""


def _texts_in(kind: Any) -> Iterator[Any]:
    if typing.get_origin(kind) is typing.Literal:
        yield from typing.get_args(kind)
    elif not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        for part in typing.get_args(kind):
            yield from _texts_in(part)


if __name__ == "__main__":
    PAGE.write_text(with_keys(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
