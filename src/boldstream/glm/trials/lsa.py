"""Least squares, all: one model in which every trial has a regressor, ridge if wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boldstream.glm.trials.spans import OWN, Floats, scaled, without


def lsa_weights(
    columns: Floats, sizes: Floats, nuisance: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Weights of volumes that give the betas of all trials in one model.

    Parameters
    ----------
    columns : ndarray, shape (kernels, trials, volumes)
        As the model has them.
    sizes : ndarray, shape (kernels, trials)
        Their lengths before they were made orthogonal to one another.
    nuisance : ndarray, shape (n, volumes)
        Orthonormal rows.

    Returns
    -------
    weights : ndarray, shape (trials, volumes)
    has_beta : ndarray of bool, shape (trials,)
        Whether the data determine a trial's beta. Where they do not for some,
        the weights of all are the shortest that fit.
    """
    n_kernels, n_trials, n_volumes = columns.shape
    rows = scaled(without(columns, nuisance), sizes).reshape(n_kernels * n_trials, n_volumes)
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    kept = values > OWN
    left, values, right = left[:n_trials, kept], values[kept], right[kept]
    # A coefficient is determined if no direction without effect on the model contains it.
    has_beta = 1 - np.einsum("tr,tr->t", left, left) < OWN
    weights = scaled((left / values) @ right, sizes[0])
    return without(weights, nuisance), has_beta


def ridge_weights(
    columns: Floats, nuisance: Floats, penalty: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Weights that give the betas of all trials in one model, their squares penalised.

    Parameters
    ----------
    columns : ndarray, shape (kernels, trials, volumes)
        As the model has them; the penalty falls on all of them.
    nuisance : ndarray, shape (n, volumes)
        Orthonormal rows, on which no penalty falls.
    penalty : float
        Above 0, in the square of the regressors' unit.

    Returns
    -------
    weights : ndarray, shape (trials, volumes)
    has_beta : ndarray of bool, shape (trials,)
        Whether anything of a trial's regressor lies outside the nuisance.
    """
    n_kernels, n_trials, n_volumes = columns.shape
    rows = without(columns, nuisance).reshape(n_kernels * n_trials, n_volumes)
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    weights: Floats = (left[:n_trials] * (values / (values**2 + penalty))) @ right
    rests = np.linalg.norm(rows[:n_trials], axis=1)
    return without(weights, nuisance), rests > OWN * np.linalg.norm(columns[0], axis=1)
