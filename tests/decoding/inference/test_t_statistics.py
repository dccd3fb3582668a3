"""t and its p against scipy, and where there is no variance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from boldstream.decoding.inference.t_statistics import p_of_t, t_of, variance_of


def sums_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    return values.mean(axis=0), (values**2).sum(axis=0), len(values)


@pytest.mark.parametrize("n", [2, 3, 17])
def test_they_are_those_of_scipy(rng: np.random.Generator, n: int) -> None:
    values = rng.normal(0.3, 1, (n, 20))
    expected = stats.ttest_1samp(values, 0, alternative="greater")
    t = t_of(*sums_of(values))
    np.testing.assert_allclose(t, expected.statistic)
    np.testing.assert_allclose(p_of_t(t, n), expected.pvalue)
    np.testing.assert_allclose(variance_of(*sums_of(values)), values.var(axis=0, ddof=1))


def test_variance_that_is_rounding_counts_as_a_share_of_squares() -> None:
    """1e-12 of the sum of squares, n - 1 degrees of freedom: t is √((n - 1) / 1e-12) at most."""
    agreeing = np.full((5, 1), 0.3)
    np.testing.assert_allclose(t_of(*sums_of(agreeing)), np.sqrt(4 / 1e-12))
    np.testing.assert_allclose(t_of(*sums_of(-agreeing)), -np.sqrt(4 / 1e-12))
    some = 1 + np.array([[-2e-6], [2e-6]])
    np.testing.assert_allclose(t_of(*sums_of(some)), 1 / 2e-6, rtol=1e-3)


def test_t_of_zeros_is_0() -> None:
    np.testing.assert_array_equal(t_of(*sums_of(np.zeros((4, 2)))), [0, 0])
