"""Checks of parameters, and the grammar of their messages."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from boldstream import BoldstreamError, MissingDependencyError, ParameterError
from boldstream.core.checks import did_you_mean, integer_in, one_of, positive_number
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
