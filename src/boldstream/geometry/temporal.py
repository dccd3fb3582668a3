"""`temporal_distance`: how far apart in time conditions were, a nuisance of RSA."""

from __future__ import annotations

from typing import Any

import numpy as np

from boldstream.core.errors import ParameterError, TableError
from boldstream.geometry.dissimilarities import RDM
from boldstream.geometry.labels import encode_labels


def temporal_distance(onsets: Any, runs: Any, conditions: Any) -> RDM:
    """Mean distance in time of the trials of each pair of conditions.

    Betas of trials that are close in time are alike through drift and the slow
    response, whatever was shown (Mumford et al. 2014). Pairs of trials of one
    run count, over all runs.

    Parameters
    ----------
    onsets : sequence of float, shape (trials,)
        In seconds from the start of the run.
    runs, conditions : sequence, shape (trials,)

    Returns
    -------
    RDM
        Of the metric "temporal", in seconds.

    Raises
    ------
    ParameterError
        If labels do not fit, or two conditions are never in one run.
    TableError
        If an onset is no finite number.

    References
    ----------
    Mumford, Davis and Poldrack (2014), The impact of study design on pattern
    estimation for single-trial multivariate pattern analysis. NeuroImage 103.

    Examples
    --------
    >>> temporal_distance([0, 10, 0, 30], [1, 1, 2, 2], ["a", "b", "a", "b"]).values
    array([20.])
    """
    times = _numbers(onsets)
    named = encode_labels("conditions", conditions, len(times))
    in_runs = encode_labels("runs", runs, len(times))
    n = len(named.names)
    total, counts = np.zeros((n, n)), np.zeros((n, n))
    for run in range(len(in_runs.names)):
        some = np.flatnonzero(in_runs.codes == run)
        of_conditions = np.zeros((len(some), n))
        of_conditions[np.arange(len(some)), named.codes[some]] = 1
        apart = np.abs(times[some, None] - times[some])
        total += of_conditions.T @ apart @ of_conditions
        counts += np.outer(of_conditions.sum(axis=0), of_conditions.sum(axis=0))
    upper = np.triu_indices(n, 1)
    for i, j in zip(*upper, strict=True):
        if not counts[i, j]:
            raise ParameterError(
                "`conditions` must be in one run somewhere to have a distance in time, got "
                f"{named.names[i]!r} and {named.names[j]!r} in different runs only"
            )
    return RDM(total[upper] / counts[upper], named.names, "temporal")


def _numbers(onsets: Any) -> Any:
    try:
        times = np.asarray(onsets, np.float64)
    except (TypeError, ValueError) as error:
        raise TableError(f"`onsets` must be numbers of seconds: {error}") from error
    if times.ndim != 1 or not len(times) or not np.isfinite(times).all():
        raise TableError(
            "`onsets` must be a finite number of seconds for each trial, got "
            f"{np.count_nonzero(~np.isfinite(times))} others in an array of shape {times.shape}"
        )
    return times
