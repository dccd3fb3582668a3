"""Weighted sums over time that a GLM with autoregressive noise needs, as few as they can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Below it, a row follows from the others.
_DEPENDENT = 1e-12


@dataclass(frozen=True)
class Functionals:
    """The sums of data d, of ``q_t d_t`` and by lag of ``(q_{t+l} + q_{t-l}) d_t``.

    All are made of sums with orthonormal weights, of which there are fewer
    where the weights depend on one another: the shifted cosines of a drift
    are multiples of themselves, but for the ends.

    Attributes
    ----------
    weights : ndarray, shape (n, volumes)
        Orthonormal; the first is the same for all volumes.
    by_lag : ndarray, shape (order + 1, rank, n)
        Makes the sums with q of them.
    order : int
        Of the noise.
    """

    weights: Floats
    by_lag: Floats
    order: int

    @classmethod
    def of(cls, columns: Floats, order: int) -> Functionals:
        """Those of an orthonormal basis q (volumes, rank) and lags up to `order`."""
        n, rank = columns.shape
        rows = np.concatenate(_by_lag(columns, order))
        constant = np.full((1, n), 1 / np.sqrt(n))
        apart = rows - (rows @ constant.T) @ constant
        _, values, right = np.linalg.svd(apart, full_matrices=False)
        # The largest singular value of all rows is of the order of 1.
        weights = np.concatenate([constant, right[values > _DEPENDENT]])
        return cls(weights, (rows @ weights.T).reshape(order + 1, rank, -1), order)

    def total(self, projected: Floats) -> Floats:
        """The sum of d, also of some of the volumes alone; shape (voxels,)."""
        total: Floats = projected[0] / self.weights[0, 0]
        return total


def _by_lag(columns: Floats, order: int) -> list[Floats]:
    n, rank = columns.shape
    weights = [columns.T]
    for lag in range(1, order + 1):
        shifted = np.zeros((rank, n))
        shifted[:, : max(0, n - lag)] += columns.T[:, lag:]
        shifted[:, lag:] += columns.T[:, : max(0, n - lag)]
        weights.append(shifted)
    return weights
