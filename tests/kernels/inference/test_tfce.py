"""Exact TFCE against its definition, level by level, and against ever finer steps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from boldstream.decoding.inference.adjacency import adjacency_of
from boldstream.kernels.inference.tfce import descending, enhance

BRAIN = (9, 8, 7)


def enhanced(volume: np.ndarray, extent: float = 0.5, height: float = 2.0) -> np.ndarray:
    near = adjacency_of(np.ones(volume.shape, bool))
    powers = np.arange(volume.size + 1.0) ** extent
    values = volume.ravel().astype("f4")
    return enhance(values, near.starts, near.neighbours, powers, height).reshape(volume.shape)


def by_levels(volume: np.ndarray, extent: float = 0.5, height: float = 2.0) -> np.ndarray:
    """The integral, exactly: between two values that occur, extents do not change."""
    volume = volume.astype("f4").astype("f8")
    levels = np.unique(np.append(volume[volume > 0], 0.0))
    out = np.zeros(volume.shape)
    for low, high in pairwise(levels):
        labels, _ = ndimage.label(volume >= high)
        sizes = np.bincount(labels.ravel()).astype(float)
        sizes[0] = 0
        share = (high ** (height + 1) - low ** (height + 1)) / (height + 1)
        out += np.where(labels > 0, sizes[labels] ** extent * share, 0)
    return out


def by_steps(volume: np.ndarray, step: float) -> np.ndarray:
    out = np.zeros(volume.shape)
    for h in np.arange(step / 2, volume.max(), step):
        labels, _ = ndimage.label(volume > h)
        sizes = np.bincount(labels.ravel()).astype(float)
        sizes[0] = 0
        out += sizes[labels] ** 0.5 * h**2 * step
    return out


def smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    values = ndimage.gaussian_filter(rng.standard_normal(shape), 1.2)
    return np.asarray(values / values.std())


@pytest.mark.parametrize(("extent", "height"), [(0.5, 2.0), (1.0, 2.0), (0.66, 1.5), (0.5, 1.0)])
def test_it_is_the_integral(rng: np.random.Generator, extent: float, height: float) -> None:
    volume = smooth(rng, BRAIN)
    expected = by_levels(volume, extent, height)
    exact = enhanced(volume, extent, height)
    np.testing.assert_allclose(exact, expected, rtol=1e-9, atol=1e-14 * expected.max())


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_equal_values_join_at_once(rng: np.random.Generator, levels: int) -> None:
    """Scores of few samples take few values, and whole plateaus are equal."""
    volume = np.round(smooth(rng, BRAIN) * levels) / levels
    assert len(np.unique(volume)) < 12 * levels
    np.testing.assert_allclose(enhanced(volume), by_levels(volume), rtol=1e-10)


def test_steps_converge_to_it(rng: np.random.Generator) -> None:
    volume = smooth(rng, (14, 13, 12))
    exact = enhanced(volume)
    errors = [np.abs(by_steps(volume, step) - exact).max() / exact.max() for step in (0.1, 0.004)]
    assert errors[1] < errors[0] / 4
    assert errors[1] < 2e-3


@given(st.data())
def test_the_order_of_voxels_does_not_count(data: Any) -> None:
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    shape = tuple(data.draw(st.integers(1, 5)) for _ in range(3))
    volume = rng.integers(-2, 4, shape).astype("f4") / 3
    flipped = enhanced(volume[::-1, ::-1, ::-1])[::-1, ::-1, ::-1]
    np.testing.assert_allclose(enhanced(volume), flipped, rtol=1e-12)
    np.testing.assert_allclose(enhanced(volume), by_levels(volume), rtol=1e-10, atol=1e-12)


def test_the_positive_side_of_what_is_known(rng: np.random.Generator) -> None:
    volume = smooth(rng, BRAIN)
    holes = volume.copy()
    holes[2:4] = np.nan
    below = np.where(np.isnan(holes), -1, holes)
    np.testing.assert_array_equal(enhanced(holes), enhanced(below))
    assert (enhanced(-np.abs(volume)) == 0).all()
    assert (enhanced(volume)[volume <= 0] == 0).all()
    assert (enhanced(volume)[volume > 0] > 0).all()


def test_values_are_sorted_as_argsort_sorts(rng: np.random.Generator) -> None:
    values = np.round(rng.standard_normal(500), 1).astype("f4")
    values[7] = np.nan
    order = np.argsort(-values, kind="stable")
    np.testing.assert_array_equal(descending(values), order[values[order] > 0])
