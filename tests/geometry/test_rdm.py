"""Dissimilarities against rsatoolbox."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from boldstream.core.errors import NonFiniteError, ParameterError
from boldstream.geometry import rdm
from boldstream.geometry.noise import mean_squares
from tests.geometry.oracle import dataset_of, made_up, noise_of, their_rdm

NAMES = {"diagonal": "diag", "shrinkage": "shrinkage_diag", "ledoit_wolf": "shrinkage_eye"}


@pytest.mark.parametrize("metric", ["correlation", "euclidean", "crossnobis"])
def test_metrics_are_those_of_rsatoolbox(rng: np.random.Generator, metric: Any) -> None:
    patterns, conditions, folds = made_up(rng)
    found = rdm(patterns, conditions, metric=metric, folds=folds)
    assert found.conditions == ("cat", "dog", "oak", "pine")
    assert found.metric == metric
    np.testing.assert_allclose(found.values, their_rdm(patterns, conditions, metric, folds))


def test_euclidean_is_squared_and_per_voxel() -> None:
    found = rdm([[0, 0, 0], [3, 0, 3]], metric="euclidean")
    assert found.conditions == ("0", "1")
    assert found.values.tolist() == [6.0]


@pytest.mark.parametrize("metric", ["euclidean", "crossnobis"])
@pytest.mark.parametrize("n_voxels", [2, 12, 150])
@pytest.mark.parametrize("noise", sorted(NAMES))
def test_noise_of_residuals(
    rng: np.random.Generator, metric: Any, n_voxels: int, noise: Any
) -> None:
    patterns, conditions, folds = made_up(rng, n_voxels=n_voxels)
    residuals = 3 + rng.normal(size=(60, n_voxels)) @ rng.normal(size=(n_voxels, n_voxels))
    precision = noise_of.prec_from_residuals(residuals, method=NAMES[noise])
    method = {"euclidean": "mahalanobis"}.get(metric, metric)
    np.testing.assert_allclose(
        rdm(
            patterns, conditions, metric=metric, folds=folds, noise=noise, residuals=residuals
        ).values,
        their_rdm(patterns, conditions, method, folds, precision),
        rtol=1e-6,
    )


@pytest.mark.parametrize("noise", sorted(NAMES))
def test_noise_of_samples_about_their_condition_and_fold(
    rng: np.random.Generator, noise: Any
) -> None:
    patterns, conditions, folds = made_up(rng, n_repeats=4)
    precision = noise_of.prec_from_unbalanced(
        dataset_of(patterns, conditions, folds), "cells", method=NAMES[noise]
    )
    np.testing.assert_allclose(
        rdm(patterns, conditions, folds=folds, noise=noise).values,
        their_rdm(patterns, conditions, "crossnobis", folds, precision),
        rtol=1e-6,
    )


def test_noise_that_is_given(rng: np.random.Generator) -> None:
    patterns, conditions, folds = made_up(rng, n_voxels=10)
    residuals = rng.normal(size=(40, 10)) @ rng.normal(size=(10, 10))
    covariance = noise_of.cov_from_residuals(residuals, method="full")
    np.testing.assert_allclose(
        rdm(patterns, conditions, folds=folds, noise=covariance).values,
        their_rdm(patterns, conditions, "crossnobis", folds, np.linalg.inv(covariance)),
    )


@pytest.mark.parametrize("shape", [(6, 4), (6, 9), (5, 5), (20, 4)])
@pytest.mark.parametrize("noise", sorted(NAMES))
def test_noise_without_correlations_is_shrunk_all_the_way_and_no_further(
    noise: Any, shape: tuple[int, int]
) -> None:
    """Of few white residuals more shrinkage is often asked for than there can be."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        patterns, conditions, folds = made_up(rng, n_voxels=shape[1])
        residuals = np.random.default_rng(seed).normal(size=shape)
        precision = noise_of.prec_from_residuals(residuals, method=NAMES[noise])
        np.testing.assert_allclose(
            rdm(patterns, conditions, folds=folds, noise=noise, residuals=residuals).values,
            their_rdm(patterns, conditions, "crossnobis", folds, precision),
            rtol=1e-6,
            atol=1e-9,
        )


@pytest.mark.parametrize("noise", sorted(NAMES))
def test_noise_of_a_single_voxel_is_its_variance(rng: np.random.Generator, noise: Any) -> None:
    patterns, residuals = rng.normal(size=(3, 1)), rng.normal(size=(7, 1))
    found = rdm(patterns, metric="euclidean", noise=noise, residuals=residuals)
    apart = np.array([patterns[i, 0] - patterns[j, 0] for i, j in [(0, 1), (0, 2), (1, 2)]])
    np.testing.assert_allclose(found.values, apart**2 / residuals.var(ddof=1))


def test_noise_that_is_not_correlated_at_all_is_that_of_each_voxel(
    rng: np.random.Generator,
) -> None:
    residuals = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) * [1.0, 2.0]
    given: dict[str, Any] = {"metric": "euclidean", "residuals": residuals, "dof": 4}
    patterns = rng.normal(size=(3, 2))
    np.testing.assert_allclose(
        rdm(patterns, noise="shrinkage", **given).values,
        rdm(patterns, noise="diagonal", **given).values,
    )


@pytest.mark.parametrize("scale", [1e-8, 1e8])
@pytest.mark.parametrize("noise", sorted(NAMES))
def test_noise_has_the_units_of_patterns(
    rng: np.random.Generator, noise: Any, scale: float
) -> None:
    patterns, conditions, folds = made_up(rng, n_voxels=10)
    residuals = rng.normal(size=(12, 10)) @ rng.normal(size=(10, 10))
    given: dict[str, Any] = {"conditions": conditions, "folds": folds, "noise": noise}
    np.testing.assert_allclose(
        rdm(scale * patterns, residuals=scale * residuals, **given).values,
        rdm(patterns, residuals=residuals, **given).values,
    )


def test_two_residuals_and_one_degree_of_freedom_are_enough() -> None:
    """Worked by hand: half the squared difference of two, and of two samples of one condition."""
    patterns = np.array([[1.0, 2], [3, 8], [0, 0]])
    given: dict[str, Any] = {"metric": "euclidean", "noise": "diagonal"}
    of_two = rdm(patterns[1:], residuals=patterns[:2], **given)
    assert of_two.values.tolist() == pytest.approx([(9 / 2 + 64 / 18) / 2])
    of_one = rdm(patterns, ["a", "a", "b"], **given)
    assert of_one.values.tolist() == pytest.approx([(4 / 2 + 25 / 18) / 2])


@pytest.mark.parametrize("dtype", ["i2", "f4", "f8"])
def test_mean_squares_are_those_of_floats(rng: np.random.Generator, dtype: str) -> None:
    values = rng.integers(-300, 300, size=(7, 3)).astype(dtype)
    np.testing.assert_allclose(mean_squares(values), (values.astype("f8") ** 2).mean(axis=0))


@pytest.mark.parametrize("noise", ["shrinkage", "ledoit_wolf"])
def test_noise_that_is_all_one_is_not_shrunk(noise: Any) -> None:
    """Every residual is the same but for its sign: there is no doubt about correlations."""
    patterns, signs = np.eye(3, 6), np.array([1.0, -1, 1, -1])
    given: dict[str, Any] = {"metric": "euclidean", "noise": noise}
    with pytest.raises(ParameterError, match="6 voxels cannot be inverted with 4 residuals"):
        rdm(patterns, residuals=np.outer(signs, np.ones(6)), **given)
    with pytest.raises(ParameterError, match="positive definite"):
        rdm(patterns[:, :4], residuals=np.outer(signs, np.ones(4)), **given)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "u1"])
def test_noise_is_given_in_any_precision(rng: np.random.Generator, dtype: str) -> None:
    patterns = rng.normal(size=(3, 5))
    mixed = rng.integers(0, 4, size=(5, 5))
    covariance = mixed @ mixed.T + 5 * np.eye(5)
    expected = their_rdm(patterns, range(3), "mahalanobis", precision=np.linalg.inv(covariance))
    found = rdm(patterns, metric="euclidean", noise=covariance.astype(dtype))
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)


@pytest.mark.parametrize("entry", [0.0, 0.5])
def test_rounding_of_a_covariance_is_forgiven_and_no_more(entry: float) -> None:
    """A millionth of an entry, and a milliardth of the largest."""
    covariance = np.diag([3.0, 1.0, 1.0])
    forgiven = 1e-6 * entry + 1e-9 * 3
    covariance[0, 1] = entry
    covariance[1, 0] = entry + 0.9 * forgiven
    assert np.isfinite(rdm(np.eye(3), metric="euclidean", noise=covariance).values).all()
    covariance[1, 0] = entry + 1.5 * forgiven
    with pytest.raises(ParameterError, match="symmetric covariance"):
        rdm(np.eye(3), metric="euclidean", noise=covariance)


def test_degrees_of_freedom_scale_distances(rng: np.random.Generator) -> None:
    patterns, conditions, folds = made_up(rng)
    residuals = rng.normal(size=(61, 30))
    usual, fewer = (
        rdm(patterns, conditions, folds=folds, noise="shrinkage", residuals=residuals, dof=dof)
        for dof in (None, 30)
    )
    precision = noise_of.prec_from_residuals(residuals, dof=30)
    np.testing.assert_allclose(
        fewer.values, their_rdm(patterns, conditions, "crossnobis", folds, precision), rtol=1e-6
    )
    assert not np.allclose(usual.values, fewer.values)


def by_pairs_of_folds(patterns: Any, conditions: Any, folds: Any) -> list[float]:
    """The definition, in words of loops."""
    found = []
    for i, j in combinations(sorted(set(conditions)), 2):
        apart = [
            patterns[(folds == fold) & (conditions == i)].mean(axis=0)
            - patterns[(folds == fold) & (conditions == j)].mean(axis=0)
            for fold in sorted(set(folds))
        ]
        crossed = [one @ other for one, other in permutations(apart, 2)]
        found.append(np.mean(crossed) / patterns.shape[1])
    return found


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 5), st.integers(1, 9))
def test_crossnobis_is_the_mean_over_pairs_of_folds(
    seed: int, n_folds: int, n_conditions: int, n_voxels: int
) -> None:
    rng = np.random.default_rng(seed)
    patterns, conditions, folds = made_up(
        rng, n_folds=n_folds, n_conditions=n_conditions, n_voxels=n_voxels
    )
    # Unbalanced: trials are missing here and there, but none is the last of its kind.
    more = rng.random(len(folds)) < 0.5
    patterns = np.vstack([patterns, patterns[more] + 1])
    conditions = np.concatenate([conditions, conditions[more]])
    folds = np.concatenate([folds, folds[more]])
    np.testing.assert_allclose(
        rdm(patterns, conditions, folds=folds).values,
        by_pairs_of_folds(patterns, conditions, folds),
        atol=1e-10,
    )


def test_crossnobis_is_unbiased(rng: np.random.Generator) -> None:
    conditions, folds = np.tile(["a", "b"], 6), np.repeat([1, 2, 3], 4)
    crossed, plain = [], []
    for _ in range(400):
        patterns = rng.normal(size=(12, 20))
        crossed.append(rdm(patterns, conditions, folds=folds).values[0])
        plain.append(rdm(patterns, conditions, metric="euclidean").values[0])
    error = np.std(crossed) / 20
    assert abs(np.mean(crossed)) < 3.5 * error
    assert np.mean(plain) > 10 * error


def test_a_large_mean_that_all_share_costs_no_digits(rng: np.random.Generator) -> None:
    patterns, conditions, folds = made_up(rng)
    level = rng.normal(1e6, 1e5, size=30)
    metric: Any
    for metric in ("euclidean", "crossnobis"):
        np.testing.assert_allclose(
            rdm(patterns + level, conditions, metric=metric, folds=folds).values,
            rdm(patterns, conditions, metric=metric, folds=folds).values,
            rtol=1e-6,
        )


@pytest.mark.parametrize("last", [2, 3])
def test_conditions_in_different_folds_are_pooled(rng: np.random.Generator, last: int) -> None:
    """Noise about cells, with a condition in each run and unequal numbers of trials."""
    patterns = rng.normal(size=(9, 5))
    conditions = np.array(["b", "b", "b", "a", "a", "a", "a", "b", "b"])
    runs = np.array([1, 1, 1, 2, 2, 2, 2, last, last])
    precision = noise_of.prec_from_unbalanced(
        dataset_of(patterns, conditions, runs), "cells", method="diag"
    )
    np.testing.assert_allclose(
        rdm(patterns, conditions, metric="euclidean", folds=runs, noise="diagonal").values,
        their_rdm(patterns, conditions, "mahalanobis", runs, precision),
    )


def test_labels_of_pandas_and_numbers(rng: np.random.Generator) -> None:
    patterns = rng.normal(size=(6, 5))
    table = pd.DataFrame({"n": [10.0, 2.0, 10.0, 2.0, 30.0, 30.0], "run": [1, 1, 2, 2, 1, 2]})
    found = rdm(patterns, table["n"], folds=table["run"].astype("category"))
    assert found.conditions == ("2", "10", "30")
    expected = rdm(patterns, table["n"].tolist(), folds=table["run"].tolist())
    np.testing.assert_array_equal(found.values, expected.values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conditions": ["a"] * 8}, "at least two different ones, got only 'a'"),
        ({"conditions": ["a", "b"]}, "one label for each of the 8 samples"),
        ({"conditions": ["a", None] * 4}, "no missing labels, got 4 among 8"),
        ({"conditions": ["a", np.nan] * 4}, "no missing labels, got 4 among 8"),
        ({"conditions": ["a", 1] * 4}, "`conditions` must hold entries of one kind, got int, str"),
        ({"conditions": np.array(["a", 1] * 4, object)}, "entries of one kind, got int, str"),
        ({"folds": ["a", np.nan] * 4}, "`folds` must have no missing labels, got 4 among 8"),
        ({"conditions": np.array([1j, 2] * 4)}, "text or numbers, got complex"),
        ({"conditions": [("a", 1), ("b", 2)] * 4}, "one label for each"),
        ({"folds": None}, "`folds` must be at least two.* got None"),
        ({"folds": [1] * 8}, "`folds` must be at least two.* got only '1'"),
        ({"folds": [1, 2] * 4}, "hold every condition for crossnobis; '1' has no 'b'"),
        ({"metric": "crosnobis"}, "did you mean 'crossnobis'"),
        ({"metric": "correlation", "noise": "diagonal"}, "`noise` must be None"),
        ({"noise": "diagnal"}, "did you mean 'diagonal'"),
        ({"noise": np.eye(3)}, r"covariance of shape \(5, 5\)"),
        ({"noise": -np.eye(5)}, "positive definite"),
        ({"noise": np.triu(np.ones((5, 5)))}, "symmetric covariance"),
        ({"residuals": np.zeros((9, 5))}, "`residuals` must be None unless"),
        ({"noise": "diagonal", "residuals": np.zeros((9, 4))}, "two rows of 5 numbers"),
        ({"noise": "diagonal", "residuals": np.ones((1, 5))}, "two rows of 5 numbers"),
        ({"noise": "diagonal", "residuals": np.ones(5)}, "two rows of 5 numbers"),
        ({"noise": "diagonal", "residuals": np.ones((9, 5, 2))}, "two rows of 5 numbers"),
        ({"noise": "diagonal", "residuals": np.full((9, 5), "1")}, "two rows of 5 numbers"),
        ({"noise": np.full((5, 5), "1")}, r"covariance of shape \(5, 5\)"),
        ({"noise": "diagonal", "residuals": np.zeros((9, 5))}, "residuals are all 0, got 5 of 5"),
        ({"noise": "diagonal", "residuals": np.full((9, 5), 0.1)}, "all 0, got 5 of 5"),
        ({"noise": "diagonal", "patterns": np.full((8, 5), 0.1)}, "all 0, got 5 of 5"),
        ({"noise": "diagonal", "dof": -1}, "`dof` must be a positive number"),
        ({"patterns": np.zeros(8)}, r"numbers \(samples, voxels\)"),
        ({"patterns": np.ones((8, 5)), "metric": "correlation"}, "a constant pattern of 'a'"),
    ],
)
def test_what_cannot_be_used(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "patterns": np.random.default_rng(0).normal(size=(8, 5)),
        "conditions": ["a", "b"] * 4,
        "folds": [1, 1, 1, 1, 2, 2, 2, 2],
    }
    with pytest.raises(ParameterError, match=message):
        rdm(**given | change)


@pytest.mark.parametrize("scale", [1e-10, 1e10])
def test_correlation_does_not_depend_on_units(rng: np.random.Generator, scale: float) -> None:
    patterns = rng.normal(size=(3, 7))
    np.testing.assert_allclose(
        rdm(scale * patterns, metric="correlation").values,
        pdist(patterns, "correlation"),
    )
    with pytest.raises(ParameterError, match="a constant pattern of '0'"):
        rdm([[0, 0, 0], [1, 2, 3]], metric="correlation")
    # The mean of three times 0.1 is not 0.1.
    with pytest.raises(ParameterError, match="a constant pattern of '1'"):
        rdm(scale * np.array([[1, 2, 3], [0.1, 0.1, 0.1]]), metric="correlation")


def test_of_what_folds_lack_some_is_told() -> None:
    """Nine cells of ten are not there."""
    with pytest.raises(ParameterError, match="hold every condition") as caught:
        rdm(np.ones((11, 2)), list("abcdefghijk"), folds=[1] * 10 + [2])
    assert str(caught.value).count(" has no ") == 5


def test_noise_needs_repeats_or_residuals(rng: np.random.Generator) -> None:
    patterns, labels, folds = rng.normal(size=(4, 5)), ["a", "b"] * 2, [1, 1, 2, 2]
    with pytest.raises(ParameterError, match="only one of their condition and fold"):
        rdm(patterns, labels, folds=folds, noise="diagonal")


def test_nan_is_refused(rng: np.random.Generator) -> None:
    patterns = rng.normal(size=(4, 5))
    patterns[2, 1] = np.nan
    with pytest.raises(NonFiniteError, match="in 1 of 5 voxels"):
        rdm(patterns, ["a", "b"] * 2, metric="euclidean")
    with pytest.raises(NonFiniteError, match="`residuals`"):
        rdm(
            np.ones((4, 5)),
            ["a", "b"] * 2,
            metric="euclidean",
            noise="diagonal",
            residuals=patterns,
        )
