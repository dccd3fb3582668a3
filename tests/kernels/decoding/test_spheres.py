"""Patterns of a sphere against numpy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from boldstream.kernels.decoding.spheres import (
    centre,
    gather,
    gram,
    split_constant,
    standardise,
    with_border,
)


def test_members_are_gathered_in_their_order(rng: np.random.Generator) -> None:
    values, members = rng.normal(size=(9, 5)).astype(np.float32), np.array([7, 0, 7], np.int32)
    x = gather(values, members)
    assert x.dtype == np.float64
    np.testing.assert_array_equal(x, values[members])
    np.testing.assert_allclose(gram(x), x.T @ x)
    whole = x.copy()
    centre(x)
    np.testing.assert_allclose(x, whole - whole.mean(axis=1, keepdims=True), atol=1e-12)


@pytest.mark.parametrize("mean", [0.0, 1e4, -1e9])
def test_standardise_is_the_scaler_of_scikit_learn(rng: np.random.Generator, mean: float) -> None:
    """Also of voxels that are constant in training, or all but for rounding."""
    x = mean + rng.normal(size=(6, 11))
    train = np.array([0, 3, 4, 4, 8, 9])
    x[0, train], x[1], x[2, train] = mean, 0.1, mean
    x[2, 3] += np.spacing(mean)
    x[3, train] = mean + np.arange(6.0)
    expected = StandardScaler().fit(x.T[train]).transform(x.T).T
    np.testing.assert_allclose(standardise(x, train), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("times", [0.6, 1.5])
def test_what_rounding_may_do_to_a_mean_is_no_scale(times: float) -> None:
    """A voxel counts as constant up to a standard deviation of n · mean · 2.2e-16."""
    n, mean = 400, 1000.0
    apart = times * n * mean * np.finfo(np.float64).eps
    x = np.where(np.arange(n) % 2, mean + apart, mean - apart)[None]
    expected = StandardScaler().fit_transform(x.T).T
    found = standardise(x, np.arange(n))
    assert (np.abs(expected).min() > 0.9) == (np.abs(found).min() > 0.9) == (times > 1)


@pytest.mark.parametrize("mean", [0.0, 5.0, 1e4])
@pytest.mark.parametrize("scaling", [0.0, 1.0, 300.0])
def test_a_mean_is_split_from_the_rest(
    rng: np.random.Generator, mean: float, scaling: float
) -> None:
    x = mean * rng.uniform(0.8, 1.2, (7, 1)) + rng.normal(size=(7, 12))
    products = x.T @ x + scaling**2
    left = x.copy()
    border, weight = split_constant(left, scaling)
    np.testing.assert_allclose(
        left.T @ left + weight * np.outer(border, border), products, rtol=1e-9, atol=1e-8
    )
    np.testing.assert_allclose((border**2).mean(), 1)
    # What is left is of the size of the noise, whatever the mean.
    assert np.abs(left).max() < 20
    features, rows = with_border(left, border)
    np.testing.assert_array_equal(features, np.vstack([left, border]))
    np.testing.assert_array_equal(rows, features.T)


def test_nothing_to_split() -> None:
    left = np.array([[1.0, -1.0], [-2.0, 2.0]])
    border, weight = split_constant(left, 0.0)
    assert weight == 0
    np.testing.assert_array_equal(border, [0, 0])
    np.testing.assert_array_equal(left, [[1, -1], [-2, 2]])
