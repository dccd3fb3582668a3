"""The events of a run as regressors, and which of them have betas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.glm.trials.events import Events
from boldstream.glm.trials.lsa import lsa_weights, ridge_weights
from boldstream.glm.trials.lss import lss_weights
from boldstream.glm.trials.options import Drift, Estimation, Sampling
from boldstream.glm.trials.regressors import hrf_kernels, make_regressors, orthogonalised
from boldstream.glm.trials.spans import OWN, ROUNDING, Floats, scaled, span, sums, without
from boldstream.signal.confounds import ConfoundsLike, names_in_short, read_confounds
from boldstream.signal.fmriprep import merge_sample_masks

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Nuisance:
    """Drift and confounds in the volumes that are kept.

    Attributes
    ----------
    kept : ndarray of int
        Those volumes.
    basis : ndarray, shape (n, volumes kept)
        Orthonormal rows.
    """

    kept: Indices
    basis: Floats


def make_nuisance(
    drift: Drift,
    sampling: Sampling,
    confounds: ConfoundsLike | None,
    names: Sequence[str] | None,
    sample_mask: Any,
) -> Nuisance:
    """Make drift and confounds of a run; see `make_trial_design`."""
    n_volumes = sampling.n_volumes
    kept = merge_sample_masks(None, sample_mask, n_volumes)
    if kept is None:
        kept = np.arange(n_volumes)
    columns = drift.columns(sampling.frames)
    n_drift, n_confounds = columns.shape[1], 0
    if confounds is not None:
        values = read_confounds(confounds, n_volumes)
        n_confounds = values.shape[1]
        columns = np.hstack([columns, values])
    if names is not None and len(names) != n_confounds:
        raise ParameterError(
            f"`confound_names` must name each of {n_confounds} confounds, got {len(names)} names"
        )
    rows = columns[kept].T
    basis = span(rows, np.linalg.norm(rows, axis=1))
    if len(basis) >= len(kept):
        called = f" ({names_in_short(names)})" if names else ""
        raise ParameterError(
            f"drift and confounds must be fewer than the volumes that are kept, {len(kept)}, got "
            f"{n_drift} columns of drift and {n_confounds} confounds{called}"
        )
    return Nuisance(kept, basis)


@dataclass(frozen=True, eq=False)
class Model:
    """Events that have regressors.

    Attributes
    ----------
    rows : ndarray of int, shape (events,)
        Rows of the events that can be modelled.
    conditions : ndarray of str, shape (events,)
    wanted : ndarray of bool, shape (events,)
        Whether an event is to have a beta.
    regressors : ndarray, shape (kernels, events, volumes kept)
        Before orthogonalisation.
    own : ndarray, shape (kernels - 1, events, volumes kept)
        Further columns of each event alone, orthogonal in the whole run.
    has_regressor : ndarray of bool, shape (events,)
        Whether anything of it lies in the volumes that are kept.
    nuisance : Nuisance
    """

    rows: Indices
    conditions: NDArray[np.object_]
    wanted: NDArray[np.bool_]
    regressors: Floats
    own: Floats
    has_regressor: NDArray[np.bool_]
    nuisance: Nuisance

    def solve(
        self, is_trial: NDArray[np.bool_], estimation: Estimation
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Weights of trials (trials, volumes kept), and which of them have a beta."""
        if estimation.method == "lss":
            together = self.conditions.copy()
            if estimation.others == "all":
                # No condition is called so: those are not empty.
                together[self.wanted] = ""
            return lss_weights(
                self.regressors, self.own, is_trial, _groups(together), self.nuisance.basis
            )
        fixed = self._fixed(is_trial)
        columns = np.concatenate([self.regressors[:1], self.own])[:, is_trial]
        if estimation.penalty:
            return ridge_weights(columns, fixed, estimation.penalty)
        sizes = np.linalg.norm(self.regressors, axis=-1)[:, is_trial]
        return lsa_weights(columns, sizes, fixed)

    def _fixed(self, is_trial: NDArray[np.bool_]) -> Floats:
        """Orthonormal rows of the nuisance and of the conditions of all but trials."""
        rest = np.flatnonzero(~is_trial)
        groups = [rest[group] for group in _groups(self.conditions[rest])]
        sizes = np.linalg.norm(self.regressors, axis=-1)
        others, other_sizes = sums(self.regressors, sizes, groups)
        basis = self.nuisance.basis
        return np.concatenate([basis, span(without(others, basis), other_sizes)])

    def reasons_before(self, found: Events, sampling: Sampling) -> dict[int, str]:
        """Why trials have no regressor of their own in the run, by row."""
        frames = sampling.frames
        earliest = frames[0] + sampling.min_onset
        reasons = {}
        for i in np.flatnonzero(self.wanted):
            row = int(self.rows[i])
            onset = found.onsets[row]
            if onset < earliest:
                reasons[row] = f"it begins before {earliest:g} s (`min_onset`)"
            elif self.has_regressor[i]:
                continue
            elif found.amplitudes[row] == 0:
                reasons[row] = "its modulation is 0"
            elif onset >= frames[-1]:
                reasons[row] = f"it begins after the last volume, at {frames[-1]:g} s"
            else:
                reasons[row] = "its regressor is 0 in the volumes that are kept"
        return reasons

    def reasons_after(
        self, is_trial: NDArray[np.bool_], has_beta: NDArray[np.bool_]
    ) -> dict[int, str]:
        """Why trials with a regressor have no beta, by row."""
        without_beta = np.flatnonzero(is_trial)[~has_beta]
        first = self.regressors[0, without_beta]
        units = scaled(first, np.linalg.norm(first, axis=1))
        alike = np.abs(units @ units.T) > 1 - ROUNDING
        np.fill_diagonal(alike, val=False)
        reasons = {}
        for i, same in zip(without_beta, alike, strict=True):
            twins = ", ".join(str(row) for row in self.rows[without_beta[same]])
            reasons[int(self.rows[i])] = (
                f"its regressor is that of row {twins} too"
                if twins
                else "its regressor is made up of those of other events, drift and confounds"
            )
        return reasons


def make_model(
    found: Events,
    wanted: NDArray[np.bool_],
    hrf_model: Any,
    sampling: Sampling,
    nuisance: Nuisance,
) -> Model:
    """Make the regressors of all events that can be modelled."""
    rows = np.setdiff1d(np.arange(len(found.table)), list(found.faults)).astype(np.intp)
    kernels = hrf_kernels(hrf_model, sampling)
    regressors, peaks = make_regressors(
        found.onsets[rows], found.durations[rows], found.amplitudes[rows], sampling, kernels
    )
    own = orthogonalised(regressors)
    kept = nuisance.kept
    largest = np.abs(regressors[0][:, kept]).max(axis=1)
    return Model(
        rows,
        found.conditions[rows],
        wanted[rows],
        regressors[..., kept],
        own[..., kept],
        largest > OWN * peaks,
        nuisance,
    )


def _groups(labels: NDArray[np.object_]) -> list[Indices]:
    return [np.flatnonzero(labels == label) for label in sorted(set(labels))]
