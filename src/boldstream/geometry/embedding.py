"""Few dimensions: of dissimilarities by scaling, of patterns by principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.core.patterns import checked_patterns
from boldstream.geometry.dissimilarities import RDM
from boldstream.geometry.noise import ROUNDING

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Embedding:
    """Conditions as points.

    Attributes
    ----------
    coordinates : ndarray, shape (conditions, components)
    conditions : tuple of str
    explained : ndarray, shape (components,)
        Share of each component in the sum of all positive eigenvalues.
    """

    coordinates: Floats
    conditions: tuple[str, ...]
    explained: Floats

    def to_frame(self) -> DataFrame:
        """Coordinates as a table, with a row for each condition."""
        from pandas import DataFrame

        names = [f"dimension_{i}" for i in range(1, self.coordinates.shape[1] + 1)]
        table = DataFrame(self.coordinates, index=list(self.conditions), columns=names)
        return table.rename_axis("condition")


def embed(rdm: RDM, n_components: int = 2) -> Embedding:
    """Place conditions so that distances between points are those of an RDM, as well as can be.

    Classical scaling (Torgerson 1952): eigenvectors of the doubly centred
    dissimilarities, which are taken to be squared distances, as all metrics of
    `rdm` are: the correlation distance is that of standardised patterns. No
    random start; the sign of a component is such that its largest coordinate is
    positive. What cross-validation leaves below 0 has no place in space, and is
    left out.

    Parameters
    ----------
    rdm : RDM
    n_components : int

    Raises
    ------
    ParameterError
        If there are more components than conditions less one, or than
        dimensions that the dissimilarities have.

    References
    ----------
    Torgerson (1952), Multidimensional scaling: I. Theory and method.
    Psychometrika 17.

    Examples
    --------
    >>> import numpy as np
    >>> line = RDM(np.array([1.0, 9.0, 4.0]), ("a", "b", "c"), "euclidean")
    >>> embed(line, 1).coordinates.round(2).T
    array([[-1.33, -0.33,  1.67]])
    """
    n = len(rdm.conditions)
    integer_in("n_components", n_components, 1, n - 1)
    square = rdm.matrix()
    means = square.mean(axis=0)
    products = -(square - means - means[:, None] + square.mean()) / 2
    sizes, vectors = np.linalg.eigh(products)
    sizes, vectors = sizes[::-1], vectors[:, ::-1]
    positive = sizes > 1e-12 * np.abs(sizes).max()
    if np.count_nonzero(positive) < n_components:
        raise ParameterError(
            f"`n_components` must be at most {np.count_nonzero(positive)}, the dimensions that "
            f"these dissimilarities have, got {n_components}"
        )
    some = slice(0, n_components)
    coordinates = _signed(vectors[:, some]) * np.sqrt(sizes[some])
    return Embedding(coordinates, rdm.conditions, sizes[some] / sizes[positive].sum())


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Patterns as sums of a few.

    Attributes
    ----------
    scores : ndarray, shape (samples, components)
    components : ndarray, shape (components, voxels)
        Of unit length, orthogonal.
    explained_variance : ndarray, shape (components,)
        With ddof 1.
    explained_variance_ratio : ndarray, shape (components,)
        Shares of the variance of all voxels.
    mean : ndarray, shape (voxels,)
    """

    scores: Floats
    components: Floats
    explained_variance: Floats
    explained_variance_ratio: Floats
    mean: Floats


def principal_components(patterns: Any, n_components: int | None = None) -> PrincipalComponents:
    """Principal components of patterns, without a random start.

    The sign of a component is such that its largest score is positive.

    Parameters
    ----------
    patterns : array, shape (samples, voxels)
    n_components : int, optional
        By default all: the lesser of samples less one and voxels.

    Raises
    ------
    ParameterError
        If there are fewer than two samples, they are all the same, or more
        components than there are.
    NonFiniteError
        If there is NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> found = principal_components(np.outer([1.0, 2.0, 6.0], [3.0, 4.0]), 1)
    >>> found.components.round(2), found.explained_variance_ratio.round(2)
    (array([[0.6, 0.8]]), array([1.]))
    """
    values, mean = _centred(patterns)
    most = min(len(values) - 1, values.shape[1])
    wanted = most if n_components is None else integer_in("n_components", n_components, 1, most)
    vectors, sizes, components = np.linalg.svd(values, full_matrices=False)
    variances = sizes**2 / (len(values) - 1)
    some = slice(0, wanted)
    # numpy's sign is of no meaning.
    signed = _signed(vectors[:, some])
    signs = np.sign(np.einsum("ij,ij->j", signed, vectors[:, some]))
    return PrincipalComponents(
        signed * sizes[some],
        components[some] * signs[:, None],
        variances[some],
        variances[some] / variances.sum(),
        mean,
    )


def participation_ratio(patterns: Any) -> float:
    """How many dimensions patterns have: (Σλ)² / Σλ², λ the eigenvalues of their covariance.

    Between 1 and the lesser of voxels and samples less one: few samples and
    noise keep it below, or lift it above, what it would be with many.

    Parameters
    ----------
    patterns : array, shape (samples, voxels)

    Raises
    ------
    ParameterError
        If there are fewer than two samples, or they are all the same.
    NonFiniteError
        If there is NaN or infinity.

    References
    ----------
    Gao, Trautmann, Yu, Santhanam, Ryu, Shenoy and Ganguli (2017), A theory of
    multineuronal dimensionality, dynamics and measurement. bioRxiv 214262.

    Examples
    --------
    >>> import numpy as np
    >>> round(participation_ratio(np.eye(5)), 6)
    4.0
    """
    values, _ = _centred(patterns)
    small = values @ values.T if len(values) < values.shape[1] else values.T @ values
    total, squares = np.trace(small), (small**2).sum()
    return float(total**2 / squares)


def _centred(patterns: Any) -> tuple[Floats, Floats]:
    """Patterns about their mean, and it; raises `ParameterError` where they do not vary."""
    values = checked_patterns("patterns", patterns).astype(np.float64)
    if len(values) < 2:
        raise ParameterError("`patterns` must hold at least two samples, got 1")
    mean: Floats = values.mean(axis=0)
    values -= mean
    # Rounding of the means is not variance.
    if np.vdot(values, values) <= ROUNDING * values.size * (mean**2).max():
        raise ParameterError("`patterns` must differ between samples, got all the same")
    return values, mean


def _signed(vectors: Floats) -> Floats:
    """Columns whose largest entry is positive."""
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    return np.asarray(vectors * np.where(largest < 0, -1.0, 1.0), np.float64)
