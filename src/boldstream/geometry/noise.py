"""Noise of voxels: its covariance, and patterns multiplied by what it leaves.

No matrix (voxels, voxels) is made where there are fewer residuals than voxels:
a shrunken covariance is a diagonal plus products of residuals, whose inverse
needs a matrix of residuals only (Woodbury).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import one_of
from boldstream.core.errors import NonFiniteError, ParameterError

Floats = NDArray[np.float64]
NoiseName: TypeAlias = Literal["diagonal", "shrinkage", "ledoit_wolf"]
# Of the mean square of values: less variance than this is what rounding leaves of equal ones.
ROUNDING = 1e-24
_NAMES = ("diagonal", "shrinkage", "ledoit_wolf")


class Noise(Protocol):
    """A covariance Σ of noise."""

    def products(self, patterns: Floats) -> Floats:
        """P Σ⁻¹ Pᵀ (patterns, patterns) of patterns P (patterns, voxels)."""


@dataclass(frozen=True, eq=False)
class White:
    """Every voxel has noise of variance 1, of its own."""

    def products(self, patterns: Floats) -> Floats:
        return patterns @ patterns.T


@dataclass(frozen=True, eq=False)
class Diagonal:
    """Every voxel has noise of its own.

    Attributes
    ----------
    variances : ndarray, shape (voxels,)
    """

    variances: Floats

    def products(self, patterns: Floats) -> Floats:
        return (patterns / self.variances) @ patterns.T


@dataclass(frozen=True, eq=False)
class Dense:
    """A whole covariance, as its Cholesky factor.

    Attributes
    ----------
    factor : ndarray, shape (voxels, voxels)
        The lower triangle.
    """

    factor: Floats

    def products(self, patterns: Floats) -> Floats:
        from scipy.linalg import solve_triangular

        white: Floats = solve_triangular(self.factor, patterns.T, lower=True)
        return white.T @ white


@dataclass(frozen=True, eq=False)
class LowRank:
    """A diagonal plus the products of a few rows: Σ = diag(variances) + rowsᵀ rows.

    Attributes
    ----------
    variances : ndarray, shape (voxels,)
    rows : ndarray, shape (n, voxels)
    """

    variances: Floats
    rows: Floats

    def products(self, patterns: Floats) -> Floats:
        from scipy.linalg import cho_factor, cho_solve

        scaled = self.rows / self.variances
        inner = scaled @ self.rows.T
        inner[np.diag_indices_from(inner)] += 1
        along = scaled @ patterns.T
        taken: Floats = along.T @ cho_solve(cho_factor(inner, lower=True), along)
        return (patterns / self.variances) @ patterns.T - taken


def given_noise(covariance: Any, n_voxels: int) -> Noise:
    """Noise of a covariance that is given.

    Raises
    ------
    ParameterError
        If it is no symmetric, positive definite matrix (voxels, voxels).
    """
    matrix = np.asarray(covariance)
    if matrix.shape != (n_voxels, n_voxels) or matrix.dtype.kind not in "iuf":
        raise ParameterError(
            "`noise` must be None, 'diagonal', 'shrinkage', 'ledoit_wolf' or a covariance of "
            f"shape ({n_voxels}, {n_voxels}), got {matrix.dtype} of shape {matrix.shape}"
        )
    matrix = matrix.astype(np.float64)
    if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-9 * np.abs(matrix).max()):
        raise ParameterError("`noise` must be a symmetric covariance")
    return _dense(matrix)


def _dense(covariance: Floats) -> Dense:
    try:
        return Dense(np.asarray(np.linalg.cholesky(covariance), np.float64))
    except np.linalg.LinAlgError as error:
        raise ParameterError(
            "`noise` must be a covariance that is positive definite; take 'diagonal', or more "
            "residuals"
        ) from error


def noise_of_residuals(residuals: Floats, name: str, dof: float, levels: Floats) -> Noise:
    """Estimate noise from residuals.

    Parameters
    ----------
    residuals : ndarray, shape (n, voxels), float64
        Their means are taken to be 0.
    name : {"diagonal", "shrinkage", "ledoit_wolf"}
        Variances alone; a covariance shrunk towards its diagonal (Schäfer and
        Strimmer 2005); or towards equal variances (Ledoit and Wolf 2004).
    dof : float
        Degrees of freedom that the residuals have.
    levels : ndarray, shape (voxels,)
        Mean squares of what means were taken out of, which say what is rounding.

    Raises
    ------
    ParameterError
        If a voxel does not vary, or the covariance cannot be inverted.
    """
    one_of("noise", name, _NAMES)
    variances = np.einsum("ij,ij->j", residuals, residuals) / dof
    _check_variances(variances, levels)
    if name == "diagonal":
        return Diagonal(variances)
    if name == "shrinkage":
        return _shrunk(residuals, variances, _share_of_diagonal(residuals, variances, dof), dof)
    equal = np.full(len(variances), variances.mean())
    return _shrunk(residuals, equal, _share_of_equal(residuals), dof)


def mean_squares(values: NDArray[Any]) -> Floats:
    """Mean over rows of squares, in float64."""
    squares = np.einsum("ij,ij->j", values, values, dtype=np.float64, casting="unsafe")
    return np.asarray(squares / len(values), np.float64)


def _check_variances(variances: Floats, levels: Floats) -> None:
    """Raise `ParameterError` if a voxel has no noise."""
    constant = int(np.count_nonzero(variances <= ROUNDING * levels))
    if constant:
        raise ParameterError(
            f"`noise` cannot be told of voxels whose residuals are all 0, got {constant} of "
            f"{len(variances)}; leave them out of the mask"
        )


def _shrunk(residuals: Floats, target: Floats, share: float, dof: float) -> Noise:
    """Σ = share * diag(target) + (1 - share) * residualsᵀ residuals / dof."""
    n, n_voxels = residuals.shape
    if n >= n_voxels:
        covariance = (1 - share) / dof * (residuals.T @ residuals)
        covariance[np.diag_indices_from(covariance)] += share * target
        return _dense(covariance)
    if share <= 0:
        raise ParameterError(
            f"`noise` of {n_voxels} voxels cannot be inverted with {n} residuals that shrinkage "
            "leaves as they are; take 'diagonal', or more residuals"
        )
    return LowRank(share * target, np.sqrt((1 - share) / dof) * residuals)


def _squared_norm(rows: Floats) -> float:
    """Sum of the squares of rowsᵀ rows, from the smaller of its two forms."""
    small = rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows
    return float(np.einsum("ij,ij->", small, small))


def _share_of_diagonal(residuals: Floats, variances: Floats, dof: float) -> float:
    """Shrinkage of correlations to 0, as rsatoolbox's ``shrinkage_diag``."""
    n = len(residuals)
    squares = (residuals / np.sqrt(variances)) ** 2
    # Sums over all pairs of voxels less those of a voxel with itself.
    fourth = (squares.sum(axis=1) ** 2).sum() - (squares**2).sum()
    of_pairs = _squared_norm(residuals / np.sqrt(variances)) - (squares.sum(axis=0) ** 2).sum()
    squared = of_pairs / (n - 1) ** 2
    spread = n / dof**2 * (fourth / (n - 1) - squared)
    return float(np.clip(spread / squared, 0, 1)) if squared > 0 else 1.0


def _share_of_equal(residuals: Floats) -> float:
    """Shrinkage to equal variances, as rsatoolbox's ``shrinkage_eye`` and scikit-learn's."""
    n, n_voxels = residuals.shape
    squares = np.einsum("ij,ij->i", residuals, residuals)
    norm = _squared_norm(residuals) / n**2
    away = norm - (squares.sum() / n) ** 2 / n_voxels
    spread = ((squares**2).sum() / n - norm) / n
    return float(min(1.0, spread / away)) if away > 1e-12 * norm else 1.0


def checked_residuals(residuals: Any, n_voxels: int) -> NDArray[Any]:
    """Residuals as an array (n, voxels) of finite numbers.

    Raises
    ------
    ParameterError
        If they are not at least two rows of `n_voxels` numbers.
    NonFiniteError
        If there is NaN or infinity.
    """
    values = np.asarray(residuals)
    usable = values.ndim == 2 and values.dtype.kind in "iuf" and len(values) > 1
    if not usable or values.shape[1] != n_voxels:
        raise ParameterError(
            f"`residuals` must hold at least two rows of {n_voxels} numbers, got {values.dtype} "
            f"of shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise NonFiniteError("`residuals` must be finite, got NaN or infinity")
    return values
