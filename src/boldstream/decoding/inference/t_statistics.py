"""One-sample t of many tests at once, and its p."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Of the mean square of subjects, below which their variance is rounding.
_LEAST_VARIANCE = 1e-12


def t_of(means: Floats, squares: Any, n: Any) -> Floats:
    """One-sample t of at least two values, from their mean and the sum of their squares.

    Where all agree but for rounding, their variance counts as 1e-12 of their
    mean square; t of zeros is 0.

    Parameters
    ----------
    means : ndarray
    squares, n : number or ndarray
        Sums of squares, and how many values there are; broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([1.0, 2.0, 3.0])
    >>> t_of(values.mean(keepdims=True), (values**2).sum(), 3).round(3)
    array([3.464])
    """
    errors = np.sqrt(variance_of(means, squares, n) / n)
    out = np.zeros_like(means)
    np.divide(means, errors, out=out, where=errors > 0)
    return out


def variance_of(means: Floats, squares: Any, n: Any) -> Floats:
    """Variance (ddof 1) as `t_of` takes it."""
    scatter = np.maximum(squares - n * means**2, _LEAST_VARIANCE * squares)
    return np.asarray(scatter / (n - 1), np.float64)


def p_of_t(t: Floats, n: Any) -> Floats:
    """One-sided p of t with n − 1 degrees of freedom."""
    from scipy.special import stdtr

    return np.asarray(stdtr(np.asarray(n, np.float64) - 1, -t), np.float64)
