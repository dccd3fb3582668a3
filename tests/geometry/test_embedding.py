"""Embeddings against scikit-learn and distances themselves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from boldstream.core.errors import NonFiniteError, ParameterError
from boldstream.geometry import RDM, embed, participation_ratio, principal_components, rdm


def up_to_sign(found: np.ndarray, expected: np.ndarray) -> None:
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found, expected * signs, atol=1e-8)


def test_distances_of_points_are_found_again(rng: np.random.Generator) -> None:
    patterns = rng.normal(size=(6, 20))
    found = embed(rdm(patterns, metric="euclidean"), 5)
    np.testing.assert_allclose(pdist(found.coordinates), pdist(patterns) / np.sqrt(20))
    assert found.explained.sum() == pytest.approx(1)
    up_to_sign(found.coordinates, PCA(5).fit_transform(patterns) / np.sqrt(20))
    largest = np.abs(found.coordinates).argmax(axis=0)
    assert (found.coordinates[largest, range(5)] > 0).all()


def test_correlation_distances_are_those_of_standardised_patterns(
    rng: np.random.Generator,
) -> None:
    patterns = rng.normal(5, 1, size=(5, 12))
    found = embed(rdm(patterns, metric="correlation"), 4)
    standardised = patterns - patterns.mean(axis=1, keepdims=True)
    standardised /= np.sqrt((standardised**2).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(pdist(found.coordinates) ** 2, pdist(standardised) ** 2 / 2)


@pytest.mark.parametrize("scale", [1e-10, 1.0, 1e10])
def test_units_of_dissimilarities_do_not_matter(rng: np.random.Generator, scale: float) -> None:
    patterns = rng.normal(size=(5, 4))
    names = tuple("abcde")
    plane = RDM(scale**2 * pdist(patterns[:, :2]) ** 2, names, "euclidean")
    found = embed(plane)
    np.testing.assert_allclose(pdist(found.coordinates), scale * pdist(patterns[:, :2]))
    assert found.explained.sum() == pytest.approx(1)
    with pytest.raises(ParameterError, match="at most 2, the dimensions"):
        embed(plane, 3)


def test_conditions_that_do_not_differ_have_no_place() -> None:
    with pytest.raises(ParameterError, match="at most 0, the dimensions"):
        embed(RDM(np.zeros(3), ("a", "b", "c"), "model"), 1)


def test_what_is_below_0_has_no_place() -> None:
    odd = RDM(np.array([-0.2, 1.0, 1.0]), ("a", "b", "c"), "crossnobis")
    found = embed(odd, 1)
    assert found.explained.tolist() == [1.0]
    assert list(found.to_frame().columns) == ["dimension_1"]
    assert found.to_frame().index.tolist() == ["a", "b", "c"]
    with pytest.raises(ParameterError, match="at most 1, the dimensions"):
        embed(odd, 2)
    with pytest.raises(ParameterError, match="from 1 to 2"):
        embed(odd, 3)


@pytest.mark.parametrize("shape", [(8, 20), (20, 8)])
def test_components_are_those_of_pca(rng: np.random.Generator, shape: tuple[int, int]) -> None:
    patterns = rng.normal(3, 1, size=shape)
    found = principal_components(patterns, 4)
    theirs = PCA(4).fit(patterns)
    up_to_sign(found.scores, theirs.transform(patterns))
    up_to_sign(found.components.T, theirs.components_.T)
    np.testing.assert_allclose(found.explained_variance, theirs.explained_variance_)
    np.testing.assert_allclose(found.explained_variance_ratio, theirs.explained_variance_ratio_)
    np.testing.assert_allclose(found.mean, patterns.mean(axis=0))
    every = principal_components(patterns)
    np.testing.assert_allclose(every.scores @ every.components + every.mean, patterns)
    assert (np.abs(every.scores).max(axis=0) == every.scores.max(axis=0)).all()
    most = min(shape[0] - 1, shape[1])
    assert every.scores.shape == (shape[0], most)
    assert every.components.shape == (most, shape[1])
    assert every.explained_variance.shape == every.explained_variance_ratio.shape == (most,)
    with pytest.raises(ParameterError, match=f"from 1 to {most}"):
        principal_components(patterns, most + 1)


def test_two_samples_are_a_line() -> None:
    found = principal_components([[1.0, 2.0], [4.0, 6.0]])
    np.testing.assert_allclose(np.abs(found.components), [[0.6, 0.8]])
    np.testing.assert_allclose(found.scores @ found.components, [[-1.5, -2], [1.5, 2]])
    assert participation_ratio([[1.0, 2.0], [4.0, 6.0]]) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(8, 20), (30, 8)])
def test_participation_is_that_of_the_covariance(
    rng: np.random.Generator, shape: tuple[int, int]
) -> None:
    patterns = rng.normal(size=shape) * np.linspace(0.1, 3, shape[1])
    sizes = np.linalg.eigvalsh(np.cov(patterns.T))
    expected = sizes.sum() ** 2 / (sizes**2).sum()
    assert participation_ratio(patterns) == pytest.approx(expected)
    assert participation_ratio(1e5 + patterns) == pytest.approx(expected)


def test_patterns_that_do_not_vary() -> None:
    with pytest.raises(ParameterError, match="got all the same"):
        participation_ratio(np.full((5, 7), 0.1))
    # The mean of three times 0.1 is not 0.1, and all the less of larger ones.
    for constant in (1.0, 0.1, 0.1 * 2**43, -0.1, -0.1 * 2**43, 0.0):
        for shape in ((5, 7), (3, 7), (2, 1)):
            with pytest.raises(ParameterError, match="got all the same"):
                principal_components(np.full(shape, constant))
    with pytest.raises(ParameterError, match="got all the same"):
        participation_ratio([[0.1, 0.0]] * 3)
    assert participation_ratio([[1e-9, 1], [-1e-9, 1]]) == pytest.approx(1)
    with pytest.raises(ParameterError, match="at least two samples"):
        principal_components(np.ones((1, 7)))
    with pytest.raises(NonFiniteError):
        participation_ratio([[1, np.nan], [0, 1]])
