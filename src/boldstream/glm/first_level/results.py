"""What is kept of a fitted run: nilearn's dictionary of results by label, made without the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from nilearn.glm.regression import SimpleRegressionResults
from numpy.typing import NDArray

from boldstream.glm.regression.fit import RunFit

Label = str | float


class LabelResults(SimpleRegressionResults):
    """nilearn's results of the voxels that share a label, that is, a noise model.

    Attributes
    ----------
    theta : ndarray, shape (regressors, voxels)
    cov : ndarray, shape (regressors, regressors)
    dispersion : ndarray, shape (voxels,)
    rho : ndarray, shape (order,)
        Coefficients of the autoregression; none for "ols".
    df_total, df_model, df_residuals : int
    """

    def __init__(self, fit: RunFit, label: Label, voxels: NDArray[np.intp]) -> None:
        self.theta = fit.theta[:, voxels]
        self.cov = fit.covariances[label]
        self.dispersion = fit.dispersion[voxels]
        self.rho = fit.rho[label]
        self.nuisance = None
        self.df_total = fit.n_volumes
        self.df_model = fit.df_model
        self.df_residuals = self.df_total - self.df_model


class DetailedLabelResults(LabelResults):
    """Those of a model that is to be looked into.

    Attributes
    ----------
    SSE, MSE, r_square : ndarray, shape (voxels,)
        Of the whitened data, as in nilearn.
    scale, offset : ndarray, shape (voxels,)
        Data times `scale` plus `offset` are what was fitted; where the run
        has a `volume_scale`, times that first.
    """

    def __init__(self, fit: RunFit, label: Label, voxels: NDArray[np.intp]) -> None:
        super().__init__(fit, label, voxels)
        self.SSE = fit.sse[voxels]
        self.MSE = self.SSE / self.df_residuals
        self.r_square = fit.r_square[voxels]
        self.scale, self.offset = fit.scale[voxels], fit.offset[voxels]


class RunResults(dict[Label, LabelResults]):
    """Results of a run by label, and which voxels have each.

    Parameters
    ----------
    fit : RunFit
    detailed : bool
        Whether the voxels keep what goes beyond contrasts.

    Attributes
    ----------
    voxels : dict
        For each label the indices of its voxels.
    volume_scale : ndarray, shape (volumes,), or None
        What volumes were multiplied by, where each was scaled by its own mean.
    """

    def __init__(self, fit: RunFit, *, detailed: bool) -> None:
        names, which = np.unique(fit.labels, return_inverse=True)
        order = np.argsort(which, kind="stable")
        starts = np.cumsum(np.bincount(which))[:-1]
        self.voxels: dict[Label, NDArray[np.intp]] = dict(
            zip(names.tolist(), np.split(order, starts), strict=True)
        )
        self.volume_scale = fit.volume_scale
        kind = DetailedLabelResults if detailed else LabelResults
        super().__init__((label, kind(fit, label, some)) for label, some in self.voxels.items())

    @property
    def places(self) -> Places:
        return Places(self.voxels)


class Places:
    """Stands in for an array of labels where nilearn looks for the voxels of one.

    nilearn compares the strings of all voxels with each of a hundred labels,
    which takes most of the time of a contrast.
    """

    def __init__(self, voxels: dict[Label, NDArray[np.intp]]) -> None:
        self._voxels = voxels
        self.size = sum(map(len, voxels.values()))

    def __eq__(self, label: Any) -> Any:
        return self._voxels[label]

    __hash__ = None  # type: ignore[assignment]


def places_of(labels: Sequence[Any], results: Sequence[Any]) -> list[Any]:
    """What to look voxels up in, for each run; arrays of labels where results are nilearn's."""
    return [
        some.places if isinstance(some, RunResults) else array
        for array, some in zip(labels, results, strict=True)
    ]
