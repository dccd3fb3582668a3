"""Names above a time line: none touches another, nor the line that leads to it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream.plotting.labels import place_labels

labels = st.lists(st.tuples(st.floats(0, 500), st.floats(5, 150)), max_size=30)


@given(labels)
def test_names_and_lines_are_kept_apart(given_labels: list[tuple[float, float]]) -> None:
    points, lengths = [p for p, _ in given_labels], [n for _, n in given_labels]
    found = place_labels(points, lengths, 500)
    assert len(found) == len(given_labels)
    placed = [one for one in found if one is not None]
    assert bool(placed) == bool(given_labels)
    for (point, length), one in zip(given_labels, found, strict=True):
        if one is not None:
            assert one.point == point
            assert one.right - one.left == pytest.approx(length)
            assert min(abs(point - one.left), abs(point - one.right)) < 1e-9
    for a, b in itertools.permutations(placed, 2):
        if a.lane == b.lane:
            assert a.right + 3 < b.left or b.right + 3 < a.left
        elif a.lane < b.lane:
            assert not a.left <= b.point <= a.right


def test_a_name_goes_to_the_left_where_there_is_more_room() -> None:
    # The first would cross the lines of the others, which need all rows above it.
    points, lengths = [100.0, 110, 120, 130, 140, 150], [80.0, 80, 80, 80, 80, 80]
    found = place_labels(points, lengths, 400)
    assert [one is not None and one.lane for one in found] == [0, 4, 3, 2, 1, 0]
    assert found[0] is not None
    assert found[0].right == 100
