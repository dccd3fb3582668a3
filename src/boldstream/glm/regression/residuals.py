"""Autocovariances of the residuals of ordinary least squares, from sums."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boldstream.glm.regression.basis import Basis
from boldstream.glm.regression.functionals import Functionals
from boldstream.glm.regression.sums import Sums

Floats = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)


def residual_covariances(
    sums: Sums, basis: Basis, functionals: Functionals, shift: float
) -> Floats:
    """``Σ_t (e_t - shift) (e_{t-l} - shift)`` by lag l, shape (order + 1, voxels).

    0 at all lags where what is left of the data is rounding.
    """
    q, b = basis.columns, functionals.by_lag[0] @ sums.projected
    out = np.empty_like(sums.squares)
    for lag in range(len(out)):
        lagged = q[lag:].T @ q[: len(q) - lag]
        # Of both e_t's with the fit taken out: twice the products at lag 0.
        products = 2 * b if lag == 0 else functionals.by_lag[lag] @ sums.projected
        out[lag] = sums.squares[lag] + np.einsum("rv,rv->v", b, lagged @ b - products)
    if shift:
        total = residual_sums(sums, basis, functionals)
        head = sums.head - q[: sums.order] @ b
        tail = sums.tail - q[len(q) - sums.order :] @ b
        for lag in range(len(out)):
            alone = head[:lag].sum(axis=0) + tail[sums.order - lag :].sum(axis=0)
            out[lag] += (sums.n - lag) * shift**2 - shift * (2 * total - alone)
    out[:, out[0] <= sums.n * _EPS * sums.squares[0]] = 0.0
    return out


def residual_sums(sums: Sums, basis: Basis, functionals: Functionals) -> Floats:
    """``Σ_t e_t`` of each voxel."""
    fitted = basis.columns.sum(axis=0) @ functionals.by_lag[0]
    total: Floats = functionals.total(sums.projected) - fitted @ sums.projected
    return total
