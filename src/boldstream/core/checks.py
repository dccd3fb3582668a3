"""Checks of parameters, with one grammar for their messages.

"`radius` must be a positive number of mm, got -3"
"""

from __future__ import annotations

import difflib
import math
import numbers
import operator
from collections.abc import Iterable
from typing import Any, SupportsIndex, TypeVar

from boldstream.core.errors import ParameterError

Option = TypeVar("Option", bound=str)

# Of 1: as much as `difflib.get_close_matches` asks for.
_LEAST_LIKE = 0.6 - 1e-9


def positive_number(name: str, value: Any, *, unit: str = "") -> float:
    """Return a finite number above 0 as a float.

    Raises
    ------
    ParameterError
        If `value` is anything else.

    Examples
    --------
    >>> positive_number("radius", -3, unit="mm")
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `radius` must be a positive number of mm, got -3
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    try:
        number = float(value) if is_number else math.nan
    except OverflowError:  # an integer that is larger than any float
        number = math.inf
    if not 0 < number < math.inf:
        of_unit = f" of {unit}" if unit else ""
        raise ParameterError(f"`{name}` must be a positive number{of_unit}, got {value!r}")
    return number


def integer_in(name: str, value: SupportsIndex, low: int, high: int | None = None) -> int:
    """Return an integer from `low` to `high`, both included.

    Raises
    ------
    ParameterError
        If `value` is no integer, or outside the range.

    Examples
    --------
    >>> integer_in("volume", 9, 0, 4)
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `volume` must be an integer from 0 to 4, got 9
    """
    span = f"of at least {low}" if high is None else f"from {low} to {high}"
    message = f"`{name}` must be an integer {span}, got {value!r}"
    if isinstance(value, bool):
        raise ParameterError(message)
    try:
        number = operator.index(value)
    except TypeError:
        raise ParameterError(message) from None
    if number < low or (high is not None and number > high):
        raise ParameterError(message)
    return number


def one_of(name: str, value: object, options: Iterable[Option]) -> Option:
    """Return the option that `value` is.

    Raises
    ------
    ParameterError
        If it is none of them; it says which one may have been meant.

    Examples
    --------
    >>> one_of("strategy", "maen", ["mean", "sum"])
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `strategy` must be one of 'mean', 'sum', ...
    """
    options = tuple(options)
    for option in options:
        if isinstance(value, str) and value == option:
            return option
    listed = ", ".join(repr(option) for option in options)
    raise ParameterError(
        f"`{name}` must be one of {listed}, got {value!r}{did_you_mean(value, options)}"
    )


def did_you_mean(value: object, options: Iterable[str]) -> str:
    """Return a hint at the most similar option, to end a message with, or an empty text.

    Capitals do not count, and of options that are as similar the first is named.

    Examples
    --------
    >>> did_you_mean("LSS", ["lss", "lsa"])
    "; did you mean 'lss'?"
    >>> did_you_mean("bold.nii", ["bold.nii.gz", "mask.nii.gz"])
    "; did you mean 'bold.nii.gz'?"
    >>> did_you_mean("x", ["bold.nii.gz"])
    ''
    """
    meant, most = "", _LEAST_LIKE
    likeness = difflib.SequenceMatcher(b=str(value).casefold())
    for option in options:
        likeness.set_seq1(option.casefold())
        # The first of equals; a ratio costs much more than its bound.
        if likeness.quick_ratio() > most and likeness.ratio() > most:
            meant, most = option, likeness.ratio()
    return f"; did you mean {meant!r}?" if meant else ""
