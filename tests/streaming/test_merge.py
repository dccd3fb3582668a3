"""Every accumulator: parts that are merged are the whole."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import boldstream as bs
from boldstream.io.opening import open_image
from boldstream.io.source import Block, Scaling
from boldstream.streaming.reduction import Accumulator
from tests.streaming.mix import AFFINE, SHAPE, N, reductions

KINDS = range(len(reductions()))


def accumulated(
    accumulator: Accumulator[Any], rows: NDArray[Any], volumes: range, block_volumes: int
) -> Any:
    """State of some volumes of the series, fed in blocks."""
    state = accumulator.init(volumes)
    for start in range(volumes.start, volumes.stop, block_volumes):
        stop = min(start + block_volumes, volumes.stop)
        accumulator.update(state, Block(rows[start:stop], start, Scaling(), run=0))
    return state


@pytest.mark.parametrize("kind", KINDS, ids=[type(r).__name__ for r in reductions()])
@given(cuts=st.sets(st.integers(1, N - 1), max_size=4), block_volumes=st.integers(1, N))
def test_merged_parts_are_the_whole(kind: int, cuts: set[int], block_volumes: int) -> None:
    data = np.random.default_rng(3).normal(1000, 10, (*SHAPE, N))
    image = nib.Nifti1Image(data, AFFINE)
    rows = data.reshape(-1, N, order="F").T
    bound = reductions()[kind].bind(open_image(image).series)
    parts = [
        accumulated(bound.accumulator, rows, range(a, b), block_volumes)
        for a, b in itertools.pairwise([0, *sorted(cuts), N])
    ]
    merged = bound.finalize(functools.reduce(bound.accumulator.merge, parts))
    (whole,) = bs.stream(image, reductions()[kind])
    np.testing.assert_allclose(np.asarray(merged), np.asarray(whole), rtol=2e-6, atol=1e-9)
