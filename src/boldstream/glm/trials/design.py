"""From the events of a run to the weights of its volumes that give the betas of trials."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.core.errors import TableError
from boldstream.glm.trials.events import REASON, Events, read_events
from boldstream.glm.trials.model import Model, make_model, make_nuisance
from boldstream.glm.trials.options import Drift, Estimation, Sampling
from boldstream.signal.caller import warnings_at_caller
from boldstream.signal.confounds import ConfoundsLike

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrialDesign:
    """Weights of the volumes of a run, and the trials whose betas they give.

    Attributes
    ----------
    weights : ndarray of float64, shape (n_trials, n_volumes)
        The betas are ``weights @ series``; 0 in volumes that are left out.
    table : pandas.DataFrame
        A row for each row of `weights`, in the order of the events: their
        columns, and ``row``, which of the events it is, from 0.
    excluded : pandas.DataFrame
        Wanted trials without a beta, and events of any condition that cannot
        be modelled: the same columns and ``reason``.
    method : {"lss", "lsa"}
    penalty : float
    """

    weights: Floats
    table: pd.DataFrame
    excluded: pd.DataFrame
    method: Literal["lss", "lsa"]
    penalty: float


@warnings_at_caller()
def make_trial_design(
    events: str | os.PathLike[str] | pd.DataFrame,
    n_volumes: int,
    t_r: float,
    *,
    method: Literal["lss", "lsa"] = "lss",
    others: Literal["condition", "all"] = "condition",
    conditions: Sequence[str] | None = None,
    hrf_model: Any = "glover",
    drift_model: Literal["cosine", "polynomial"] | None = "cosine",
    high_pass: float = 0.01,
    drift_order: int = 1,
    slice_time_ref: float = 0.0,
    min_onset: float = -24,
    oversampling: int = 50,
    confounds: ConfoundsLike | None = None,
    confound_names: Sequence[str] | None = None,
    sample_mask: Any = None,
    penalty: float = 0.0,
    unestimable: Literal["raise", "exclude"] = "raise",
    name: str = "events",
) -> TrialDesign:
    """Make the weights that give the beta of each trial of a run.

    A beta is what a model fitted to the series by least squares gives, and so
    a fixed weighted sum of the volumes. Models are those that nilearn makes
    when the trial is given a name of its own.

    Parameters
    ----------
    events : path or pandas.DataFrame
        Events as BIDS has them: ``onset`` and ``duration`` in seconds,
        ``trial_type`` (one condition "dummy" without it), ``modulation`` (the
        amplitude, 1 without it), and any others.
    n_volumes : int
        Of the run, with those that `sample_mask` leaves out.
    t_r : float
        Seconds.
    method : {"lss", "lsa"}
        A model for each trial, or one for all, in which every trial has a
        regressor. Trials that coincide have no beta in the latter.
    others : {"condition", "all"}
        With "lss", whether the other events have a regressor for each
        condition, or all of `conditions` share one (Turner et al. 2012).
    conditions : sequence of str, optional
        Whose trials get betas, all by default. Events of others stay in the
        model as a regressor for each condition.
    hrf_model : str, callable, list of callables, or None
        As nilearn's. Of several columns the first gives the beta; the others
        are orthogonal to it, as nilearn makes them. Not "fir".
    drift_model : {"cosine", "polynomial", None}
        As nilearn's.
    high_pass : float
        Hz; cosines take out what is slower.
    drift_order : int
        Of polynomials.
    slice_time_ref : float
        Share of the TR after which a volume counts as taken, 0 to 1.
    min_onset : float
        Earliest onset in seconds, relative to the first volume. Trials before
        it have no beta; in models they begin there, as in nilearn's.
    oversampling : int
        Points in a TR at which events are sampled.
    confounds : array, data frame, path, or list of these, optional
        One row for each of `n_volumes` (see `read_confounds`).
    confound_names : sequence of str, optional
        What errors call the columns of `confounds`.
    sample_mask : array of bool or int, optional
        Volumes that are kept. The others are left out after regressors are
        made, as by nilearn's FirstLevelModel.
    penalty : float
        With "lsa": of ridge, on all columns of trials, in the square of their
        unit. All trials whose regressor is more than drift, confounds and events
        without betas have one then.
    unestimable : {"raise", "exclude"}
        What to do where an event has no beta: because a cell is missing or no
        number, the trial lies outside the run, has no regressor in the
        volumes that are kept, or its regressor is made up of the others,
        drift and confounds. With "exclude" it is reported instead, and stays
        in the models among the other events of its condition if it has a
        regressor.
    name : str
        What errors call `events` that have no file.

    Returns
    -------
    TrialDesign

    Raises
    ------
    TableError
        If the events cannot be used or, unless excluded, an event has no
        beta; if none has.
    ParameterError
        If a parameter has a value outside what it accepts, or drift and
        confounds leave nothing of the volumes.

    Warns
    -----
    UserWarning
        If there is no ``trial_type``, or events that stay in the model begin
        before `min_onset`.

    References
    ----------
    J. A. Mumford et al., "Deconvolving BOLD activation in event-related
    designs for multivoxel pattern classification analyses", NeuroImage 59,
    2012.
    B. O. Turner et al., "Spatiotemporal activity estimation for multivoxel
    pattern analysis with rapid event-related designs", NeuroImage 62, 2012.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> events = pd.DataFrame({
    ...     "onset": [2.0, 14.0, 31.0], "duration": [1.0, 1.0, 1.0],
    ...     "trial_type": ["face", "house", "face"], "response_time": [0.7, 0.5, 0.9],
    ... })
    >>> design = make_trial_design(events, n_volumes=40, t_r=2.0)
    >>> design.weights.shape
    (3, 40)
    >>> design.table
       onset  duration trial_type  response_time  row
    0    2.0       1.0       face            0.7    0
    1   14.0       1.0      house            0.5    1
    2   31.0       1.0       face            0.9    2
    >>> make_trial_design(events, n_volumes=12, t_r=2.0)
    Traceback (most recent call last):
    boldstream.core.errors.TableError: events must give each trial a beta of its own, got 1
    without: row 2 ('face' at 31 s): it begins after the last volume, at 22 s...
    """
    sampling = Sampling(n_volumes, t_r, slice_time_ref, min_onset, oversampling)
    estimation = Estimation(method, others, penalty, unestimable)
    found = read_events(events, name)
    wanted = found.of_conditions(conditions)
    nuisance = make_nuisance(
        Drift(drift_model, high_pass, drift_order), sampling, confounds, confound_names, sample_mask
    )
    excluded: dict[int, str] = {}
    _report(excluded, found.faults, found, estimation)
    model = make_model(found, wanted, hrf_model, sampling, nuisance)
    _warn_of_early(found, model, sampling)
    _report(excluded, model.reasons_before(found, sampling), found, estimation)
    while True:
        is_trial = model.wanted & ~np.isin(model.rows, list(excluded))
        if not is_trial.any():
            raise TableError(f"{found.source} must have at least one trial with a beta, got none")
        weights, has_beta = model.solve(is_trial, estimation)
        if has_beta.all():
            break
        _report(excluded, model.reasons_after(is_trial, has_beta), found, estimation)
    spread = np.zeros((len(weights), n_volumes))
    spread[:, nuisance.kept] = weights
    table = found.table.iloc[model.rows[is_trial]].reset_index(drop=True)
    left_out = found.table.iloc[sorted(excluded)].reset_index(drop=True)
    left_out[REASON] = [excluded[row] for row in sorted(excluded)]
    return TrialDesign(spread, table, left_out, method, float(penalty))


def _report(
    excluded: dict[int, str], reasons: Mapping[int, str], found: Events, estimation: Estimation
) -> None:
    """Add rows to those that are excluded, or refuse them."""
    if estimation.unestimable == "raise":
        found.refuse(reasons)
    excluded.update(reasons)


def _warn_of_early(found: Events, model: Model, sampling: Sampling) -> None:
    """Say that events without betas of their own are moved; the others are reported."""
    onsets = found.onsets[model.rows[~model.wanted]]
    earliest = sampling.frames[0] + sampling.min_onset
    n_early = int(np.count_nonzero(onsets < earliest))
    if n_early:
        warnings.warn(
            f"{n_early} events of {found.source} begin before {earliest:g} s; in the model they "
            "begin there, as in nilearn's",
            UserWarning,
            stacklevel=3,
        )
