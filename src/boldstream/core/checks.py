"""Checks of parameters, with one grammar for their messages.

"`radius` must be a positive number of mm, got -3"
"""

from __future__ import annotations

import difflib
import math
import numbers
import operator
from collections.abc import Iterable, Sequence
from typing import Any, SupportsIndex, TypeVar

from boldstream.core.errors import ParameterError

Option = TypeVar("Option", bound=str)

# Of 1: as much as `difflib.get_close_matches` asks for.
_LEAST_LIKE = 0.6 - 1e-9


def as_number(value: object) -> float:
    """Return a real number as a float; NaN for what is none, such as text, None and booleans.

    Examples
    --------
    >>> as_number(3), as_number("3"), as_number(True)
    (3.0, nan, nan)
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # an integer that is larger than any float
        return math.inf


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
    number = as_number(value)
    if not 0 < number < math.inf:
        of_unit = f" of {unit}" if unit else ""
        raise ParameterError(f"`{name}` must be a positive number{of_unit}, got {value!r}")
    return number


def finite_number(name: str, value: Any) -> float:
    """Return a number that is neither NaN nor infinite as a float.

    Raises
    ------
    ParameterError
        If `value` is anything else.

    Examples
    --------
    >>> finite_number("chance", 0.5)
    0.5
    """
    return number_in(name, value, -math.inf, math.inf)


def number_in(
    name: str,
    value: Any,
    low: float,
    high: float,
    *,
    without: Sequence[float] = (),
    unit: str = "",
) -> float:
    """Return a finite number from `low` to `high` as a float.

    Parameters
    ----------
    name : str
    value : float
    low, high : float
        Both included; infinite where there is no bound.
    without : sequence of float
        Of the two those that are not included.
    unit : str

    Raises
    ------
    ParameterError
        If `value` is no number, or outside the range.

    Examples
    --------
    >>> number_in("percentile", 2, 0, 100)
    2.0
    >>> number_in("fraction", 0, 0, 1, without=[0])
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `fraction` must be a number above 0 and at most 1, got 0
    """
    number = as_number(value)
    if not (math.isfinite(number) and low <= number <= high) or number in without:
        wanted = _numbers_in(low, high, without, unit)
        raise ParameterError(f"`{name}` must be {wanted}, got {value!r}")
    return number


def _numbers_in(low: float, high: float, without: Sequence[float], unit: str) -> str:
    """What is asked for, in words."""
    with_unit = unit and f" {unit}"
    above = f"above {low:g}" if low in without else f"of at least {low:g}"
    below = f"below {high:g}" if high in without else f"at most {high:g}"
    if math.isinf(low) and math.isinf(high):
        return f"a finite number{unit and f' of {unit}'}"
    if math.isinf(high):
        return f"a number {above}{with_unit}"
    if math.isinf(low):
        return f"a number {'' if high in without else 'of '}{below}{with_unit}"
    if not without:
        return f"a number from {low:g} to {high:g}{with_unit}"
    return f"a number {above} and {below}{with_unit}"


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
