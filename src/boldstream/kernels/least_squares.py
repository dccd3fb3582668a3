"""Least squares from normal equations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Shares of the largest eigenvalue: what lies below is a dependent column. With all above
# the first, solutions are as good as the data; between the two they lose digits.
_CLEAR, _DEPENDENT = 1e-10, 1e-13


def gram_inverse(gram: Floats) -> Floats:
    """Inverse of MᵀM, so that ``gram_inverse(MᵀM) @ Mᵀy`` minimises ‖M s − y‖².

    Columns of unit length make it independent of the units of each column. If
    columns depend on one another, the pseudo-inverse of the columns as they
    are gives the shortest solution, as `scipy.linalg.lstsq` does.

    Parameters
    ----------
    gram : ndarray, shape (n, n)
        Symmetric, with a diagonal above 0.

    Returns
    -------
    ndarray, shape (n, n)
    """
    length = np.sqrt(np.diag(gram))
    values, vectors = np.linalg.eigh(gram / length / length[:, None])
    if len(values) and values[0] > _CLEAR * values[-1]:
        vectors = vectors / length[:, None]
        inverse: Floats = (vectors / values) @ vectors.T
    else:
        inverse = np.linalg.pinv(gram, rcond=_DEPENDENT, hermitian=True).astype(np.float64)
    return inverse
