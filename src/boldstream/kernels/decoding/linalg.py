"""Small symmetric systems: below some 200 rows, LAPACK's calls cost more than its speed gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit

Floats = NDArray[np.float64]

# Rows from which on LAPACK inverts faster than loops over a triangle.
LARGE = 256
# Rows that `sweep` takes at a time: it names each.
PIVOTS = 4


@jit
def put(values: Any, to: Any) -> None:
    """Copy a vector into another. ``to[:] = values`` takes seconds to compile."""
    for i in range(len(values)):
        to[i] = values[i]


@jit
def put_rows(values: Any, to: Any) -> None:
    """Copy a matrix into another."""
    for i in range(len(values)):
        for j in range(values.shape[1]):
            to[i, j] = values[i, j]


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
def _take(a: Floats, start: int, m: int, rows: Floats, pivot: Floats) -> None:
    """Copy `m` rows of a lower triangle, whole, and of them the block on the diagonal.

    `rows` and `pivot` have `PIVOTS` rows; those that are missing are of an identity.
    """
    if m < PIVOTS:
        rows[:] = 0.0
    for q in range(m):
        k = start + q
        for i in range(k):
            rows[q, i] = a[k, i]
        for i in range(k, len(a)):
            rows[q, i] = a[i, k]
    for q in range(PIVOTS):
        for r in range(PIVOTS):
            pivot[q, r] = rows[q, start + r] if max(q, r) < m else (1.0 if q == r else 0.0)


@jit
def _sweep_pivot(p: Floats) -> None:
    """Invert the block on the diagonal, in place."""
    n = len(p)
    for k in range(n):
        over = 1.0 / p[k, k]
        for i in range(n):
            if i != k:
                by = p[i, k] * over
                for j in range(n):
                    p[i, j] -= by * p[k, j]
                p[i, k] = -by
        for j in range(n):
            p[k, j] *= over
        p[k, k] = over


@jit
def _put(a: Floats, start: int, m: int, pivot: Floats, swept: Floats) -> None:
    for q in range(m):
        k = start + q
        for i in range(start):
            a[k, i] = swept[q, i]
        for r in range(m):
            a[k, start + r] = -pivot[q, r]
        for i in range(start + m, len(a)):
            a[i, k] = swept[q, i]


@jit
def sweep(a: Floats) -> None:
    """Invert a symmetric positive definite matrix, whole and in place, by four rows at a time.

    Takes less than half the time of `invert`, as nearly all of it is long loops
    over one triangle. Its error grows with the square of the condition: 1e-7
    at 1e6, and no digit is left at 1e9, where `invert` has nine.
    """
    n = len(a)
    rows, swept, p = np.zeros((PIVOTS, n)), np.zeros((PIVOTS, n)), np.zeros((PIVOTS, PIVOTS))
    for start in range(0, n, PIVOTS):
        m = min(PIVOTS, n - start)
        _take(a, start, m, rows, p)
        _sweep_pivot(p)
        for q in range(PIVOTS):
            for i in range(n):
                swept[q, i] = (
                    p[q, 0] * rows[0, i]
                    + p[q, 1] * rows[1, i]
                    + p[q, 2] * rows[2, i]
                    + p[q, 3] * rows[3, i]
                )
        for i in range(n):
            # Held apart, they stay in registers for the whole of a row.
            s0, s1, s2, s3 = swept[0, i], swept[1, i], swept[2, i], swept[3, i]
            for j in range(i + 1):
                a[i, j] -= s0 * rows[0, j] + s1 * rows[1, j] + s2 * rows[2, j] + s3 * rows[3, j]
        _put(a, start, m, p, swept)
    for i in range(n):
        for j in range(i + 1):
            a[i, j] = -a[i, j]
            a[j, i] = a[i, j]


@jit
def _solve_by_qr(a: Floats, diagonal: Floats, b: Floats) -> Any:
    """As `solve`, of a matrix whose upper triangle and `diagonal` are left; NaN of what overflowed.

    ``np.linalg.solve`` takes four seconds to compile, most of them for the text of an error.
    """
    n, m = b.shape
    size = 0.0
    for i in range(n):
        a[i, i] = diagonal[i]
        size += abs(diagonal[i])
        for j in range(i):
            a[i, j] = a[j, i]
            size += abs(a[i, j])
    if not np.isfinite(size):
        return np.full((n, m), np.nan)
    q, r = np.linalg.qr(a)
    x = np.dot(q.T.copy(), b)
    for i in range(n - 1, -1, -1):
        for p in range(i + 1, n):
            weight = r[i, p]
            for j in range(m):
                x[i, j] -= weight * x[p, j]
        for j in range(m):
            x[i, j] /= r[i, i]
    return x


@jit
def solve(a: Floats, b: Floats) -> Any:
    """Solve AX = B for a symmetric positive definite matrix (n, n); may change both.

    What B has no part of, where A is least, X has none of: a product with an
    inverse would leave its rounding there. Where rounding makes of A a matrix
    that is not definite, QR solves it, as well as it can be.
    """
    n = len(a)
    diagonal = np.empty(n)
    for i in range(n):
        diagonal[i] = a[i, i]
    if factor(a, n):
        solve_factored_many(a, b, n)
        return b
    return _solve_by_qr(a, diagonal, b)


@jit
def invert(a: Floats) -> Any:
    """Inverse of a symmetric positive definite matrix (n, n), whole."""
    n = len(a)
    if n > LARGE:
        return np.linalg.inv(a).T
    return solve(a.copy(), np.eye(n))
