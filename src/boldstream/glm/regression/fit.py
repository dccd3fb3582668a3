"""From sums to a fitted GLM: noise, coefficients and variances of every voxel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.glm.regression.labels import name_noise
from boldstream.glm.regression.model import RunModel
from boldstream.glm.regression.noise import Whitening, yule_walker
from boldstream.glm.regression.residuals import residual_covariances, residual_sums
from boldstream.glm.regression.scaling import Scaled, scaling_of
from boldstream.glm.regression.sums import Sums
from boldstream.glm.regression.whitened import Whitened
from boldstream.kernels.gather import tiles

Floats = NDArray[np.float64]

# Voxels that are solved at once: the arrays made of them stay below 10 MB.
TILE = 16384


@dataclass
class RunFit:
    """A GLM fitted to the voxels of a run.

    Attributes
    ----------
    labels : ndarray, shape (voxels,)
        As nilearn's ``labels_``: the name of each voxel's noise, or 0.0 for "ols".
    rho : dict of label to ndarray, shape (order,)
        Coefficients of the noise that whitened the voxels of a label.
    theta : ndarray, shape (regressors, voxels)
    covariances : dict of label to ndarray, shape (regressors, regressors)
        Of theta, for a dispersion of 1.
    dispersion, sse, r_square : ndarray, shape (voxels,)
        Of the whitened data, as nilearn defines them: the dispersion divides
        by the volumes less the regressors, dependent ones included.
    scale, offset : ndarray, shape (voxels,)
        The data that were fitted are ``scale * y + offset``; of volumes in
        percent of their mean where `volume_scale` is there.
    volume_scale : ndarray, shape (volumes,), or None
    n_volumes, df_model : int
        Volumes, and rank of the design.
    """

    labels: NDArray[Any]
    rho: dict[Any, Floats]
    theta: Floats
    covariances: dict[Any, Floats]
    dispersion: Floats
    sse: Floats
    r_square: Floats
    scale: Floats
    offset: Floats
    volume_scale: Floats | None
    n_volumes: int
    df_model: int


def fit_bytes(model: RunModel, voxels: int) -> int:
    """Memory of a fit, and of making it."""
    order, regressors = model.order, int(model.design.shape[1])
    kept = regressors + 2 * order + 16
    # The names of the noise are words, and sorted.
    naming = voxels * 9 * order
    sums = len(model.functionals.weights) + 3 * order
    solving = sums + 2 * regressors + 3 * order + 15
    if model.basis.constant is None:  # the sums are brought to scaled data first
        solving = max(solving, 3 * sums)
    return 8 * (voxels * kept + max(naming, min(voxels, TILE) * solving))


@dataclass(frozen=True)
class Problem:
    """What is to be fitted: ``scale * y + offset`` of each voxel, y being what the sums are of.

    A constant in the design takes up the offset. Then the data are fitted
    relative to their first volume, which costs no digits. Otherwise the sums
    are brought to the scaled data first. `positions` are those of the voxels
    in the result.
    """

    model: RunModel
    sums: Sums
    scaled: Scaled
    positions: NDArray[np.intp]

    def whitened(self, rho: Floats) -> Whitened:
        """What solves for voxels with this noise."""
        return Whitened(Whitening(rho), self.model.basis, self.model.functionals)

    def sums_of(self, voxels: slice | NDArray[np.intp]) -> Sums:
        """Of some voxels the sums that are fitted."""
        sums = self.sums.of(voxels)
        if self.model.basis.constant is None:
            scale, offset = self.scaled.scale[voxels], self.scaled.from_reference[voxels]
            sums = sums.rescaled(scale, offset, self.model.functionals, range(sums.n))
        return sums

    def noise(self) -> Floats:
        """AR coefficients of each voxel, shape (voxels, order)."""
        n, voxels = len(self.model.design), len(self.positions)
        mean = self._mean_residual()
        rho = np.empty((voxels, self.sums.order))
        for tile in tiles(voxels, TILE):
            sums = self.sums_of(tile)
            covariances = residual_covariances(sums, self.model.basis, self.model.functionals, mean)
            rho[tile] = yule_walker(covariances, n)
        return rho

    def _mean_residual(self) -> float:
        """Over all voxels, which nilearn takes out; 0 with a constant in the design."""
        if self.model.basis.constant is not None:
            return 0.0
        total, count = 0.0, 0
        for tile in tiles(len(self.positions), TILE):
            left = residual_sums(self.sums_of(tile), self.model.basis, self.model.functionals)
            # One voxel with NaN would take all others with it.
            finite = left[np.isfinite(left)]
            total, count = total + float(finite.sum()), count + len(finite)
        return total / max(1, count * len(self.model.design))


def fit_sums(
    sums: Sums, model: RunModel, *, positions: NDArray[np.intp], volume_means: Floats
) -> RunFit:
    """Fit a model to the voxels that the sums are of.

    Parameters
    ----------
    sums : Sums
        Of the volumes that the model keeps.
    model : RunModel
    positions : ndarray of int, shape (voxels,)
        Of these voxels in the result.
    volume_means : ndarray, shape (volumes,)
        Over voxels, where volumes are in percent of them.
    """
    total = model.functionals.total(sums.projected)
    scaled = scaling_of(sums, total, model.scaling, volume_means)
    problem = Problem(model, sums, scaled, positions)
    # In the order of the result, on which clusters depend.
    labels, rho = name_noise(_placed(problem.noise(), positions), model.bins, model.random_state)
    kinds = {name: problem.whitened(values) for name, values in rho.items()}
    n_volumes, regressors = model.design.shape
    fit = RunFit(
        labels=labels,
        rho=rho,
        theta=np.empty((regressors, len(labels))),
        covariances={name: kind.covariance for name, kind in kinds.items()},
        dispersion=np.empty(len(labels)),
        sse=np.empty(len(labels)),
        r_square=np.empty(len(labels)),
        scale=_placed(scaled.scale, positions),
        offset=_placed(scaled.offset, positions),
        volume_scale=100 / np.maximum(volume_means, 1) if model.scaling == "volume" else None,
        n_volumes=n_volumes,
        df_model=_rank(model.design),
    )
    for label, voxels in _alike(labels[positions]):
        _fit_alike(fit, problem, kinds[label], voxels)
    # With as many regressors as volumes there is nothing left to tell the noise by.
    fit.dispersion[:] = fit.sse / (n_volumes - regressors) if n_volumes > regressors else np.nan
    return fit


def _placed(values: NDArray[Any], positions: NDArray[np.intp]) -> NDArray[Any]:
    placed = np.empty_like(values)
    placed[positions] = values
    return placed


def _alike(labels: NDArray[Any]) -> Iterator[tuple[Any, NDArray[np.intp]]]:
    """Labels, each with some of its voxels."""
    found, position = np.unique(labels, return_inverse=True)
    ordered = np.argsort(position, kind="stable")
    stops = np.cumsum(np.bincount(position))
    for label, voxels in zip(found, np.split(ordered, stops[:-1]), strict=True):
        for tile in tiles(len(voxels), TILE):
            yield label, voxels[tile]


def _fit_alike(fit: RunFit, problem: Problem, kind: Whitened, voxels: NDArray[np.intp]) -> None:
    """Fit voxels with one whitening."""
    constant = problem.model.basis.constant
    if constant is None:  # the sums are of scaled data already
        scale, offset = np.ones(len(voxels)), np.zeros(len(voxels))
    else:
        scale, offset = problem.scaled.scale[voxels], problem.scaled.from_reference[voxels]
    solved = kind.solve(problem.sums_of(voxels), scale, offset)
    theta = scale * (problem.model.basis.to_design @ solved.coefficients)
    if constant is not None:
        theta += constant[:, None] * offset
    placed = problem.positions[voxels]
    fit.theta[:, placed] = theta
    fit.sse[placed], fit.r_square[placed] = solved.sse, solved.r_square


def _rank(design: Floats) -> int:
    """Rank of a design by nilearn's measure of what counts as 0."""
    least = np.abs(design).sum() * np.finfo(np.float64).eps
    return int(np.linalg.matrix_rank(design, least))
