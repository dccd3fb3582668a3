"""Designs of runs: conditions, drift and confounds, as nilearn's first-level model has them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nilearn.glm.first_level import make_first_level_design_matrix
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError, TableError
from boldstream.glm.first_level.contrasts import Contrast, Floats
from boldstream.glm.trials.events import Events, read_events
from boldstream.glm.trials.options import Drift, Sampling
from boldstream.signal.runs import Run

_COLUMNS = ("onset", "duration", "trial_type", "modulation")
# nilearn's defaults.
_MIN_ONSET, _OVERSAMPLING = -24.0, 50
# Of a confound's length: what may be left of it where it is a sum of drifts.
_SAME = 1e-8


@dataclass(frozen=True, kw_only=True)
class DesignModel:
    """How events and drift become regressors; names and defaults are those of nilearn."""

    hrf_model: Any = "glover"
    drift_model: str | None = "cosine"
    high_pass: float = 0.01
    drift_order: int = 1
    slice_time_ref: float = 0.0
    fir_delays: Sequence[int] | None = None


@dataclass(frozen=True, eq=False)
class RunDesign:
    """The design of a run.

    Attributes
    ----------
    image : Path
    t_r : float
        Seconds.
    matrix : pandas.DataFrame, shape (volumes, regressors)
        All volumes; its index are the times of the volumes in seconds.
    kept : ndarray of int, or None
        Volumes that are fitted; None for all.
    """

    image: Path
    t_r: float
    matrix: Any
    kept: NDArray[np.intp] | None

    @property
    def fitted(self) -> Any:
        """The rows of the volumes that are fitted."""
        return self.matrix if self.kept is None else self.matrix.iloc[self.kept]

    def weights(self, contrast: Contrast) -> Floats:
        """Weights of the contrast in this run."""
        return contrast.weights(self.fitted, str(self.image))

    def require_residuals(self) -> None:
        """Refuse a run in which nothing is left to tell noise by.

        Raises
        ------
        ParameterError
            If there are not more volumes than regressors.
        """
        n_kept, n_columns = self.fitted.shape
        # Dependent ones count: nilearn divides by the difference.
        if n_kept <= n_columns:
            raise ParameterError(
                f"a run must have more volumes than regressors, got {n_kept} and {n_columns} "
                f"for {self.image}"
            )


def make_design(
    image: Path, n_volumes: int, t_r: float, events: Path, run: Run, model: DesignModel
) -> RunDesign:
    """Make the design of a run as nilearn's FirstLevelModel does, from headers and tables.

    Raises
    ------
    TableError
        If the events cannot be used, all of them, or not with these confounds.
    ParameterError
        If the volumes are too few for the regressors.
    """
    found = read_events(events)
    for row, fault in sorted(found.faults.items())[:1]:
        line = "" if found.lines is None else f", line {found.lines[row]}"
        raise TableError(f"{found.source}{line}: {fault}")
    matrix = design_matrix(found, n_volumes, t_r, run, model)
    design = RunDesign(image, t_r, matrix, run.kept)
    design.require_residuals()
    return design


def design_matrix(events: Events, n_volumes: int, t_r: float, run: Run, model: DesignModel) -> Any:
    """A column for each condition, drift and confound; events with faults are left out.

    Returns
    -------
    pandas.DataFrame, shape (volumes, regressors)
        Its index are the times of the volumes in seconds.

    Raises
    ------
    TableError
        If nilearn makes no design of the events and confounds.

    Warns
    -----
    UserWarning
        If events begin after the last volume.
    """
    table = events.table.drop(index=list(events.faults))
    columns = [name for name in _COLUMNS if name in table]
    frames = Sampling(n_volumes, t_r, model.slice_time_ref, _MIN_ONSET, _OVERSAMPLING).frames
    _warn_of_late(events, float(frames[-1]))
    kept = _beside_drift(run, frames, model)
    confounds = None if run.confounds is None or not kept else run.confounds[:, kept]
    delays = {} if model.fir_delays is None else {"fir_delays": model.fir_delays}
    try:
        return make_first_level_design_matrix(
            frames,
            table[columns] if len(table) else None,
            hrf_model=model.hrf_model,
            drift_model=model.drift_model,
            high_pass=model.high_pass,
            drift_order=model.drift_order,
            **delays,
            add_regs=confounds,
            add_reg_names=None if confounds is None else [_names(run)[i] for i in kept],
            min_onset=_MIN_ONSET,
            oversampling=_OVERSAMPLING,
        )
    except ValueError as error:
        raise TableError(f"{events.source} gives no design: {error}") from error


def _warn_of_late(events: Events, last: float) -> None:
    """Say that events have no part in the model: as where the repetition time is wrong."""
    n_late = int(np.count_nonzero(events.onsets > last))
    if n_late:
        warnings.warn(
            f"{n_late} of {len(events.onsets)} events of {events.source} begin after the last "
            f"volume, at {last:g} s, and have no part in the model; see that the repetition time "
            "is right",
            UserWarning,
            stacklevel=2,
        )


def _beside_drift(run: Run, frames: NDArray[np.float64], model: DesignModel) -> list[int]:
    """Confounds that are no sum of drifts: fMRIPrep's cosines are those of the model again."""
    if run.confounds is None:
        return []
    drift = Drift(model.drift_model, model.high_pass, model.drift_order)
    basis, _ = np.linalg.qr(drift.columns(frames))
    left = run.confounds - basis @ (basis.T @ run.confounds)
    lengths = np.linalg.norm(run.confounds, axis=0)
    is_drift = (lengths > 0) & (np.linalg.norm(left, axis=0) < _SAME * lengths)
    return np.flatnonzero(~is_drift).tolist()


def _names(run: Run) -> list[str]:
    n = 0 if run.confounds is None else run.confounds.shape[1]
    return list(run.names) or [f"confound_{i}" for i in range(n)]
