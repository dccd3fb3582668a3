"""Kernels against naive loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from boldstream.kernels.gather import TILE, gather_rows, real_values, tiles
from boldstream.kernels.moments import add_moments, mean_of, moment_scratch, standard_deviation_of


@pytest.mark.parametrize("stored", ["<i2", ">i2", "u1", ">f4", "<f4", "<f8", "i8"])
@pytest.mark.parametrize("out", ["f4", "f8"])
@pytest.mark.parametrize(("slope", "inter"), [(1.0, 0.0), (0.3, -2.0), (1.0, 1.0), (2.0, 0.0)])
def test_gather_equals_indexing(stored: str, out: str, slope: float, inter: float) -> None:
    rng = np.random.default_rng(0)
    volumes = rng.integers(0, 200, (3, 50)).astype(stored)
    rows = rng.permutation(50)[:20]
    picked = np.empty((3, 20), out)
    gather_rows(picked, volumes, rows, slope, inter)
    expected = volumes[:, rows].astype("f8") * slope + inter
    np.testing.assert_array_equal(picked, expected.astype(out))


@pytest.mark.parametrize(("slope", "inter"), [(2.0, 0.0), (1.0, 1.0), (0.5, 0.0), (2.0, -1.0)])
def test_real_values_are_scaled_in_float64(slope: float, inter: float) -> None:
    stored = np.arange(-3, 9, dtype="i2").reshape(3, 4)
    real = real_values(stored, slope, inter)
    assert real.dtype == np.float64
    np.testing.assert_array_equal(real, stored * slope + inter)


def test_what_is_not_scaled_is_returned_as_it_is() -> None:
    stored = np.arange(4, dtype="i2")
    assert real_values(stored, 1.0, 0.0) is stored


@pytest.mark.parametrize("n", [0, 1, TILE - 1, TILE, TILE + 1, 3 * TILE])
def test_tiles_cover_everything_once(n: int) -> None:
    assert [i for tile in tiles(n) for i in range(tile.start, tile.stop)] == list(range(n))


@given(
    data=hnp.arrays("i2", st.tuples(st.integers(2, 12), st.integers(1, 9))),
    cut=st.integers(1, 11),
    skip=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_moments_equal_numpy(data: np.ndarray[Any, Any], cut: int, skip: bool) -> None:
    n, voxels = data.shape
    sums, squares, shift = np.zeros(voxels), np.zeros(voxels), data[0].astype("f8")
    unchanged = data[0] if skip else None
    for part in (data[:cut], data[cut:]):
        add_moments(sums, squares, shift, part, 1.0, 0.0, unchanged, moment_scratch(n, voxels))
    np.testing.assert_allclose(mean_of(n, shift, sums), data.mean(0), rtol=1e-12, atol=1e-9)
    deviation = standard_deviation_of(n, sums, squares, ddof=0)
    np.testing.assert_allclose(deviation, data.astype("f8").std(0), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i2", ">i2", "u2"])
@pytest.mark.parametrize("spread", [3, 120, 30000])
@pytest.mark.parametrize("n", [1, 9, 128, 129, 300])
def test_small_integers_are_summed_without_rounding(dtype: str, spread: int, n: int) -> None:
    rng = np.random.default_rng(n)
    limits = np.iinfo(dtype)
    data = rng.integers(-spread, spread, (n, 50)).clip(limits.min, limits.max).astype(dtype)
    data[:, :20] = data[0, :20]
    sums, squares, shift = np.zeros(50), np.zeros(50), data[0].astype("f8")
    add_moments(sums, squares, shift, data, 1.0, 0.0, data[0], moment_scratch(n, 50))
    d = data.astype(object) - data[0].astype(object)  # Python's own integers
    np.testing.assert_array_equal(sums, d.sum(axis=0).astype("f8"))
    np.testing.assert_array_equal(squares, (d * d).sum(axis=0).astype("f8"))


@pytest.mark.parametrize("n", [84, 85, 100, 128])
def test_squares_that_float32_cannot_hold_are_summed_without_rounding(n: int) -> None:
    """Odd numbers whose sum ends between 2^24 and 2^25, where float32 knows even ones alone."""
    data = np.full((n + 1, 3), 449, "i2")
    data[0] = 0
    sums, squares, shift = np.zeros(3), np.zeros(3), np.zeros(3)
    add_moments(sums, squares, shift, data, 1.0, 0.0, data[0], moment_scratch(n + 1, 3))
    assert 2**24 < n * 449**2 < 2**25
    np.testing.assert_array_equal(sums, n * 449)
    np.testing.assert_array_equal(squares, n * 449**2)


@pytest.mark.parametrize("n", [100, 127, 128, 300])
def test_sums_alone_that_float32_cannot_hold_are_summed_without_rounding(n: int) -> None:
    data = np.full((n + 1, 3), 32767, "i2")
    data[0] = -32768
    sums, shift = np.zeros(3), np.full(3, -32768.0)
    add_moments(sums, None, shift, data, 1.0, 0.0, data[0], moment_scratch(n + 1, 3))
    np.testing.assert_array_equal(sums, n * 65535)


@pytest.mark.parametrize("dtype", ["i2", "u1", "i4", "f4"])
@pytest.mark.parametrize(("slope", "inter"), [(2.0, 0.0), (1.0, 1.0), (0.5, 3.0)])
def test_moments_are_of_real_values(dtype: str, slope: float, inter: float) -> None:
    data = np.random.default_rng(0).integers(0, 200, (9, 40)).astype(dtype)
    data[:, :5] = data[0, :5]
    exact = data * slope + inter
    sums, squares = np.zeros(40), np.zeros(40)
    add_moments(sums, squares, exact[0], data, slope, inter, data[0], moment_scratch(9, 40))
    np.testing.assert_allclose(sums, (exact - exact[0]).sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(squares, ((exact - exact[0]) ** 2).sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_tiles_that_never_change_are_passed_over_alone(dtype: str) -> None:
    data = np.random.default_rng(0).integers(0, 99, (5, 3 * TILE - 7)).astype(dtype)
    data[:, :TILE] = data[0, :TILE]
    sums, squares = np.zeros(data.shape[1]), np.zeros(data.shape[1])
    scratch = moment_scratch(*data.shape)
    assert scratch.shape == (6, TILE)
    add_moments(sums, squares, data[0].astype("f8"), data, 1.0, 0.0, data[0], scratch)
    d = data.astype("f8") - data[0]
    np.testing.assert_array_equal(sums, d.sum(axis=0))
    np.testing.assert_array_equal(squares, (d * d).sum(axis=0))
