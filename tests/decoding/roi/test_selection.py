"""Selection of voxels against SelectKBest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest, f_classif, f_regression

from boldstream.decoding.roi.selection import BestVoxels
from tests.estimator_checks import parametrize_with_checks


@parametrize_with_checks(BestVoxels(1))
def test_it_is_an_estimator_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(("k", "n"), [(1, 1), (7, 7), (50, 20), (0.3, 6), (0.31, 7), (1.0, 20)])
@pytest.mark.parametrize("values", [False, True])
def test_voxels_are_those_of_select_k_best(
    k: float, n: int, values: bool, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(30, 20))
    y = rng.normal(size=30) if values else np.tile([0, 1, 2], 10)
    expected = SelectKBest(f_regression if values else f_classif, k=n).fit(x, y)
    found = BestVoxels(k, values=values).fit(x, y)
    np.testing.assert_array_equal(found.get_support(), expected.get_support())
    np.testing.assert_array_equal(found.transform(x), x[:, found.get_support()])


def test_voxels_that_do_not_vary_come_last(rng: np.random.Generator) -> None:
    x = rng.normal(size=(30, 5))
    x[:, 1] = 3.0
    y = np.tile([0, 1], 15)
    assert not BestVoxels(4).fit(x, y).get_support()[1]
