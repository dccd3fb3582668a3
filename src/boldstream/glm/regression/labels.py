"""Voxels with about the same noise share a whitening; nilearn's names for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.glm.regression.noise import truncated

Floats = NDArray[np.float64]


def name_noise(rho: Floats, bins: int, random_state: Any) -> tuple[NDArray[Any], dict[Any, Floats]]:
    """A label for each voxel as nilearn's `run_glm` gives it, and the coefficients it stands for.

    Parameters
    ----------
    rho : ndarray, shape (voxels, order)
        Coefficients of each voxel; of order 0 for ordinary least squares.
    bins : int
        Of 1 / bins are the steps of AR(1) coefficients, truncated toward 0;
        higher orders are clustered, into so many clusters.
    random_state : int, RandomState or None
        Seeds the clusters.
    """
    order = rho.shape[1]
    if order == 0:
        return np.zeros(len(rho)), {0.0: np.empty(0)}
    if order == 1:
        values, position = np.unique(truncated(rho[:, 0], bins), return_inverse=True)
        names = np.array([str(value) for value in values])
        return names[position], {name: values[[i]] for i, name in enumerate(names)}
    return _clustered(rho, bins, random_state)


def _clustered(rho: Floats, bins: int, random_state: Any) -> tuple[NDArray[Any], dict[Any, Floats]]:
    from sklearn.cluster import KMeans

    finite = np.isfinite(rho).all(axis=1)
    # A cluster of its own for voxels that are not: KMeans refuses them.
    centres, cluster = np.full((1, rho.shape[1]), np.nan), np.zeros(len(rho), np.intp)
    if finite.any():
        n_clusters = min(bins, np.count_nonzero(finite))
        found = KMeans(n_clusters=n_clusters, n_init=10, random_state=random_state).fit(rho[finite])
        centres = np.concatenate([centres, found.cluster_centers_])
        cluster[finite] = 1 + found.labels_
    names = np.array(["_".join(map(str, np.round(centre, 2))) for centre in centres])
    labels = names[cluster]
    # Centres that round to one name are one for nilearn: that of its first voxel.
    kinds, first = np.unique(labels, return_index=True)
    return labels, {name: centres[cluster[voxel]] for name, voxel in zip(kinds, first, strict=True)}
