"""Small symmetric systems: below some 100 rows, LAPACK's calls cost more than its speed gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit

Floats = NDArray[np.float64]

# Rows from which on LAPACK is faster than loops over a triangle.
LARGE = 96
# Rows that `sweep` takes at a time.
PIVOTS = 16


@jit
def factor(a: Floats, k: int) -> bool:
    """Cholesky factor L of ``a[:k, :k]``, in place in the lower triangle.

    Only the lower triangle is read. False if the matrix is not positive
    definite: what is solved with it is NaN then.
    """
    for i in range(k):
        for j in range(i):
            total = a[i, j]
            for p in range(j):
                total -= a[i, p] * a[j, p]
            a[i, j] = total / a[j, j]
        pivot = a[i, i]
        for p in range(i):
            pivot -= a[i, p] * a[i, p]
        if not pivot > 0.0:
            # All that is solved with it begins here.
            a[0, 0] = np.nan
            return False
        a[i, i] = np.sqrt(pivot)
    return True


@jit
def solve_factored(a: Floats, b: Floats, k: int) -> None:
    """Solve LLᵀx = b for one right side ``b[:k]``, in place."""
    for i in range(k):
        total = b[i]
        for p in range(i):
            total -= a[i, p] * b[p]
        b[i] = total / a[i, i]
    for i in range(k - 1, -1, -1):
        x = b[i] / a[i, i]
        b[i] = x
        # Down a row of L, which lies together, in place of up a column.
        for p in range(i):
            b[p] -= a[i, p] * x


@jit
def solve_factored_many(a: Floats, b: Floats, k: int) -> None:
    """Solve LLᵀX = B for the rows ``b[:k]``, in place; its columns are the right sides."""
    m = b.shape[1]
    for i in range(k):
        for p in range(i):
            weight = a[i, p]
            for j in range(m):
                b[i, j] -= weight * b[p, j]
        inverse = 1.0 / a[i, i]
        for j in range(m):
            b[i, j] *= inverse
    for i in range(k - 1, -1, -1):
        inverse = 1.0 / a[i, i]
        for j in range(m):
            b[i, j] *= inverse
        for p in range(i):
            weight = a[i, p]
            for j in range(m):
                b[p, j] -= weight * b[i, j]


@jit
def _replace_pivot(a: Floats, start: int, pivot: Floats, swept: Floats) -> None:
    for i in range(len(pivot)):
        for j in range(len(a)):
            a[start + i, j] = swept[i, j]
            a[j, start + i] = swept[i, j]
    for i in range(len(pivot)):
        for j in range(len(pivot)):
            a[start + i, start + j] = -pivot[i, j]


@jit
def sweep(a: Floats) -> None:
    """Invert a symmetric positive definite matrix, whole and in place, by a few rows at a time.

    Nearly all of it is products of matrices: half the time of `invert`. Its
    error grows with the square of the condition: 1e-7 at 1e6, and no digit is
    left at 1e9, where `invert` has nine.
    """
    n = len(a)
    for start in range(0, n, PIVOTS):
        m = min(PIVOTS, n - start)
        lower, pivot, rows = np.empty((m, m)), np.zeros((m, m)), a[start : start + m].copy()
        for i in range(m):
            pivot[i, i] = 1.0
            for j in range(m):
                lower[i, j] = rows[i, start + j]
                rows[i, start + j] = 0.0
        factor(lower, m)
        solve_factored_many(lower, pivot, m)
        swept = np.dot(pivot, rows)
        change = np.dot(swept.T, rows)
        for i in range(n):
            for j in range(n):
                a[i, j] -= change[i, j]
        _replace_pivot(a, start, pivot, swept)
    for i in range(n):
        for j in range(n):
            a[i, j] = -a[i, j]


@jit
def invert(a: Floats) -> Any:
    """Inverse of a symmetric positive definite matrix (n, n), whole; NaN if it is not definite."""
    n = len(a)
    if n > LARGE:
        return np.ascontiguousarray(np.linalg.inv(a))
    lower, out = a.copy(), np.eye(n)
    factor(lower, n)
    solve_factored_many(lower, out, n)
    return out
