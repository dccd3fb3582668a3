"""p of counts and of maxima against counting by hand, also where rounding makes scores differ."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from boldstream.decoding.inference.p_values import (
    least_equal,
    less_chance,
    p_of_counts,
    p_of_fdr,
    p_of_maxima,
)


@pytest.mark.parametrize(
    ("score", "usual", "size"),
    [
        (1e5, 0.5, 1e5),
        (-1e5, 0.5, 1e5),
        (0.0, 0.5, 0.5),  # near 0 by subtraction: rounding is that of usual scores
        (0.0, 1e5, 1.0),  # but no larger than that of 1
        (1e-8, 1e-8, 1e-8),
        (0.25, np.nan, 1.0),
    ],
)
def test_a_millionth_of_its_size_is_rounding(score: float, usual: float, size: float) -> None:
    apart = score - least_equal(np.array([score]), usual)
    np.testing.assert_allclose(apart, 1e-6 * size, rtol=1e-4)


def test_what_only_rounding_takes_from_chance_is_at_chance() -> None:
    scores = np.array([1 / 3, 0.5, np.nan, 1 / 3 - 1e-6], np.float32)
    away = less_chance(scores, 1 / 3)
    assert away.dtype == np.float64
    assert away[0] == 0
    np.testing.assert_allclose(away[1:], [1 / 6, np.nan, -1e-6], atol=1e-7)
    np.testing.assert_array_equal(
        less_chance(np.array([1e-30, -1e-30, 0.0]), 0.0), [1e-30, -1e-30, 0]
    )
    each = less_chance(np.array([0.1 + 0.2, 0.7]), np.array([0.3, 0.6]))
    np.testing.assert_allclose(each, [0, 0.1], atol=1e-15)


@pytest.mark.parametrize("n", [1, 9, 999])
def test_p_counts_the_labels_as_given(n: int) -> None:
    counts = np.array([0, 1, n])
    np.testing.assert_array_equal(p_of_counts(counts, n), [1 / (n + 1), 2 / (n + 1), 1])


def test_p_of_maxima_counts_equal_ones(rng: np.random.Generator) -> None:
    maxima = np.round(rng.normal(0.6, 0.1, 50), 2)
    observed = np.append(np.unique(maxima), [0.0, 2.0])
    expected = [(1 + sum(m >= x for m in maxima)) / 51 for x in observed]
    np.testing.assert_array_equal(p_of_maxima(observed, maxima), expected)
    assert p_of_maxima(np.array([2.0]), maxima) == 1 / 51
    assert p_of_maxima(np.array([0.0]), maxima) == 1
    assert np.isnan(p_of_maxima(np.array([np.nan]), maxima))


@pytest.mark.parametrize("scale", [1.0, 1e6, 1e-6])
def test_maxima_less_than_a_millionth_below_count_as_equal(scale: float) -> None:
    maxima = np.array([1 - 9e-7, 1 - 1.1e-6, 0.5, 1.2]) * scale
    assert p_of_maxima(np.array([scale]), maxima) == 3 / 5


def test_fdr_is_that_of_the_scores_there_are(rng: np.random.Generator) -> None:
    p = rng.random(40) ** 3
    p[[0, 7, 39]] = np.nan
    found, there = p_of_fdr(p), np.isfinite(p)
    np.testing.assert_array_equal(np.isnan(found), ~there)
    np.testing.assert_allclose(found[there], multipletests(p[there], method="fdr_bh")[1])
    assert np.isnan(p_of_fdr(np.full(3, np.nan))).all()
