"""Matrices along the axes against scipy's filters of whole volumes, neighbours against nilearn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.image.image import _fast_smooth_array
from nilearn.masking import extrapolate_out_mask
from scipy import ndimage

from boldstream.kernels.neighbours import extrapolate, smooth_fast
from boldstream.kernels.separable import (
    apply_separable,
    banded,
    gaussian_matrix,
    scratch_size,
    shape_after,
    spline_matrix,
)

shapes = st.tuples(*[st.integers(2, 9)] * 3)


def separably(volume: Any, matrices: Any) -> Any:
    """The product along each axis of a volume (x, y, z)."""
    filters = [None if matrix is None else banded(matrix, volume.dtype) for matrix in matrices]
    after = shape_after(volume.shape, filters)
    out = np.full(np.prod(after), np.nan, volume.dtype)
    scratch = np.full(scratch_size(volume.shape, filters), np.nan, volume.dtype)
    apply_separable(volume.ravel(order="F"), volume.shape, filters, out, scratch)
    return out.reshape(after, order="F")


@given(
    shape=shapes,
    sizes=st.tuples(*[st.none() | st.integers(1, 6)] * 3).filter(any),
    seed=st.integers(0, 99),
)
def test_products_along_the_axes(shape: Any, sizes: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    volume = rng.normal(size=shape)
    matrices = [
        None if m is None else rng.normal(size=(m, n)) for m, n in zip(sizes, shape, strict=True)
    ]
    each = [np.eye(n) if m is None else m for m, n in zip(matrices, shape, strict=True)]
    expected = np.einsum("xyz,ax,by,cz->abc", volume, *each)
    np.testing.assert_allclose(separably(volume, matrices), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("sizes", "room"),
    [((3, None, None), 0), ((3, 4, None), 3 * 6 * 7), ((3, 4, 2), 3 * 6 * 7 + 3 * 4 * 7)],
)
def test_scratch_is_what_comes_between_the_axes(sizes: Any, room: int) -> None:
    shape = (5, 6, 7)
    pairs = zip(sizes, shape, strict=True)
    filters = [None if m is None else banded(np.ones((m, n)), np.dtype("f4")) for m, n in pairs]
    assert scratch_size(shape, filters) == room


@given(shape=st.tuples(st.integers(1, 60), st.integers(1, 60)), seed=st.integers(0, 99))
def test_bands_make_up_the_matrix(shape: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=shape) * (rng.random(shape) < 0.1)
    cut, whole, pattern = banded(matrix, matrix.dtype), np.zeros(shape), np.zeros(shape)
    for (rows, columns, part), (_, _, ones) in zip(cut.bands, cut.pattern().bands, strict=True):
        whole[rows, columns], pattern[rows, columns] = part, ones
    np.testing.assert_array_equal(whole, matrix)
    np.testing.assert_array_equal(pattern, matrix != 0)
    assert cut.nbytes <= matrix.nbytes


@pytest.mark.parametrize("n", [1, 23, 24, 25, 48, 60])
def test_bands_lie_side_by_side(n: int) -> None:
    cut = banded(np.ones((n, 7)), np.dtype("f4"))
    rows = [range(n)[rows] for rows, _, _ in cut.bands]
    assert [i for band in rows for i in band] == list(range(n))
    assert cut.nbytes == n * 7 * 4
    assert (cut.n_before, cut.n_after) == (7, n)


@pytest.mark.parametrize("axes", [(0, 1), (1, 2), (0, 2), (0, 1, 2)])
def test_the_result_may_take_the_place_of_the_volume(axes: Any, rng: np.random.Generator) -> None:
    shape = (5, 6, 7)
    volume = rng.normal(size=shape)
    matrices = [gaussian_matrix(shape[i], 1.5) if i in axes else None for i in range(3)]
    expected = separably(volume, matrices)
    row = volume.ravel(order="F")
    filters = [None if matrix is None else banded(matrix, volume.dtype) for matrix in matrices]
    apply_separable(row, shape, filters, row, np.empty(scratch_size(shape, filters)))
    np.testing.assert_array_equal(row.reshape(shape, order="F"), expected)


@pytest.mark.parametrize("shape", [(300, 4, 3), (3, 280, 270), (5, 300, 64), (70, 70, 330)])
def test_large_products_come_in_pieces(shape: Any, rng: np.random.Generator) -> None:
    volume = rng.normal(size=shape)
    smoothed = separably(volume, [gaussian_matrix(n, 2.0) for n in shape])
    expected = ndimage.gaussian_filter(volume, 2.0)
    np.testing.assert_allclose(smoothed, expected, rtol=0, atol=1e-12)


@given(shape=shapes, sigma=st.floats(0.05, 9), seed=st.integers(0, 99))
def test_gaussian_is_that_of_scipy(shape: Any, sigma: float, seed: int) -> None:
    volume = np.random.default_rng(seed).normal(size=shape)
    expected = ndimage.gaussian_filter(volume, sigma)
    smoothed = separably(volume, [gaussian_matrix(n, sigma) for n in shape])
    np.testing.assert_allclose(smoothed, expected, rtol=0, atol=1e-12)


@given(
    shape=shapes,
    target=shapes,
    steps=st.tuples(*[st.floats(0.2, 3) | st.sampled_from([-1.0, 0.5, 1.0])] * 3),
    offset=st.tuples(*[st.floats(-2, 5) | st.sampled_from([-0.5, 0.5, 2.5])] * 3),
    order=st.sampled_from([0, 1, 3]),
    seed=st.integers(0, 99),
)
def test_splines_are_those_of_scipy(
    shape: Any, target: Any, steps: Any, offset: Any, order: int, seed: int
) -> None:
    volume = np.random.default_rng(seed).normal(size=shape)
    expected = ndimage.affine_transform(
        volume, np.array(steps), offset=offset, output_shape=target, order=order
    )
    axes = zip(shape, target, steps, offset, strict=True)
    resampled = separably(volume, [spline_matrix(*axis, order) for axis in axes])
    np.testing.assert_allclose(resampled, expected, rtol=0, atol=1e-11)


@given(shape=shapes, seed=st.integers(0, 99), dtype=st.sampled_from(["f4", "f8"]))
def test_fast_smoothing_is_that_of_nilearn(shape: Any, seed: int, dtype: str) -> None:
    volume = np.random.default_rng(seed).normal(size=shape).astype(dtype)
    row = volume.ravel(order="F").reshape(shape[::-1])
    smooth_fast(row, np.empty_like(row))
    np.testing.assert_array_equal(row.T, _fast_smooth_array(volume))


@given(shape=shapes, share=st.floats(0, 1), seed=st.integers(0, 99))
def test_extrapolation_is_that_of_nilearn(shape: Any, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    volume, known = rng.normal(size=shape), rng.random(shape) < share
    expected, _ = extrapolate_out_mask(volume, known, iterations=2)
    unknown_is_nan = np.where(known, volume, np.nan)
    np.testing.assert_allclose(extrapolate(unknown_is_nan, known, reach=2), expected, atol=1e-14)
