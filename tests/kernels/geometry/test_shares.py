"""Shares of voxels against loops over pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from boldstream.kernels.geometry.shares import (
    crossed_differences,
    products,
    squared_differences,
    sum_members,
)

N, FOLDS, VOXELS = 5, 3, 7


@pytest.fixture
def patterns(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(VOXELS, FOLDS * N)).astype("f4")


def test_squared_differences(patterns: np.ndarray) -> None:
    some = np.ascontiguousarray(patterns[:, :N])
    out = np.full((VOXELS, N * (N - 1) // 2), np.nan)
    squared_differences(some, out)
    x = some.astype("f8")
    expected = [(x[:, i] - x[:, j]) ** 2 for i, j in combinations(range(N), 2)]
    np.testing.assert_allclose(out.T, expected)


@pytest.mark.parametrize("n_folds", [2, 3])
def test_crossed_differences(patterns: np.ndarray, n_folds: int) -> None:
    some = np.ascontiguousarray(patterns[:, : n_folds * N])
    out = np.full((VOXELS, N * (N - 1) // 2), np.nan)
    crossed_differences(some, n_folds, np.empty(N), out)
    x = some.astype("f8").reshape(VOXELS, n_folds, N)
    for pair, (i, j) in enumerate(combinations(range(N), 2)):
        apart = x[:, :, i] - x[:, :, j]
        crossed = [apart[:, m] * apart[:, n] for m in range(n_folds) for n in range(m)]
        np.testing.assert_allclose(out[:, pair], np.mean(crossed, axis=0), atol=1e-12)


def test_products(patterns: np.ndarray) -> None:
    some = np.ascontiguousarray(patterns[:, :N])
    out = np.full((VOXELS, N * (N - 1) // 2 + 2 * N), np.nan)
    products(some, out)
    x = some.astype("f8")
    expected = [x[:, i] * x[:, j] for i, j in combinations(range(N), 2)]
    np.testing.assert_allclose(out, np.column_stack([*expected, x**2, x]))


def test_sums_over_members(rng: np.random.Generator) -> None:
    shares = rng.normal(size=(VOXELS, 4))
    members = np.array([1, 5, 6, 0, 0, 2], np.int32)
    starts = np.array([1, 3, 3, 6])
    out = np.full((3, 4), np.nan)
    sum_members(shares, members, starts, out)
    expected = [shares[[5, 6]].sum(axis=0), np.zeros(4), shares[[0, 0, 2]].sum(axis=0)]
    np.testing.assert_allclose(out, expected)
