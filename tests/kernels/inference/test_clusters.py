"""Clusters against `scipy.ndimage.label`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from boldstream.decoding.inference.adjacency import adjacency_of
from boldstream.kernels.inference.clusters import label_clusters


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_they_are_those_of_scipy(rng: np.random.Generator, share: float) -> None:
    inside = rng.random((11, 9, 8)) < share
    near = adjacency_of(np.ones(inside.shape, bool))
    labels = np.full(inside.size, 7, np.int32)
    n = label_clusters(inside.ravel(), near.starts, near.neighbours, labels)
    expected, n_expected = ndimage.label(inside)
    assert n == n_expected
    np.testing.assert_array_equal(labels, expected.ravel())


def test_clusters_end_where_the_mask_does(rng: np.random.Generator) -> None:
    mask = rng.random((9, 9, 9)) < 0.7
    inside = mask & (rng.random(mask.shape) < 0.6)
    near = adjacency_of(mask)
    labels = np.empty(np.count_nonzero(mask), np.int32)
    label_clusters(inside[mask], near.starts, near.neighbours, labels)
    np.testing.assert_array_equal(labels, ndimage.label(inside)[0][mask])
