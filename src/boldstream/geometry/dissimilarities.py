"""`RDM`: dissimilarities of all pairs of conditions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import NonFiniteError, ParameterError
from boldstream.geometry.labels import encode_labels

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float64]

# Of the largest value of a matrix: what rounding in a text file may do.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class RDM:
    """A representational dissimilarity matrix (Kriegeskorte et al. 2008).

    Attributes
    ----------
    values : ndarray, shape (n * (n - 1) / 2,), float64
        The upper triangle, row by row, as ``scipy.spatial.distance.squareform``
        has it.
    conditions : tuple of str
        Names of rows and columns. What is made here is sorted, numbers by
        their value.
    metric : str
        How the values were found; "model" for those of a model.

    Raises
    ------
    ParameterError
        If there are fewer than two conditions, two have one name, or there is
        not one value for each pair.
    NonFiniteError
        If there is NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> found = RDM(np.array([1.0, 2.0, 3.0]), ("cat", "dog", "tree"), "euclidean")
    >>> found.matrix()[0].tolist()
    [0.0, 1.0, 2.0]
    >>> found.of(["tree", "cat"]).values
    array([2.])
    """

    values: Floats
    conditions: tuple[str, ...]
    metric: str

    def __post_init__(self) -> None:
        n = len(self.conditions)
        if n < 2 or len(set(self.conditions)) < n:
            raise ParameterError(
                "`conditions` must be at least two different names, "
                f"got {', '.join(map(repr, self.conditions))}"
            )
        if self.values.shape != (n * (n - 1) // 2,):
            raise ParameterError(
                f"`values` must hold {n * (n - 1) // 2} numbers, one for each pair of "
                f"{n} conditions, got shape {self.values.shape}"
            )
        if not np.isfinite(self.values).all():
            raise NonFiniteError("`values` must be finite dissimilarities, got NaN or infinity")

    @classmethod
    def from_matrix(
        cls, matrix: ArrayLike, conditions: Iterable[Any], metric: str = "model"
    ) -> RDM:
        """Make one of a whole matrix.

        Parameters
        ----------
        matrix : array-like, shape (n, n)
            Symmetric, with zeros on its diagonal.
        conditions : sequence, shape (n,)
            Names of rows and columns, in any order.
        metric : str

        Raises
        ------
        ParameterError
            If the matrix is not square, not symmetric, or has no zero diagonal.
        NonFiniteError
            If there is NaN or infinity.

        Examples
        --------
        >>> RDM.from_matrix([[0, 3], [3, 0]], ["dog", "cat"]).conditions
        ('cat', 'dog')
        """
        square = np.asarray(matrix, np.float64)
        if square.ndim != 2 or square.shape[0] != square.shape[1]:
            raise ParameterError(f"`matrix` must be square, got shape {square.shape}")
        names = encode_labels("conditions", list(conditions), len(square))
        if not np.isfinite(square).all():
            raise NonFiniteError("`matrix` must be finite, got NaN or infinity")
        slack = _ROUNDING * np.abs(square).max(initial=0)
        if np.abs(square - square.T).max(initial=0) > slack:
            raise ParameterError("`matrix` must be symmetric")
        if np.abs(np.diag(square)).max(initial=0) > slack:
            raise ParameterError("`matrix` must have zeros on its diagonal")
        if len(names.names) < len(square):
            raise ParameterError("`conditions` must be different names")
        order = np.argsort(names.codes)
        upper = np.triu_indices(len(square), 1)
        mean = (square + square.T) / 2
        return cls(mean[np.ix_(order, order)][upper], names.names, metric)

    def matrix(self) -> Floats:
        """All dissimilarities, shape (n, n): symmetric, 0 on the diagonal."""
        n = len(self.conditions)
        out = np.zeros((n, n))
        out[np.triu_indices(n, 1)] = self.values
        return out + out.T

    def to_frame(self) -> DataFrame:
        """The matrix as a table with the names of its rows and columns."""
        from pandas import DataFrame

        names = list(self.conditions)
        return DataFrame(self.matrix(), index=names, columns=names).rename_axis("condition")

    def of(self, conditions: Iterable[str]) -> RDM:
        """Some of the conditions, or all in another order.

        Parameters
        ----------
        conditions : iterable of str
            In the order of rows and columns that is wanted.

        Raises
        ------
        ParameterError
            If one of them is not there.
        """
        names = tuple(conditions)
        for name in names:
            if name not in self.conditions:
                raise ParameterError(
                    f"`conditions` must be some of {', '.join(self.conditions)}, "
                    f"got {name!r}{did_you_mean(name, self.conditions)}"
                )
        at = [self.conditions.index(name) for name in names]
        square = self.matrix()[np.ix_(at, at)]
        return RDM(square[np.triu_indices(len(at), 1)], names, self.metric)
