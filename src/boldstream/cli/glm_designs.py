"""The first-level model that a command asks for: its designs, checked, and its files, written."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from nilearn.glm.first_level import make_first_level_design_matrix
from numpy.typing import NDArray

from boldstream.cli.glm_contrasts import Contrast, Floats
from boldstream.cli.glm_files import ModelFiles
from boldstream.cli.glm_options import DesignOptions
from boldstream.core.errors import ParameterError, TableError
from boldstream.glm.trials.events import Events, read_events
from boldstream.glm.trials.options import Sampling
from boldstream.io.writing import write_json
from boldstream.signal.runs import Run

_COLUMNS = ("onset", "duration", "trial_type", "modulation")
# Inches of figures.
_WIDEST, _HIGHEST = 80.0, 10.0
# nilearn's defaults.
_MIN_ONSET, _OVERSAMPLING = -24.0, 50


@dataclass(frozen=True, eq=False)
class RunDesign:
    """The design of a run.

    Attributes
    ----------
    image : Path
    t_r : float
        Seconds.
    matrix : pandas.DataFrame, shape (volumes, regressors)
        All volumes.
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


def make_design(
    image: Path, n_volumes: int, t_r: float, events: Path, run: Run, options: DesignOptions
) -> RunDesign:
    """Make the design of a run as nilearn's FirstLevelModel does, from headers and tables.

    Raises
    ------
    TableError
        If the events cannot be used, or not with these confounds.
    ParameterError
        If the volumes are too few for the regressors.
    """
    found = read_events(events)
    for row, fault in sorted(found.faults.items())[:1]:
        line = "" if found.lines is None else f", line {found.lines[row]}"
        raise TableError(f"{found.source}{line}: {fault}")
    columns = [name for name in _COLUMNS if name in found.table]
    parameters = options.parameters
    frames = Sampling(
        n_volumes, t_r, parameters.pop("slice_time_ref"), _MIN_ONSET, _OVERSAMPLING
    ).frames
    _warn_of_late(found, float(frames[-1]))
    confounds = run.confounds
    try:
        matrix = make_first_level_design_matrix(
            frames,
            found.table[columns],
            **parameters,
            add_regs=confounds,
            add_reg_names=None if confounds is None else _names(run, confounds.shape[1]),
            min_onset=_MIN_ONSET,
            oversampling=_OVERSAMPLING,
        )
    except ValueError as error:
        raise TableError(f"{found.source} gives no design: {error}") from error
    design = RunDesign(image, t_r, matrix, run.kept)
    n_kept, n_columns = design.fitted.shape
    # Dependent ones count: nilearn divides by the difference.
    if n_kept <= n_columns:
        raise ParameterError(
            f"a run must have more volumes than regressors, got {n_kept} and {n_columns} "
            f"for {image}"
        )
    return design


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


def _names(run: Run, n: int) -> list[str]:
    return list(run.names) or [f"confound_{i}" for i in range(n)]


def write_designs(
    designs: Sequence[RunDesign],
    weights: Mapping[Contrast, Sequence[Floats]],
    files: ModelFiles,
    outputs: Mapping[str, Path],
) -> None:
    """Write what each run's data are explained with: tables, figures, and contrasts as figures."""
    mpl.use("Agg")
    from nilearn.plotting import plot_contrast_matrix, plot_design_matrix

    for i, design in enumerate(designs):
        matrix = design.fitted
        matrix.to_csv(outputs[files.of_run(i, "design.tsv")], sep="\t", index=False)
        write_json(outputs[files.of_run(i, "design.json")], {"RepetitionTime": design.t_r})
        n_rows, n_columns = matrix.shape
        figure, axes = _canvas(1 + 0.23 * n_columns, 1 + 0.1 * n_rows)
        plot_design_matrix(matrix, axes=axes)
        figure.savefig(outputs[files.of_run(i, "design.png")])
        for contrast, of_runs in weights.items():
            figure, axes = _canvas(0.4 * n_columns, 2.5 + 0.5 * len(contrast.rows))
            plot_contrast_matrix(of_runs[i], matrix, axes=axes)
            axes.set_xlabel(contrast.name)
            figure.savefig(outputs[files.of_run(i, "design.png", contrast=contrast.label)])


def _canvas(width: float, height: float) -> tuple[Figure, Any]:
    """A figure that pyplot does not know, and so does not keep; inches, within reason."""
    size = min(max(width, 5), _WIDEST), min(max(height, 3), _HIGHEST)
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()
