"""Ways are run, measured and compared, however they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from boldstream.benchmark.cases import Case
from boldstream.benchmark.results import Comparison
from boldstream.benchmark.running import difference, run_cases, run_request

MIB = 1 << 20
OddCase = Callable[..., Case]


def run(tmp_path: Path, *cases: Case, repeats: int = 1) -> Comparison:
    return Comparison(run_cases(cases, tmp_path, repeats=repeats), {})


@pytest.mark.parametrize(("way", "apart"), [("wrong", 0.125), ("reshaped", np.inf)])
def test_a_way_with_other_numbers_is_a_problem(
    odd_case: OddCase, tmp_path: Path, way: str, apart: float
) -> None:
    found = run(tmp_path, odd_case(way), odd_case("right", ours=True))
    wrong, right = found.rows
    assert wrong.largest_difference == pytest.approx(apart)
    assert (wrong.outcome, wrong.differs, right.differs) == ("done", True, False)
    assert len(found.problems) == 1
    assert f"up to {apart:.2g} of the largest value" in found.problems[0]
    assert found.problems[0].startswith(f"{way} (odd, odd ways)")


def test_a_tolerance_is_a_share_of_the_largest_value(odd_case: OddCase, tmp_path: Path) -> None:
    found = run(tmp_path, odd_case("wrong", tolerance=0.13), odd_case("right", ours=True))
    assert found.problems == []


def test_ways_of_other_tasks_are_not_compared(odd_case: OddCase, tmp_path: Path) -> None:
    found = run(tmp_path, odd_case("wrong", task="a"), odd_case("right", ours=True, task="b"))
    assert found.problems == []
    assert [row.largest_difference for row in found.rows] == [None, None]


@pytest.mark.parametrize("way", ["allocate", "in_a_worker"])
def test_what_goes_beyond_its_limit_is_out_of_memory(
    odd_case: OddCase, tmp_path: Path, way: str
) -> None:
    limit = 2048 * MIB
    small, large = ({"n_bytes": n * MIB} for n in (64, 4096))
    found = run(
        tmp_path,
        odd_case(way, arguments=large, limit=limit),
        odd_case(way, arguments=small, limit=limit),
        odd_case("right", ours=True),
    )
    assert [row.outcome for row in found.rows] == ["out of memory", "done", "done"]
    assert found.problems == []
    assert "allocate" in found.rows[0].why
    assert found.rows[1].largest_difference == 0


@pytest.mark.parametrize(
    ("way", "outcome", "why"),
    [
        ("killed", "out of memory", "SIGKILL"),
        ("wrapped", "out of memory", "a step failed"),
        ("no_room_to_inflate", "out of memory", "Error -4 "),
        ("damaged", "failed", "zlib.error: Error -3 "),
        ("crashed", "failed", "ended by SIGSEGV"),
        ("mistaken", "failed", "ValueError: no such mask"),
    ],
)
def test_bad_ends_are_rows(
    odd_case: OddCase, tmp_path: Path, way: str, outcome: str, why: str
) -> None:
    found = run(tmp_path, odd_case(way), odd_case("right", ours=True))
    bad, good = found.rows
    assert (bad.outcome, good.outcome) == (outcome, "done")
    assert why in bad.why
    assert len(found.problems) == (outcome == "failed")


def test_memory_is_that_of_the_work(odd_case: OddCase, tmp_path: Path) -> None:
    case = odd_case("allocate", arguments={"n_bytes": 200 * MIB})
    measured = run_request(case.request(tmp_path / "made.npz"))
    assert 200 <= (measured.peak_bytes - measured.start_bytes) / MIB <= 215
    assert 0 < measured.seconds < measured.wall_seconds


def test_what_is_done_before_is_not_timed(odd_case: OddCase, tmp_path: Path) -> None:
    measured = run_request(odd_case("prepared").request(tmp_path / "made.npz"))
    # 128 MiB are written before, and a second goes by.
    assert measured.seconds < 0.5
    assert measured.peak_bytes > 128 * MIB


def test_repeats_are_in_turn_and_told(odd_case: OddCase, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    cases = [odd_case("wrong"), odd_case("right", ours=True)]
    rows = run_cases(
        cases, tmp_path, repeats=2, report=lambda title, done, n: told.append((title, done, n))
    )
    names = [case.title for case in cases]
    assert [title for title, _, _ in told] == [*names, *names, ""]
    assert [done for _, done, _ in told] == [0, 1, 2, 3, 4]
    assert {n for _, _, n in told} == {4}
    assert [len(row.repeats) for row in rows] == [2, 2]


values = arrays(np.float64, 6, elements=st.floats(-1e6, 1e6, allow_nan=False) | st.just(np.nan))


@given(values, values)
def test_difference_is_that_of_a_loop(a: np.ndarray, b: np.ndarray) -> None:
    worst, scale = 0.0, max((abs(y) for y in b if y == y), default=0.0)
    for x, y in zip(a, b, strict=True):
        if (x != x) != (y != y):
            worst = np.inf
        elif x == x and x != y:
            worst = max(worst, abs(x - y) / scale if scale else np.inf)
    assert difference({"x": a}, {"x": b}) == pytest.approx(worst)


def test_other_names_are_infinitely_apart() -> None:
    assert difference({"x": np.ones(1)}, {"y": np.ones(1)}) == np.inf
    assert difference({}, {}) == 0
