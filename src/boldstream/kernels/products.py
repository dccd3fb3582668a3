"""Matrix products for many small pieces of work, in the thread that asks for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# OpenBLAS, which numpy's wheels carry, starts its threads above these numbers of
# multiplications. Its threads wait for one another: beside other work on all cores a
# product of 6 volumes took 38 ms instead of 0.8 ms.
ONE_THREAD = 1 << 18
_ONE_THREAD_VECTOR = 9000
# Fewer columns at a time cost more in calls than the threads do in waiting.
_SHORTEST = 16


def add_product(out: Floats, left: Floats, right: Floats) -> None:
    """``out += left @ right``, cut along the axis that is summed over.

    Parameters
    ----------
    out : ndarray, shape (m, n)
    left : ndarray, shape (m, k)
    right : ndarray, shape (k, n)
        Not the same memory as `left`.
    """
    limit = _ONE_THREAD_VECTOR if 1 in out.shape else ONE_THREAD
    piece = limit // max(1, out.size)
    if piece < _SHORTEST:
        piece = len(right)
    for start in range(0, len(right), max(1, piece)):
        cut = slice(start, start + piece)
        out += left[:, cut] @ right[cut]
