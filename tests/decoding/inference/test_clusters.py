"""What is inside a cluster, and how clusters are numbered."""

from __future__ import annotations

import numpy as np
import pytest

from boldstream.decoding.inference.adjacency import Adjacency, adjacency_of
from boldstream.decoding.inference.clusters import Forming, tabulate


def line(n: int) -> Adjacency:
    return adjacency_of(np.ones((n, 1, 1), bool))


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize("threshold", [2.0, -2.0, 1e-3, -1e4])
def test_a_score_at_the_threshold_is_not_above_it(threshold: float) -> None:
    size = abs(threshold)
    scores = np.array([threshold, threshold + 3e-7 * size, threshold + 3e-6 * size, -9e9], "f4")
    found = Forming(line(4), threshold).find(scores)
    np.testing.assert_array_equal(found.ids, [0, 0, 1, 0])


def test_a_threshold_of_0() -> None:
    found = Forming(line(4), 0.0).find(floats(0.0, 1e-20, -1e-20, 1.0))
    np.testing.assert_array_equal(found.ids, [0, 1, 0, 2])


def test_every_voxel_may_have_its_own_threshold() -> None:
    forming = Forming(line(5), np.array([0.0, 2.0, 0.5, -1.0, 3.0]))
    found = forming.find(floats(1.0, 1.0, 1.0, 1.0, 1.0))
    np.testing.assert_array_equal(found.ids, [1, 0, 2, 2, 0])
    np.testing.assert_array_equal(found.extents, [1, 2])
    np.testing.assert_allclose(found.masses, [1.0, 0.5 + 2.0])
    assert forming.largest(floats(5.0, 1.0, 0.7, -2.0, 1.0)) == (1, 5)
    assert forming.largest(floats(-1.0, 1.0, 0.5, -2.0, 1.0)) == (0, 0)


def test_equal_clusters_and_peaks_are_told_by_the_first_voxel() -> None:
    """Four clusters: masses 2, 3, 2 and 3, and plateaus within them."""
    scores = floats(2, 0, 1, 2, 0, 1, 1, 0, 1, 1, 1)
    found = Forming(line(11), 0.0).find(scores)
    table, ids = tabulate(
        found, scores.astype("f8"), np.array([1.0, 2.0, 3.0]), np.array([2.5, 3.0, 9.0])
    )
    assert table["id"].tolist() == [1, 2, 3, 4]
    assert table["mass"].tolist() == [3, 3, 2, 2]
    assert table["extent"].tolist() == [2, 3, 1, 2]
    assert table["peak"].tolist() == [3, 8, 0, 5]
    assert table["peak_score"].tolist() == [2, 1, 2, 1]
    assert table["p_extent_fwe"].tolist() == [3 / 4, 2 / 4, 1, 3 / 4]
    assert table["p_mass_fwe"].tolist() == [3 / 4, 3 / 4, 1, 1]
    np.testing.assert_array_equal(ids, [3, 0, 1, 1, 0, 4, 4, 0, 2, 2, 2])
