"""Shares of voxels in dissimilarities.

What a sphere's dissimilarities are made of are sums over its voxels. Spheres
share voxels, so the share of a voxel is computed once for all that hold it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit

Floats = NDArray[np.float64]


@jit
def squared_differences(patterns: NDArray[np.float32], out: Floats) -> None:
    """(x_i - x_j)² of all pairs of conditions i < j.

    Of patterns (voxels, conditions) to `out` (voxels, pairs).
    """
    n = patterns.shape[1]
    for v in range(len(patterns)):
        pair = 0
        for i in range(n):
            first = np.float64(patterns[v, i])
            for j in range(i + 1, n):
                apart = first - patterns[v, j]
                out[v, pair + j - i - 1] = apart * apart
            pair += n - i - 1


@jit
def crossed_differences(
    patterns: NDArray[np.float32], n_folds: int, across: Floats, out: Floats
) -> None:
    """Mean over folds m ≠ n of (x_mi - x_mj)(x_ni - x_nj), of all pairs of conditions i < j.

    The products of all folds with one another are the square of the sum over
    folds, less those of folds with themselves. Of patterns (voxels, folds *
    conditions), fold after fold, to `out` (voxels, pairs); `across` is room for
    a number for each condition.
    """
    n = patterns.shape[1] // n_folds
    share = 1.0 / (n_folds * (n_folds - 1))
    for v in range(len(patterns)):
        pair = 0
        for i in range(n):
            rest = n - i - 1
            for j in range(rest):
                across[j] = 0.0
                out[v, pair + j] = 0.0
            for m in range(n_folds):
                at = m * n + i
                first = np.float64(patterns[v, at])
                for j in range(rest):
                    apart = first - patterns[v, at + 1 + j]
                    across[j] += apart
                    out[v, pair + j] += apart * apart
            for j in range(rest):
                out[v, pair + j] = share * (across[j] * across[j] - out[v, pair + j])
            pair += rest


@jit
def products(patterns: NDArray[np.float32], out: Floats) -> None:
    """x_i x_j of all pairs i < j, then x_i², then x_i.

    Of patterns (voxels, conditions) to `out` (voxels, pairs + 2 * conditions).
    """
    n = patterns.shape[1]
    pairs = n * (n - 1) // 2
    for v in range(len(patterns)):
        pair = 0
        for i in range(n):
            first = np.float64(patterns[v, i])
            for j in range(i + 1, n):
                out[v, pair + j - i - 1] = first * patterns[v, j]
            pair += n - i - 1
            out[v, pairs + i] = first * first
            out[v, pairs + n + i] = first


@jit
def sum_members(
    shares: Floats, members: NDArray[np.int32], starts: NDArray[np.int64], out: Floats
) -> None:
    """Sums over the voxels of each sphere, of shares (voxels, n) to `out` (spheres, n).

    ``members[starts[s]:starts[s + 1]]`` are the rows of sphere s, added in
    that order.
    """
    n = shares.shape[1]
    for s in range(len(out)):
        for f in range(n):
            out[s, f] = 0.0
        for k in range(starts[s], starts[s + 1]):
            row = members[k]
            for f in range(n):
                out[s, f] += shares[row, f]
