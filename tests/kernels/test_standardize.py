"""Scores and percent change against nilearn and scipy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from nilearn.signal import clean
from scipy import stats

from boldstream.kernels.gather import TILE
from boldstream.kernels.standardize import percent_change, zscore

RUNS = [7, 20, 2]


@pytest.fixture
def series(rng: np.random.Generator) -> np.ndarray:
    """More columns than are worked on at once."""
    return rng.normal(100, 5, (sum(RUNS), TILE + 3))


@pytest.mark.parametrize("ddof", [0, 1])
def test_scores_are_scipys_run_by_run(series: np.ndarray, ddof: int) -> None:
    wanted = [stats.zscore(run, ddof=ddof) for run in np.split(series, np.cumsum(RUNS)[:-1])]
    zscore(series, RUNS, ddof=ddof)
    np.testing.assert_allclose(series, np.concatenate(wanted), atol=1e-10)


def test_percent_change_is_nilearns_run_by_run(series: np.ndarray) -> None:
    series[:, 1] *= -1
    runs = np.split(series, np.cumsum(RUNS)[:-1])
    wanted = [clean(run, detrend=False, standardize="psc") for run in runs]
    percent_change(series, RUNS)
    np.testing.assert_allclose(series, np.concatenate(wanted), atol=1e-9)


def test_of_the_least_mean_that_nilearn_takes_there_are_percents() -> None:
    eps = np.finfo("f8").eps
    series = np.outer([0.0, 1.0, 2.0], [eps, eps * 0.999])
    with pytest.warns(UserWarning, match="psc standardization"):
        wanted = clean(series, detrend=False, standardize="psc")
    percent_change(series, [3])
    np.testing.assert_array_equal(series, wanted)
    np.testing.assert_array_equal(series, [[-100, 0], [0, 0], [100, 0]])


def test_float32_loses_nothing_to_a_large_mean(rng: np.random.Generator) -> None:
    series = rng.normal(30_000, 1, (50, 4)).astype("f4")
    wanted = stats.zscore(series.astype("f8"), ddof=1)
    zscore(series, [50], ddof=1)
    np.testing.assert_allclose(series, wanted, atol=1e-6)


def test_constant_columns_and_those_of_mean_0_become_0() -> None:
    # Rounding leaves of the mean of 10000.1 what would be taken for a deviation.
    series = np.tile([10000.1, 0.1, 0.0, -3.0], (7, 1))
    series[::2, 3] = 3.0
    series[-1, 3] = 0.0
    scores, changes = series.copy(), series.copy()
    zscore(scores, [7], ddof=1)
    percent_change(changes, [7])
    assert (scores[:, :3] == 0).all()
    np.testing.assert_allclose(scores[:, 3], stats.zscore(series[:, 3], ddof=1))
    assert (changes[:, 2:] == 0).all()


def test_infinity_makes_its_column_nan_without_a_warning() -> None:
    for standardize in (partial(zscore, ddof=1), percent_change):
        series = np.ones((6, 2), "f4")
        series[:, 1] = np.arange(1, 7)
        series[2, 0] = np.inf
        standardize(series, [6])
        assert np.isnan(series[2, 0])
        assert np.isfinite(series[:, 1]).all()


def test_what_rounding_leaves_of_a_constant_is_eight_units_of_its_size() -> None:
    unit = np.finfo("f8").eps
    sign = np.tile([1.0, -1.0], 8)
    # Around 1024 a step is 1024 units, and the deviation of these is a whole number of them.
    steps = np.array([7, 8, 9])
    series = 1024 + sign[:, None] * steps * 1024 * unit
    zscore(series, [16], ddof=0)
    np.testing.assert_array_equal(series[:, :2], 0)
    np.testing.assert_allclose(series[:, 2], sign)
    # Below 1/8 it is one unit, whatever the size.
    small = sign[:, None] * np.array([1.0, 1.5]) * unit
    zscore(small, [16], ddof=0)
    np.testing.assert_array_equal(small[:, 0], 0)
    np.testing.assert_allclose(small[:, 1], sign)
