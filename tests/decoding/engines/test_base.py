"""Voxels of some spheres, cut into fewer."""

from __future__ import annotations

import numpy as np
import pytest

from boldstream.decoding.engines.base import Block
from tests.decoding.engines.per_sphere import spheres_of

VALUES = np.arange(24, dtype=np.float32).reshape(6, 4)
MEMBERS = np.array([3, 1, 5, 0, 2, 4, 4, 1], np.int32)
STARTS = np.array([0, 2, 2, 3, 7, 8])


@pytest.mark.parametrize("start", range(5))
@pytest.mark.parametrize("stop", range(1, 6))
def test_some_spheres_are_those_of_the_block(start: int, stop: int) -> None:
    block = Block(VALUES, MEMBERS, STARTS, 2.5)
    some = block.some(slice(start, max(start, stop)))
    assert len(block) == 5
    assert len(some) == max(0, stop - start)
    assert some.usual_size == 2.5
    assert some.values is VALUES
    for found, expected in zip(spheres_of(some), spheres_of(block)[start:stop], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(some.members) == some.starts[-1]


def test_a_block_is_all_there_is_unless_told() -> None:
    assert Block(VALUES, MEMBERS, STARTS).some(slice(0, 2)).usual_size == 0
