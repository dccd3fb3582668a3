"""Spaces of regressors as orthonormal rows, and what of other rows lies outside them.

Vectors over volumes are rows here, as the weights are that are made of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Shares of a regressor's length. Below the first lies rounding. A trial needs the second
# for itself: with less, its beta would multiply the noise by more than 1e8.
ROUNDING, OWN = 1e-12, 1e-8


def span(rows: Floats, sizes: Floats) -> Floats:
    """Orthonormal rows that span others.

    Parameters
    ----------
    rows : ndarray, shape (n, volumes)
    sizes : ndarray, shape (n,)
        Their lengths before anything was taken out of them, so that what
        rounding left of a row is no direction.

    Returns
    -------
    ndarray, shape (rank, volumes)
    """
    # The singular vectors of rows of one length do not depend on units.
    _, values, basis = np.linalg.svd(scaled(rows, sizes), full_matrices=False)
    kept: Floats = basis[values > ROUNDING * max(1.0, values.max(initial=0.0))]
    return kept


def scaled(rows: Floats, sizes: Floats) -> Floats:
    """Rows divided by sizes; those of size 0 stay."""
    quotient: Floats = rows / np.where(sizes != 0, sizes, 1.0)[..., None]
    return quotient


def without(rows: Floats, basis: Floats) -> Floats:
    """What of rows (..., volumes) lies outside of orthonormal ones."""
    left = rows
    # Once leaves rounding of the size of the rows, which is large beside a small rest.
    for _ in range(2):
        left = left - (left @ basis.T) @ basis
    return left


def sums(rows: Floats, sizes: Floats, groups: Sequence[NDArray[np.intp]]) -> tuple[Floats, Floats]:
    """Regressors of groups of events, one below the other, and the sizes of their parts.

    Parameters
    ----------
    rows : ndarray, shape (kernels, events, volumes)
    sizes : ndarray, shape (kernels, events)
        Lengths of the events' regressors before anything was taken out.
    groups : sequence of ndarray of int
        Events of each.

    Returns
    -------
    rows : ndarray, shape (kernels * groups, volumes)
    sizes : ndarray, shape (kernels * groups,)
        Of the largest part: a sum that is shorter by far is rounding.
    """
    if not groups:
        return np.empty((0, rows.shape[-1])), np.empty(0)
    return (
        np.concatenate([rows[:, group].sum(axis=1) for group in groups]),
        np.concatenate([sizes[:, group].max(axis=1, initial=0.0) for group in groups]),
    )
