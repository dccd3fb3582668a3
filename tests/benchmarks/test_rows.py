"""Rows: what is judged, what is told, and what is kept of them."""

from __future__ import annotations

import doctest
import math
from importlib import import_module
from typing import Any

import pytest

from benchmarks.rows import Ask, Row, counted, figure, least, most, print_table


@pytest.mark.parametrize(
    ("ask", "judged", "met"),
    [
        (most(10, "s"), 10.0, True),
        (most(10, "s"), 10.001, False),
        (most(10, "s"), math.nan, False),
        (most(0, ""), -1.0, True),
        (least(5, "×"), 5.0, True),
        (least(5, "×"), 4.99, False),
        (least(5, "×"), math.inf, True),
        (least(5, "×"), math.nan, False),
        (Ask("< 2 %", most=2, strict=True), 2.0, False),
        (Ask("< 2 %", most=2, strict=True), 1.999, True),
        (Ask("> the limit", least=0, strict=True), 0.0, False),
        (Ask("0.90 to 1.25", least=0.90, most=1.25), 0.89, False),
        (Ask("0.90 to 1.25", least=0.90, most=1.25), 1.26, False),
        (Ask("0.90 to 1.25", least=0.90, most=1.25), 1.0, True),
    ],
)
def test_bounds(ask: Ask, judged: float, met: bool) -> None:
    assert ask.met(judged) is met


def test_the_ratio_is_judged_where_there_is_one_else_the_value() -> None:
    ratio: dict[str, Any] = {"ratio": 4.0, "ratio_unit": "× faster"}
    assert figure("s", "", "x", 9.0, "s", ask=least(3, "×"), **ratio).passed is True
    assert figure("s", "", "x", 9.0, "s", ask=least(5, "×"), **ratio).passed is False
    assert figure("s", "", "x", 9.0, "s", ask=most(10, "s")).passed is True
    assert figure("s", "", "x", 9.0, "s", ask=most(10, "s"), judged=11.0, **ratio).passed is False
    free = figure("s", "", "x", 9.0, "s", **ratio)
    assert (free.passed, free.asked) == (None, "")


ROW = figure(
    "glm",
    "857 float32",
    "AR(1): time",
    1.437,
    "s",
    ask=least(3, "× faster"),
    peer="nilearn",
    peer_value=22.71,
    ratio=16.12,
    ratio_unit="× faster",
    peak_mib=108.2,
    peer_peak_mib=2858.9,
    n=3,
    note="read 1.00 s",
)


def test_a_row_is_told_in_a_line() -> None:
    assert ROW.key == "glm / 857 float32 / AR(1): time"
    assert ROW.told == (
        "1.44 s (nilearn 22.7 s; 16.1 × faster; 108, 2 859 MiB; n = 3; read 1.00 s)"
    )
    assert figure("glm", "", "fit", 0.5, "s").key == "glm / fit"
    assert figure("glm", "", "fit", 0.5, "s").told == "0.50 s"


@pytest.mark.parametrize("value", [1.5, math.nan, math.inf, -math.inf, 0.0])
def test_a_row_comes_back_from_its_content(value: float) -> None:
    row = figure("s", "small", "x", value, "MiB", ask=most(2, "MiB"), n=2, peak_mib=None)
    again = Row.of(row.content)
    assert repr(again) == repr(row)
    assert again.content["key"] == "s / small / x"
    assert not any(
        isinstance(one, float) and not math.isfinite(one) for one in again.content.values()
    )


def test_rows_are_counted_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        ROW,
        figure("glm", "", "a [b]", 2.0, "s", ask=most(1, "s")),
        figure("x", "", "y", 1, ""),
    ]
    assert counted(rows) == "1 pass, 1 miss, 1 with nothing asked"
    print_table(rows, judged=True)
    shown = capsys.readouterr().out
    assert shown.count("pass") == shown.count("miss") == 1
    assert "a [b]" in shown
    assert "22.7 s" in shown
    print_table(rows, judged=False)
    shown = capsys.readouterr().out
    assert "pass" not in shown
    assert "miss" not in shown


@pytest.mark.parametrize("name", ["rows", "words", "harness", "runner"])
def test_the_examples_run(name: str) -> None:
    tried = doctest.testmod(import_module(f"benchmarks.{name}"))
    assert tried.attempted > 0
    assert tried.failed == 0
