"""Autoregressive noise: its coefficients as nilearn finds them, and how they whiten.

Whitening by W takes ``y_t`` to ``Σ_i a_i y_{t-i}`` with ``a = (1, -ρ_1, ...,
-ρ_N)``, and leaves out what would lie before the first volume: the first rows
are not, or not wholly, whitened, as in nilearn's `ARModel`. WᵀW is a Toeplitz
matrix with ``c_l = Σ_i a_i a_{i+l}`` on its diagonals, less ``RᵀR``, where R
are the N rows that would follow the last volume. So ``xᵀWᵀWy`` needs the sums
of ``x_t y_{t-l} + x_{t-l} y_t`` for lags l up to N, and the last N volumes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Whitening:
    """Whitening by one set of coefficients.

    Attributes
    ----------
    rho : ndarray, shape (order,)
    """

    rho: Floats

    @property
    def filter(self) -> Floats:
        """What volumes are weighted by, from the volume itself back in time."""
        return np.concatenate([[1.0], -self.rho])

    @property
    def diagonals(self) -> Floats:
        """Of WᵀW away from its corner, by lag; shape (order + 1,)."""
        a = self.filter
        return np.array([a[: len(a) - lag] @ a[lag:] for lag in range(len(a))])

    @property
    def corner(self) -> Floats:
        """R for the last `order` volumes in order; shape (order, order)."""
        order = len(self.rho)
        beyond = np.zeros((order, order))
        for row in range(order):
            # The volume `row` places after the end sees the one before the end by 1 + row back.
            beyond[row, row:] = self.filter[:row:-1]
        return beyond

    def apply(self, columns: Floats) -> Floats:
        """Whiten columns (volumes, n)."""
        whitened = columns.copy()
        for lag, rho in enumerate(self.rho, 1):
            whitened[lag:] -= rho * columns[:-lag]
        return whitened


def yule_walker(covariances: Floats, n_volumes: int) -> Floats:
    """Coefficients from sums of lagged products of residuals.

    Divided by T, T − 1, ...: each sum by the number of its products, as
    nilearn does, and not all by T.

    Parameters
    ----------
    covariances : ndarray, shape (order + 1, voxels)
        ``Σ_t e_t e_{t-l}`` by lag l.
    n_volumes : int

    Returns
    -------
    ndarray, shape (voxels, order)
        0 for voxels without residuals.
    """
    order = len(covariances) - 1
    divisors = n_volumes - np.arange(order + 1.0)
    r = (covariances / divisors[:, None]).T
    found = np.zeros((len(r), order))
    some = r[:, 0] != 0  # NaN too: it stays
    if order == 1:
        found[some, 0] = r[some, 1] / r[some, 0]
        return found
    lags = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    finite = some & np.isfinite(r).all(axis=1)
    found[some & ~finite] = np.nan
    found[finite] = np.linalg.solve(r[finite][:, lags], r[finite, 1:, None])[..., 0]
    return found


def truncated(rho: Floats, bins: int) -> Floats:
    """AR(1) coefficients in steps of 1 / bins, truncated toward zero as nilearn does."""
    steps: Floats = np.trunc(rho * bins) + 0.0  # no negative zero
    return steps / bins
