"""The range that values are kept within, and when what was cut off at it stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream.streaming.preparations.clipping import ClipRange

EPS = float(np.finfo(np.float32).eps)


def clipped(known: ClipRange, *values: float) -> list[float]:
    array = np.array(values, np.float32)
    known.clip(array)
    return [float(value) for value in array]


def test_values_are_cut_off_at_both_ends() -> None:
    known = ClipRange(-1.0, 4.0)
    assert clipped(known, -3, -1, 0.5, 4, 9) == [-1, -1, 0.5, 4, 4]
    assert (known.cut_low, known.cut_high) == (-1, 4)


def test_what_lies_within_is_left_alone() -> None:
    known = ClipRange(-1.0, 4.0)
    assert clipped(known, -1, 4) == [-1, 4]
    assert known == ClipRange(-1.0, 4.0)


@pytest.mark.parametrize(("units", "counts"), [(2, False), (100, True)])
@pytest.mark.parametrize("end", [-1, 1])
def test_rounding_is_cut_off_and_no_reason_to_read_again(
    units: int, counts: bool, end: int
) -> None:
    known = ClipRange(-8.0, 8.0)
    assert clipped(known, 8 * end * (1 + units * EPS)) == [8 * end]
    wider = ClipRange(-9.0, 9.0)
    assert known.stands(wider) is not counts


@given(
    volumes=st.lists(
        st.tuples(st.floats(-9, 9, width=32), st.floats(-9, 9, width=32)), min_size=1, max_size=8
    ),
    over=st.floats(1.01, 2),
)
def test_what_stands_was_cut_as_by_the_final_range(
    volumes: list[tuple[float, float]], over: float
) -> None:
    """Volumes whose values, once interpolated, exceed their own range."""
    known, given_out = ClipRange(), []
    for pair in volumes:
        known.widen(min(pair), max(pair))
        given_out.append(clipped(known, *(over * value for value in pair)))
    low = min(0.0, *map(min, volumes))
    high = max(0.0, *map(max, volumes))
    assert (known.low, known.high) == (low, high)
    whole = [np.clip(np.array(pair, "f4") * np.float32(over), low, high) for pair in volumes]
    same = all(np.allclose(a, b, rtol=1e-5, atol=0) for a, b in zip(given_out, whole, strict=True))
    assert known.is_void or same
    again = ClipRange(known.low, known.high)
    assert all(clipped(again, *(over * value for value in pair)) for pair in volumes)
    assert again.stands(known)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("size", [1.0, 1024.0])
def test_what_rounding_can_have_done_is_cut_and_forgotten(sign: float, size: float) -> None:
    unit = float(np.finfo("f8").eps) * size
    for units, stands in ((0, True), (16, True), (17, False)):
        known = ClipRange(low=-size, high=size)
        values = np.array([0.0, sign * (size + units * unit)])
        known.clip(values)
        assert values.tolist() == [0.0, sign * size]
        # Of a wider range it would have been cut elsewhere, or not at all.
        assert known.stands(ClipRange(low=-2 * size, high=2 * size)) is stands
        assert known.stands(ClipRange(low=-size, high=size))
