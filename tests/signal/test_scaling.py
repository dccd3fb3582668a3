"""One scale for all columns, against numpy; what is constant, or has no mean."""

from __future__ import annotations

import numpy as np
import pytest

from boldstream.signal.scaling import percent_change, zscore_sample

EPS = np.finfo(np.float64).eps


def test_they_are_those_of_numpy(rng: np.random.Generator) -> None:
    block = rng.normal([[5.0, -300.0, 1e-3]], [[1.0, 20.0, 1e-5]], (30, 3))
    scores, percent = block.copy(), block.copy()
    zscore_sample(scores)
    assert not percent_change(percent)
    mean = block.mean(axis=0)
    np.testing.assert_allclose(scores, (block - mean) / block.std(axis=0, ddof=1), atol=1e-9)
    np.testing.assert_allclose(percent, 100 * (block - mean) / np.abs(mean), atol=1e-9)


@pytest.mark.parametrize(
    ("mean", "apart", "scaled"),
    [
        (0.0, 0.5 * EPS, False),
        (0.0, 2 * EPS, True),
        (100.0, 780 * EPS, False),  # what rounding does to numbers of this size
        (100.0, 900 * EPS, True),
    ],
)
def test_what_rounding_left_of_a_constant_stays_small(
    mean: float, apart: float, scaled: bool
) -> None:
    """Columns whose standard deviation is `apart`, to the resolution of their mean."""
    step = max(np.spacing(mean), apart / 1000)
    up = np.round(apart * np.sqrt(99 / 50 / 2) / step) * step
    block = np.full((100, 1), mean)
    block[::2] += up
    block[1::2] -= up
    zscore_sample(block)
    assert (np.abs(block).max() > 0.5) == scaled
    assert np.abs(block).max() < (2 if scaled else 1e-10)


def test_columns_without_a_mean_are_0_and_told() -> None:
    block = np.array([[1.0, 1.0, 3e-16], [-1.0, 3.0, 3e-16]])
    assert percent_change(block)
    np.testing.assert_array_equal(block, [[0, -50, 0], [0, 50, 0]])
