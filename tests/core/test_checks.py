"""Checks of parameters, and the grammar of their messages."""

from __future__ import annotations

import itertools
import math
import re
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest

from boldstream import BoldstreamError, MissingDependencyError, ParameterError
from boldstream.core.checks import (
    as_number,
    did_you_mean,
    finite_number,
    integer_in,
    number_in,
    one_of,
    positive_number,
)
from boldstream.core.optional import import_optional


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.int16(3)])
def test_positive_number(value: Any) -> None:
    found = positive_number("radius", value)
    assert found == value
    assert type(found) is float


@pytest.mark.parametrize(
    "value", [0, -3, math.nan, math.inf, 10**400, "5", None, True, 1j, np.ones(1)]
)
def test_what_is_no_positive_number(value: Any) -> None:
    message = re.escape(f"`radius` must be a positive number of mm, got {value!r}")
    with pytest.raises(ParameterError, match=f"^{message}$"):
        positive_number("radius", value, unit="mm")


NO_NUMBERS = ["5", None, True, np.True_, 1j, np.complex64(1), np.ones(1), math.nan]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_none_for_any_check(value: Any) -> None:
    assert math.isnan(as_number(value))
    for check in (finite_number, partial(number_in, low=-9, high=9), positive_number):
        with pytest.raises(ParameterError, match=re.escape(f", got {value!r}") + "$"):
            check("x", value)


@pytest.mark.parametrize("value", [math.inf, 10**400, Fraction(10**400)], ids=["inf", "int", "of"])
def test_what_is_larger_than_any_float_is_infinite(value: Any) -> None:
    assert as_number(value) == math.inf
    for check in (finite_number, partial(number_in, low=0, high=math.inf), positive_number):
        with pytest.raises(ParameterError, match=r"^`x` must be a .*, got "):
            check("x", value)


@pytest.mark.parametrize(
    ("low", "high", "without", "wanted"),
    [
        (0, 1, (), "a number from 0 to 1"),
        (0, 1, (0,), "a number above 0 and at most 1"),
        (0, 1, (1,), "a number of at least 0 and below 1"),
        (0, 1, (0, 1), "a number above 0 and below 1"),
        (-0.5, math.inf, (), "a number of at least -0.5"),
        (-0.5, math.inf, (-0.5,), "a number above -0.5"),
        (-math.inf, 100, (), "a number of at most 100"),
        (-math.inf, 100, (100,), "a number below 100"),
        (-math.inf, math.inf, (), "a finite number"),
    ],
)
def test_number_in(low: float, high: float, without: tuple[float, ...], wanted: str) -> None:
    numbers = [low, np.nextafter(low, 9), 0.5, np.nextafter(high, -9), high]
    outside = [np.nextafter(low, -math.inf), np.nextafter(high, math.inf), math.inf, -math.inf]
    for number in filter(math.isfinite, itertools.chain(numbers, outside)):
        if low <= number <= high and number not in without:
            found = number_in("x", number, low, high, without=without)
            assert (found, type(found)) == (number, float)
            continue
        with pytest.raises(
            ParameterError, match=re.escape(f"`x` must be {wanted}, got {number!r}")
        ):
            number_in("x", number, low, high, without=without)
    with pytest.raises(ParameterError, match=f"^`x` must be {wanted}, got nan$"):
        number_in("x", math.nan, low, high, without=without)


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0, 1, "a number from 0 to 1 GB"),
        (0, math.inf, "a number of at least 0 GB"),
        (-math.inf, 0, "a number of at most 0 GB"),
        (-math.inf, math.inf, "a finite number of GB"),
    ],
)
def test_a_unit_is_told(low: float, high: float, wanted: str) -> None:
    with pytest.raises(ParameterError, match=f"^`x` must be {wanted}, got '2'$"):
        number_in("x", "2", low, high, unit="GB")


@pytest.mark.parametrize("value", [0, 4, np.uint8(2)])
def test_integer_in(value: Any) -> None:
    found = integer_in("volume", value, 0, 4)
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize("value", [-1, 5, 2.0, "2", None, True, np.ones(2, int)])
def test_what_is_no_integer_in_range(value: Any) -> None:
    message = re.escape(f"`volume` must be an integer from 0 to 4, got {value!r}")
    with pytest.raises(ParameterError, match=f"^{message}$"):
        integer_in("volume", value, 0, 4)


def test_integer_without_an_upper_bound() -> None:
    assert integer_in("n", 10**12, 1) == 10**12
    with pytest.raises(ParameterError, match="`n` must be an integer of at least 1, got 0"):
        integer_in("n", 0, 1)


@pytest.mark.parametrize(
    ("value", "meant"), [("LSS", "lss"), ("Svc", "svc"), ("svm", "svc"), ("scv", "svc"), ("no", "")]
)
def test_a_hint_looks_past_capitals_and_takes_the_first_of_equals(value: str, meant: str) -> None:
    said = did_you_mean(value, ["svc", "svr", "lss", "lsa"])
    assert said == (f"; did you mean {meant!r}?" if meant else "")


def test_one_of_says_what_may_have_been_meant() -> None:
    options = ["mean", "sum", "median"]
    assert one_of("strategy", "sum", options) == "sum"
    message = "`strategy` must be one of 'mean', 'sum', 'median', got 'medain'; did you mean"
    with pytest.raises(ParameterError, match=f"^{message} 'median'\\?$"):
        one_of("strategy", "medain", options)
    with pytest.raises(ParameterError, match=r"got None$"):
        one_of("strategy", None, options)


def test_no_hint_where_nothing_is_similar() -> None:
    assert did_you_mean("zzz", ["mean", "sum"]) == ""


def test_optional_package_that_is_there() -> None:
    assert import_optional("math", extra="minc", purpose="tests") is math


def test_optional_package_that_is_missing_says_how_to_install_it() -> None:
    with pytest.raises(MissingDependencyError, match=r"pip install 'boldstream\[minc\]'") as caught:
        import_optional("no_such_package", extra="minc", purpose="MINC-2 images")
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, BoldstreamError)


def test_optional_package_that_is_broken_shows_its_own_error(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_package.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_package") as caught:
        import_optional("broken_package", extra="minc", purpose="MINC-2 images")
    assert not isinstance(caught.value, BoldstreamError)
