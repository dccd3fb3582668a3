"""An orthonormal basis of a design: what data are projected on.

Products with the columns of a design as they are lose digits where these
differ in size or resemble one another; products with an orthonormal basis of
the same space do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Of the length of a vector of ones: what may lie outside the design before it counts as outside.
_OUTSIDE = 1e-10
# Shares of a constant that are rounding.
_ROUNDING = 1e-10


@dataclass(frozen=True)
class Basis:
    """Orthonormal columns that span those of a design: ``design = columns @ inv(to_design)``.

    Attributes
    ----------
    columns : ndarray, shape (volumes, rank)
    to_design : ndarray, shape (regressors, rank)
        Takes coefficients of the basis to those of the design; the shortest
        ones where the design's columns depend on one another.
    """

    columns: Floats
    to_design: Floats

    @classmethod
    def of(cls, design: Floats) -> Basis:
        """The basis of a design (volumes, regressors), from its singular vectors."""
        left, values, right = np.linalg.svd(design, full_matrices=False)
        # As scipy's pinv, which nilearn uses, decides what counts as 0.
        least = values.max(initial=0.0) * max(design.shape) * np.finfo(np.float64).eps
        kept = values > least
        return cls(np.ascontiguousarray(left[:, kept]), right[kept].T / values[kept])

    @cached_property
    def constant(self) -> Floats | None:
        """Coefficients of the design that make a constant 1; None if it has none."""
        ones = np.ones(len(self.columns))
        shares = self.columns.T @ ones
        outside = ones - self.columns @ shares
        if np.linalg.norm(outside) > _OUTSIDE * np.linalg.norm(ones):
            return None
        found: Floats = self.to_design @ shares
        # A constant voxel has no effects, not effects of 1e-16.
        found[np.abs(found) < _ROUNDING * np.abs(found).max()] = 0.0
        return found
