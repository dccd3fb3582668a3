from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance

from boldstream.core.errors import ParameterError
from boldstream.decoding.estimators import CorrelationClassifier, RidgeCovariance
from tests.estimator_checks import parametrize_with_checks


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(CorrelationClassifier(), RidgeCovariance())
def test_scikit_learn_finds_nothing_amiss(estimator: Any, check: Any) -> None:
    check(estimator)


def test_a_ridge_covariance_is_the_empirical_one_and_more() -> None:
    x = np.random.default_rng(0).normal(10_000, 100, (30, 4))
    ours, theirs = RidgeCovariance(alpha=7.0).fit(x), EmpiricalCovariance().fit(x)
    np.testing.assert_allclose(ours.covariance_, theirs.covariance_ + 7.0 * np.eye(4))
    np.testing.assert_allclose(ours.location_, theirs.location_)
    np.testing.assert_allclose(ours.get_precision() @ ours.covariance_, np.eye(4), atol=1e-10)


@pytest.mark.parametrize("alpha", [0, -1, np.nan, np.inf, "1", None, True])
def test_a_covariance_is_never_singular(alpha: Any) -> None:
    with pytest.raises(ParameterError, match=f"`alpha` must be a positive number, got {alpha!r}"):
        RidgeCovariance(alpha=alpha).fit([[1.0], [2.0]])


def test_a_pattern_that_is_flat_correlates_with_nothing() -> None:
    classifier = CorrelationClassifier().fit([[1.0, 2.0], [1.0, 1.0], [2.0, 1.0]], [0, 1, 2])
    np.testing.assert_array_equal(classifier.decision_function([[5.0, 5.0]]), 0.0)
    np.testing.assert_allclose(classifier.decision_function([[0.0, 3.0]]), [[1.0, 0.0, -1.0]])
