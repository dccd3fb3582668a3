"""Least squares of whitened data, from sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from boldstream.glm.regression.basis import Basis
from boldstream.glm.regression.functionals import Functionals
from boldstream.glm.regression.noise import Whitening
from boldstream.glm.regression.sums import Sums

Floats = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Solved:
    """A fit of whitened data.

    Attributes
    ----------
    coefficients : ndarray, shape (rank, voxels)
        Of the basis, for the data before they were scaled.
    sse, r_square : ndarray, shape (voxels,)
        Of the scaled data: what is left of their squares, and the variance of
        the fit as a share of theirs; NaN for data without any.
    """

    coefficients: Floats
    sse: Floats
    r_square: Floats


@dataclass(frozen=True)
class Whitened:
    """A basis Q whitened by W, and what solves for its coefficients."""

    whitening: Whitening
    basis: Basis
    functionals: Functionals

    @cached_property
    def columns(self) -> Floats:
        """WQ, shape (volumes, rank)."""
        return self.whitening.apply(self.basis.columns)

    @cached_property
    def inverse(self) -> Floats:
        """Of QᵀWᵀWQ."""
        return np.asarray(np.linalg.inv(self.columns.T @ self.columns), dtype=np.float64)

    @property
    def covariance(self) -> Floats:
        """Of the design's coefficients, for a dispersion of 1."""
        covariance: Floats = self.basis.to_design @ self.inverse @ self.basis.to_design.T
        return covariance

    @cached_property
    def _ones(self) -> Floats:
        """A constant, whitened."""
        return self.whitening.apply(np.ones((len(self.columns), 1)))[:, 0]

    @cached_property
    def _beyond(self) -> Floats:
        """Of the basis, the rows that would follow the last volume; shape (order, rank)."""
        order = len(self.whitening.rho)
        return self.whitening.corner @ self.basis.columns[len(self.columns) - order :]

    @cached_property
    def _by_functional(self) -> Floats:
        """Makes QᵀWᵀWd, but for the corner, of the sums; shape (rank, functionals)."""
        return np.tensordot(self.whitening.diagonals, self.functionals.by_lag, axes=1)

    def solve(self, sums: Sums, scale: Floats, offset: Floats) -> Solved:
        """Fit ``scale * d + offset`` for the voxels d that the sums are of.

        An offset other than 0 takes a basis that spans a constant.
        """
        n = sums.n
        beyond = self.whitening.corner @ sums.tail
        products = self._by_functional @ sums.projected - self._beyond.T @ beyond
        coefficients = self.inverse @ products
        fitted = np.einsum("rv,rv->v", coefficients, products)
        squares = self._squares(sums) - np.einsum("tv,tv->v", beyond, beyond)
        left = squares - fitted
        left[left <= n * _EPS * squares] = 0.0
        # With a constant in the basis, its product with the data is that with their fit.
        with_ones = (self._ones @ self.columns) @ coefficients / n

        def variance(of_squares: Floats, mean: Floats) -> Floats:
            mixed = with_ones - mean * self._ones.mean()
            own = scale**2 * (of_squares / n - mean**2)
            whole: Floats = own + offset * (2 * scale * mixed + offset * self._ones.var())
            return whole

        explained = variance(fitted, self.columns.mean(axis=0) @ coefficients)
        whole = variance(squares, self._total(sums) / n)
        r_square = np.divide(explained, whole, out=np.full_like(whole, np.nan), where=whole > 0)
        return Solved(coefficients, scale**2 * left, r_square)

    def _squares(self, sums: Sums) -> Floats:
        """|Wd|², but for the corner."""
        twice = np.where(np.arange(sums.order + 1) == 0, 1, 2) * self.whitening.diagonals
        squares: Floats = twice @ sums.squares
        return squares

    def _total(self, sums: Sums) -> Floats:
        """``Σ_t (Wd)_t``: each step back in time loses one more of the last volumes."""
        total = self.functionals.total(sums.projected)
        out = np.zeros_like(total)
        for lag, weight in enumerate(self.whitening.filter):
            out += weight * (total - sums.tail[sums.order - lag :].sum(axis=0))
        return out
