"""Statistics of regions against numpy, region by region."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from boldstream.kernels.segments import STRATEGIES

NUMPY: dict[str, Any] = {
    "mean": np.mean,
    "sum": np.sum,
    "median": np.median,
    "minimum": np.min,
    "maximum": np.max,
    "standard_deviation": np.std,
    "variance": np.var,
}


@pytest.mark.parametrize("name", NUMPY)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_segments_equal_a_loop(name: str, sizes: list[int], seed: int) -> None:
    counts = np.array(sizes)
    starts = np.cumsum(counts) - counts
    values = np.random.default_rng(seed).normal(50, 3, counts.sum())
    before = values.copy()
    ours = STRATEGIES[name](values, starts, counts)
    pieces = np.split(values, starts[1:])
    np.testing.assert_allclose(ours, [NUMPY[name](piece) for piece in pieces], rtol=1e-12)
    np.testing.assert_array_equal(values, before)


def test_every_strategy_has_its_oracle() -> None:
    assert set(STRATEGIES) == set(NUMPY)


@pytest.mark.parametrize("name", ["mean", "sum", "median", "minimum", "maximum"])
def test_nan_and_infinity_stay_in_their_region(name: str) -> None:
    nan, inf = np.nan, np.inf
    values = np.array([1, nan, 3, 4, inf, inf, 7, -inf, 8, 9.0])
    starts, counts = np.array([0, 3, 6, 9]), np.array([3, 3, 3, 1])
    expected = [NUMPY[name](piece) for piece in np.split(values, starts[1:])]
    np.testing.assert_array_equal(STRATEGIES[name](values, starts, counts), expected)


def test_the_median_is_scipys_on_real_regions(rng: np.random.Generator) -> None:
    labels = np.sort(rng.integers(1, 233, 60_000))
    values = rng.integers(0, 900, labels.size).astype(np.float64)  # with ties
    _, starts, counts = np.unique(labels, return_index=True, return_counts=True)
    ours = STRATEGIES["median"](values, starts, counts)
    np.testing.assert_array_equal(ours, ndimage.median(values, labels, np.unique(labels)))
