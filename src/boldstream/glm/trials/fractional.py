"""Fractional ridge: a penalty for each voxel that leaves a given share of its betas' length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import number_in
from boldstream.core.errors import ParameterError
from boldstream.glm.trials.design import TrialDesign

Floats = NDArray[np.float64]

_SCRATCH_BYTES = 1 << 20
# Relative, of the length of the betas.
_CLOSE = 1e-12


@dataclass(frozen=True, eq=False)
class FractionalRidge:
    """Betas of all trials in one model, shrunk by as much in every voxel (Rokem and Kay 2020).

    Data are projected while they stream; the penalty of each voxel is chosen
    afterwards, from the projected data alone.

    Attributes
    ----------
    projector : ndarray of float64, shape (n_components, n_volumes)
        What the series is multiplied by from the left. Drift, confounds and
        volumes that are left out have no part in it.
    values : ndarray of float64, shape (n_components,)
        Singular values of the trials' regressors without what drift and
        confounds explain.
    vectors : ndarray of float64, shape (n_trials, n_components)

    References
    ----------
    A. Rokem and K. Kay, "Fractional ridge regression: a fast, interpretable
    reparameterization of ridge regression", GigaScience 9(12), giaa133, 2020.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from boldstream.glm.trials import FractionalRidge, make_trial_design
    >>> events = pd.DataFrame({"onset": [2.0, 9.0, 14.0], "duration": 1.0, "trial_type": "go"})
    >>> ridge = FractionalRidge.of(make_trial_design(events, 30, 2.0, method="lsa"))
    >>> series = np.random.default_rng(0).normal(size=(30, 5))
    >>> projected = ridge.projector @ series
    >>> betas = {f: ridge.betas(projected, f) for f in (0.3, 1.0)}
    >>> ratio = np.linalg.norm(betas[0.3], axis=0) / np.linalg.norm(betas[1.0], axis=0)
    >>> ratio.round(10)
    array([0.3, 0.3, 0.3, 0.3, 0.3])
    """

    projector: Floats
    values: Floats
    vectors: Floats

    @classmethod
    def of(cls, design: TrialDesign) -> FractionalRidge:
        """Take a design apart.

        Parameters
        ----------
        design : TrialDesign
            With the method "lsa" and without a penalty. Columns that a model
            of the response has beside its first are not penalised.

        Raises
        ------
        ParameterError
            If the design has another method, or a penalty already.
        """
        if design.method != "lsa" or design.penalty:
            raise ParameterError(
                "`design` must be of the method 'lsa' without a penalty for fractional ridge, "
                f"got {design.method!r} with a penalty of {design.penalty:g}"
            )
        # The weights are the pseudo-inverse of the regressors, which share their vectors.
        used = np.flatnonzero(design.weights.any(axis=0))
        vectors, inverse, right = np.linalg.svd(design.weights[:, used], full_matrices=False)
        projector = np.zeros((len(right), design.weights.shape[1]))
        projector[:, used] = right
        return cls(projector, 1 / inverse, vectors)

    def betas(
        self, projected: NDArray[Any], fraction: float, *, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Betas whose length is a fraction of that without a penalty, in every voxel.

        Parameters
        ----------
        projected : ndarray of float64, shape (n_components, voxels)
            ``projector @ series``.
        fraction : float
            Above 0, at most 1; 1 gives the betas without a penalty.
        out : ndarray of float32 or float64, shape (n_trials, voxels), optional
            Where betas are put; may be `projected` itself.

        Returns
        -------
        ndarray, shape (n_trials, voxels)
            `out`, or a new one of float64. Voxels that are not finite are NaN.

        Raises
        ------
        ParameterError
            If `fraction` or a shape is wrong.
        """
        fraction = check_fraction(fraction)
        n_trials, n_components = self.vectors.shape
        if projected.ndim != 2 or len(projected) != n_components:
            raise ParameterError(
                f"`projected` must have the shape ({n_components}, voxels), got {projected.shape}"
            )
        n_voxels = projected.shape[1]
        if out is None:
            out = np.empty((n_trials, n_voxels))
        if out.shape != (n_trials, n_voxels):
            raise ParameterError(
                f"`out` must have the shape {(n_trials, n_voxels)}, got {out.shape}"
            )
        step = max(1, _SCRATCH_BYTES // (8 * n_components))
        for start in range(0, n_voxels, step):
            voxels = slice(start, start + step)
            shares = projected[:, voxels] / self.values[:, None]
            if fraction < 1:
                shares *= shrinkage(shares, self.values, fraction)
            with np.errstate(invalid="ignore"):
                out[:, voxels] = self.vectors @ shares
        return out


def check_fraction(fraction: Any) -> float:
    """Return a share of the length of betas as a float.

    Raises
    ------
    ParameterError
        If it is not above 0 and at most 1.
    """
    return number_in("fraction", fraction, 0, 1, without=[0])


def shrinkage(shares: Floats, values: Floats, fraction: float) -> Floats:
    """Factors ``s² / (s² + penalty)`` that leave a fraction of the length of each column.

    The reciprocal of the length is concave in the penalty, so that Newton's
    steps from below never pass the root (Conn, Gould and Toint, "Trust-region
    methods", 2000, section 7.3). About ten of them are enough.

    Parameters
    ----------
    shares : ndarray, shape (n_components, voxels)
        Components of the betas without a penalty.
    values : ndarray, shape (n_components,)
        Singular values s.
    fraction : float
        Above 0, below 1.

    Returns
    -------
    ndarray, shape (n_components, voxels)
        Of no meaning where the betas are 0 or not finite.
    """
    # In units of the largest s², squares cannot leave the range of floats.
    squares = ((values / values.max()) ** 2)[:, None]
    sizes = np.abs(shares).max(axis=0)
    some = np.isfinite(sizes) & (sizes > 0)
    parts = np.divide(shares, sizes, out=np.zeros_like(shares), where=some) ** 2
    total = np.where(some, parts.sum(axis=0), 1.0)
    penalty = np.full(len(total), squares.min() * (1 / fraction - 1))
    # Each step is at least the excess times the penalty, so that it cannot drown in rounding.
    while True:
        factors: Floats = squares / (squares + penalty)
        left = parts * factors**2
        square = left.sum(axis=0)
        excess = np.sqrt(square / total) / fraction - 1
        # Voxels that are done stay as they are, whatever others lie beside them.
        far = excess > _CLOSE
        if not far.any():
            return factors
        slope = (left * factors / squares).sum(axis=0)
        penalty += np.divide(square * excess, slope, out=np.zeros_like(slope), where=far)
