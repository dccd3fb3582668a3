"""Least squares, separate: every trial in a model of its own, the others as few regressors.

The models of all trials share the drift, the confounds and the regressors of
other groups of events, so these are taken out once (Frisch, Waugh and
Lovell); what is left for each trial is a handful of columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boldstream.glm.trials.spans import OWN, Floats, scaled, span, sums, without


def lss_weights(
    regressors: Floats,
    own: Floats,
    is_trial: NDArray[np.bool_],
    groups: Sequence[NDArray[np.intp]],
    nuisance: Floats,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Weights of volumes that give each trial's beta in a model of its own.

    Parameters
    ----------
    regressors : ndarray, shape (kernels, events, volumes)
        Before orthogonalisation, as others sum them.
    own : ndarray, shape (kernels - 1, events, volumes)
        Columns of a trial after its first, as its own model has them.
    is_trial : ndarray of bool, shape (events,)
    groups : sequence of ndarray of int
        Events that share a regressor, less the trial itself; together all
        events, each once.
    nuisance : ndarray, shape (n, volumes)
        Orthonormal rows.

    Returns
    -------
    weights : ndarray, shape (trials, volumes)
    has_beta : ndarray of bool, shape (trials,)
        Whether a trial's regressor lies outside the span of the rest; if not,
        its weights mean nothing.
    """
    # Of columns before they are made orthogonal: what that left may be rounding.
    sizes = np.linalg.norm(regressors, axis=-1)
    free, own_free = without(regressors, nuisance), without(own, nuisance)
    rests = np.zeros(regressors.shape[1:])
    for i, group in enumerate(groups):
        trials = group[is_trial[group]]
        if not len(trials):
            continue
        fixed = span(*sums(free, sizes, [*groups[:i], *groups[i + 1 :]]))
        whole, whole_sizes = sums(free, sizes, [group])
        for trial in trials:
            beside = np.concatenate([whole - free[:, trial], own_free[:, trial]])
            beside_sizes = np.concatenate([whole_sizes, sizes[1:, trial]])
            rest = without(free[0, trial], fixed)
            rest = without(rest, span(without(beside, fixed), beside_sizes))
            rests[trial] = without(rest, fixed)
    rests = without(rests[is_trial], nuisance)
    has_beta = np.linalg.norm(rests, axis=1) > OWN * sizes[0, is_trial]
    products = np.einsum("tv,tv->t", rests, regressors[0, is_trial])
    return scaled(rests, products), has_beta
