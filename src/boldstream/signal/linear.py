"""All of cleaning but the standardisation, which is linear in the series, for one run.

nilearn does the arithmetic: on the columns themselves, or, where there are
many, once on the columns of the identity. What it makes of those is the
operator M of the whole cleaning, and ``M @ series`` is one matrix product.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import NonFiniteError

if TYPE_CHECKING:
    from boldstream.signal.cleaning import Cleaning

Floats = NDArray[np.float64]

# The product costs volumes², the filter itself volumes: they cross near 2 048,
# where the operator takes 32 MiB.
MOST_VOLUMES = 2048
# Making the operator costs as much as cleaning one column for each volume; below four
# it has not paid for itself.
WORTH = 4
# Columns of the identity at once.
_CHUNK = 256


@dataclass(frozen=True)
class Step:
    """What cleans a block of columns.

    Attributes
    ----------
    apply : callable
        Takes a block (volumes, columns), which it may change, and returns the
        cleaned one (volumes that are left, columns).
    mean_weights : ndarray of float64, shape (volumes,), or None
        Weights of the volumes in the mean of what `apply` returns, where they
        are known without applying it.
    """

    apply: Callable[[Floats], Floats]
    mean_weights: Floats | None = None

    def mean(self, block: Floats) -> Floats:
        """Mean of each cleaned column; the block is changed."""
        if self.mean_weights is None:
            return np.asarray(self.apply(block).mean(axis=0))
        return weighted_sum(self.mean_weights, block)


def weighted_sum(weights: Floats, block: Floats) -> Floats:
    """Weighted sum of the volumes; those of weight 0 may hold anything."""
    used = np.flatnonzero(weights)
    return np.asarray(weights @ block if len(used) == len(block) else weights[used] @ block[used])


class LinearCleaning:
    """Detrending, filter, censoring and confounds of one run.

    Making one runs nilearn on a column of ones: wrong parameters raise, and
    what nilearn has to warn of is said, before any data are touched.

    Parameters
    ----------
    cleaning : Cleaning
    n_volumes : int
        Volumes of the run.
    confounds : ndarray of float64, shape (n_volumes, n), or None
    mask : ndarray of bool or int, or None
        Volumes that are kept.

    Attributes
    ----------
    n_out : int
        Volumes that are left.
    """

    def __init__(
        self,
        cleaning: Cleaning,
        n_volumes: int,
        confounds: Floats | None,
        mask: NDArray[Any] | None,
    ) -> None:
        self._cleaning, self._n_volumes = cleaning, n_volumes
        self._confounds, self._mask = confounds, mask
        # Also what becomes of a constant: exactly what nilearn makes of it.
        self._of_ones = self._nilearn(np.ones((n_volumes, 1)))
        self.n_out = len(self._of_ones)
        self._kept = None
        if mask is not None:
            self._kept = np.flatnonzero(mask) if mask.dtype == np.bool_ else mask.astype(np.intp)

    @property
    def only_picks(self) -> bool:
        """Whether volumes are left out at most, and none is changed."""
        c = self._cleaning
        return not (c.detrend or self._confounds is not None or c.is_filtering)

    @property
    def interpolates(self) -> bool:
        """Whether censored volumes are filled in before the filter."""
        return self._kept is not None and self._cleaning.is_filtering == "butterworth"

    def step(self, n_columns: int) -> Step:
        """The fastest way to clean so many columns."""
        if self.only_picks:
            return Step(lambda block: block if self._kept is None else block[self._kept])
        if n_columns > WORTH * self._n_volumes and self._n_volumes <= MOST_VOLUMES:
            return self._operator()
        return Step(self._nilearn_again)

    def check_finite(self, block: Floats) -> None:
        """Refuse what cannot be interpolated."""
        if self.interpolates and not np.isfinite(block[self._kept]).all():
            raise NonFiniteError(
                "`series` must be finite in the volumes that are kept, as the others are "
                "interpolated between them before the Butterworth filter, got NaN or infinity; "
                "`ensure_finite=True` puts 0 there"
            )

    def mean_weights(self) -> Floats:
        """Weights of the volumes in the mean before detrending: shape (n_volumes,)."""
        n = self._n_volumes
        if self._kept is None:
            return np.full(n, 1 / n)
        if not self.interpolates:
            return np.bincount(self._kept, minlength=n) / len(self._kept)
        # nilearn offers its interpolation nowhere else.
        from nilearn.signal import _handle_scrubbed_volumes

        weights = np.empty(n)
        for columns, unit in _identity(n):
            filled, _, _ = _handle_scrubbed_volumes(
                unit, None, self._kept.copy(), "butterworth", self._cleaning.t_r,
                self._cleaning.extrapolate,
            )  # fmt: skip
            weights[columns] = filled.mean(axis=0)
        return weights

    def _operator(self) -> Step:
        n = self._n_volumes
        matrix = np.empty((self.n_out, n))
        for columns, unit in _identity(n):
            matrix[:, columns] = self._nilearn_again(unit)
        mean_weights = matrix.mean(axis=0)
        # NaN in a volume that was censored must not reach the others.
        used = np.flatnonzero(matrix.any(axis=0))
        censored = len(used) < n
        if censored:
            matrix = np.ascontiguousarray(matrix[:, used])

        def product(block: Floats) -> Floats:
            values = block[used] if censored else block
            # Without its size a constant stays exactly one, and others keep more digits.
            size = values[0].copy()
            values -= size
            out: Floats = matrix @ values
            out += self._of_ones * size
            out[:, ~np.isfinite(out[0])] = np.nan
            return out

        return Step(product, mean_weights)

    def _nilearn_again(self, block: Floats) -> Floats:
        with warnings.catch_warnings():
            # They were given when the cleaning was made.
            warnings.simplefilter("ignore")
            return self._nilearn(block)

    def _nilearn(self, block: Floats) -> Floats:
        from nilearn.signal import clean

        c = self._cleaning
        # nilearn moves an index in place, hence the copy.
        mask = None if self._mask is None else self._mask.copy()
        out: Floats = clean(
            block,
            detrend=c.detrend,
            standardize=None,
            sample_mask=mask,
            confounds=self._confounds,
            standardize_confounds=c.standardize_confounds,
            filter=c.filter,
            low_pass=c.low_pass,
            high_pass=c.high_pass,
            t_r=c.t_r,
            extrapolate=c.extrapolate,
            # One call for all columns instead of one for each: 25 µs a column, not 370.
            butterworth__copy=True,
            **{f"butterworth__{name}": value for name, value in c.filter_options.items()},
        )
        return out


def _identity(n: int) -> Iterator[tuple[slice, Floats]]:
    """Columns of the identity, some at a time, so that nilearn's copies of them stay small."""
    for start in range(0, n, _CHUNK):
        width = min(_CHUNK, n - start)
        unit = np.zeros((n, width))
        unit[start + np.arange(width), np.arange(width)] = 1.0
        yield slice(start, start + width), unit
