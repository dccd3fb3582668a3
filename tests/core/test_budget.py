"""Budgets, and sizes as people write them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream import ParameterError
from boldstream.core.budget import Budget, find_budget, format_bytes, parse_bytes
from boldstream.core.limits import Limit, memory_limits, process_memory

MIB, GIB = 2**20, 2**30


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("500MiB", 500 * MIB),
        ("500 mb", 500 * MIB),
        ("1.5 GB", 3 * GIB // 2),
        ("2g", 2 * GIB),
        ("2.GiB", 2 * GIB),
        ("4k", 4096),
        ("1TB", 1024 * GIB),
        ("123", 123),
        ("123 B", 123),
        (123, 123),
        (np.int64(7), 7),
    ],
)
def test_sizes(text: str | int, wanted: int) -> None:
    assert parse_bytes(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GB",
        "-1GB",
        "0",
        "0.1",
        0,
        -5,
        "1,5GB",
        "1e3",
        "5 PB",
        "nan",
        "1 G B",
        True,
        1.5,
        "9" * 400,
    ],
)
def test_what_is_no_size_is_refused_with_an_example(text: str | int) -> None:
    with pytest.raises(ParameterError, match="`memory_limit` must be a positive size such as"):
        parse_bytes(text, name="memory_limit")


@given(st.integers(1, 2**50))
def test_a_size_survives_being_written_and_read(n_bytes: int) -> None:
    text = format_bytes(n_bytes)
    assert parse_bytes(text) == pytest.approx(n_bytes, rel=0.05)
    assert len(text) <= len("1023.9 MiB")


@pytest.mark.parametrize(
    ("n_bytes", "wanted"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (GIB - 1, "1 GiB"),
        (1536 * MIB, "1.5 GiB"),
        (3 * 1024 * GIB, "3 TiB"),
        (4000 * 1024 * GIB, "4000 TiB"),
    ],
)
def test_sizes_are_written_in_the_unit_that_suits_them(n_bytes: int, wanted: str) -> None:
    assert format_bytes(n_bytes) == wanted


def test_the_least_headroom_decides_less_a_share_for_safety() -> None:
    limits = [Limit("RAM", 16 * GIB, 4 * GIB), Limit("cgroup", 3 * GIB, 2 * GIB)]
    budget = find_budget(limits=limits)
    assert budget.source == "cgroup"
    assert budget.headroom_bytes == pytest.approx(0.9 * GIB)
    assert budget.baseline_bytes == pytest.approx(process_memory().rss_bytes, rel=0.1)


def test_a_given_limit_counts_what_is_held_already() -> None:
    budget = find_budget("4GiB", limits=[Limit("RAM", 64 * GIB, 0)])
    assert budget.source == "memory_limit"
    assert budget.peak_bytes == 4 * GIB
    assert budget.baseline_bytes == pytest.approx(process_memory().rss_bytes, rel=0.1)


def test_a_given_limit_does_not_lift_one_of_the_machine() -> None:
    budget = find_budget("4GiB", limits=[Limit("RLIMIT_AS", 2 * GIB, GIB)])
    assert budget.source == "RLIMIT_AS"
    assert budget.headroom_bytes == pytest.approx(0.9 * GIB)


def test_nothing_may_be_taken_where_more_is_held_than_allowed() -> None:
    budget = find_budget("1MiB")
    assert budget.headroom_bytes == 0
    # What was given is told as it was given.
    assert budget.peak_bytes == MIB
    assert budget.source == "memory_limit"
    assert find_budget(limits=[Limit("RAM", GIB, 2 * GIB)]).headroom_bytes == 0


def test_this_machine() -> None:
    budget = find_budget()
    assert budget.source in {limit.source for limit in memory_limits()}
    assert 0 < budget.headroom_bytes < memory_limits()[0].limit_bytes
    assert budget.source in str(budget)


def test_a_limit_that_was_given_is_shown_as_it_was_understood() -> None:
    budget = Budget(600, 100 << 20, "memory_limit")
    assert str(budget) == "0 B may be taken beside 100 MiB in use (memory_limit, 600 B)"
    assert str(Budget(1 << 30, 0, "cgroup")) == "1 GiB may be taken beside 0 B in use (cgroup)"
