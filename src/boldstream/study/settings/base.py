"""What all parts of a study file have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict

from boldstream.core.budget import parse_bytes
from boldstream.core.errors import ParameterError
from boldstream.io.bids.templates import check_template, fields_of
from boldstream.io.study import check_label

Check: TypeAlias = Callable[[str], str]


class Settings(BaseModel):
    """A part of a study file: a key that it does not know is an error, and it cannot be changed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
        # Neither can be meant by a study file, and JSON has neither.
        allow_inf_nan=False,
    )


def _checked(check: Callable[[str], object]) -> Check:
    """As pydantic wants it: the value, or a ValueError."""

    def checked(text: str) -> str:
        try:
            check(text)
        except ParameterError as error:
            raise ValueError(str(error)) from error
        return text

    return checked


def _check_path(text: str) -> None:
    """Refuse a path that a subject's label could lead anywhere, and other names in braces."""
    try:
        has_subject = bool(fields_of(text))
    except ValueError as error:
        raise ParameterError(f"`path` must be a path, got {text!r}: {error}") from error
    if has_subject:
        check_template("path", text, needed="subject", optional="subject")


def _check_runs(text: str) -> None:
    check_template("template", text, needed="subject", optional="run")


Size = Annotated[str, AfterValidator(_checked(lambda text: parse_bytes(text, name="size")))]
Name = Annotated[str, AfterValidator(_checked(lambda text: check_label("name", text)))]
Subject = Annotated[str, AfterValidator(_checked(lambda text: check_label("subject", text)))]
OwnPath = Annotated[str, AfterValidator(_checked(_check_path))]
"""A path, with {subject} for files of each subject's own."""
RunTemplate = Annotated[str, AfterValidator(_checked(_check_runs))]
"""A path with {subject}, and {run} or * for runs."""
